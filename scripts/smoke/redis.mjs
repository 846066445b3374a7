// A redis-server for the time of a run: the one on the PATH, on a free port of the loopback interface.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError } from '../setup/run.mjs';

const START_MS = 30_000;

/** Starts a server, calls `use` with its URL, and stops the server. */
export async function withRedis(use) {
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('redis-server', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => server.once('error', resolve).once('exit', resolve));
  try {
    await Promise.race([answers(port), ended.then(() => Promise.reject(new SetupError('redis-server does not start; is it on the PATH?')))]);
    return await use(`redis://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function freePort() {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address();
  holder.close();
  await once(holder, 'close');
  return port;
}

async function answers(port) {
  for (const end = Date.now() + START_MS; ; await pause(20)) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.write('PING\r\n');
      const [reply] = await once(socket, 'data');
      if (String(reply).startsWith('+PONG')) return;
    } catch {
      // Not listening yet.
    } finally {
      socket.destroy();
    }
    if (Date.now() > end) throw new SetupError(`redis-server does not answer on port ${port}`);
  }
}
