// The bench's own redis-server: on a free port, without persistence. It ends when this process ends in any way.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export class Server {
  /** `args`: more configuration. */
  static async start(args = []) {
    const binary = process.env.HAWSER_TEST_SERVER || 'redis-server';
    const directory = mkdtempSync(path.join(tmpdir(), 'hawser-bench-'));
    const port = await freePort();
    const own = ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'no', ...args];
    const child = spawn(binary, own, { stdio: 'ignore' });
    const server = new Server(port, directory, child);
    guard(child, directory);
    for (let tries = 0; ; tries++) {
      const answer = await server.ask('PING').catch(() => undefined);
      if (answer === 'PONG') return server;
      if (child.exitCode !== null || tries === 200) throw new Error(`${binary} does not answer on port ${port}`);
      await pause(50);
    }
  }

  constructor(port, directory, child) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.directory = directory;
    this.child = child;
  }

  async version() {
    const info = await this.ask('INFO server');
    return /(valkey|redis)_version:(\S+)/.exec(info).slice(1, 3).join(' ');
  }

  /** One command without binary arguments. */
  ask(line) {
    return ask(this.port, line);
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Kills the server when this process is gone, because the other end of the pipe closes then. */
function guard(child, directory) {
  const script = 'cat >/dev/null; kill -9 "$0" 2>/dev/null; rm -rf "$1"';
  const watch = spawn('/bin/sh', ['-c', script, String(child.pid), directory], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watch.once('error', () => {});
  watch.unref();
  watch.stdin.unref();
}

/** Sends a command over a new connection. Returns a status, an integer or a bulk string. */
export function ask(port, line) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.once('connect', () => socket.write(`${line}\r\n`));
    socket.on('data', (chunk) => {
      text += chunk;
      const reply = parse(text);
      if (reply === undefined) return;
      socket.destroy();
      if (reply.startsWith('-')) reject(new Error(reply.slice(1)));
      else resolve(reply);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error(`the connection was closed before the reply to ${line}`)));
  });
}

function parse(text) {
  const end = text.indexOf('\r\n');
  if (end < 0) return undefined;
  const first = text.slice(0, end);
  if (first[0] === '-') return first;
  if (first[0] !== '$') return first.slice(1);
  const bulk = text.slice(end + 2, end + 2 + Number(first.slice(1)));
  return bulk.length === Number(first.slice(1)) ? bulk : undefined;
}

/** CPU time that the server has used, in microseconds. */
export async function cpuTime(port) {
  const info = await ask(port, 'INFO cpu');
  return ['sys', 'user'].reduce((sum, kind) => sum + Number(new RegExp(`used_cpu_${kind}:([\\d.]+)`).exec(info)[1]) * 1e6, 0);
}

/** Calls by command since the last CONFIG RESETSTAT, without INFO and CONFIG. */
export async function commandCalls(port) {
  const stats = await ask(port, 'INFO commandstats');
  const calls = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name, times]) => [name, Number(times)]);
  return Object.fromEntries(calls.filter(([name]) => !/^(info|config)/.test(name)));
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
