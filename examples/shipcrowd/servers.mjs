// Redis servers for one run: on free ports of this machine, with nothing on the disk but a temporary folder.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const NODES = 6;
const MASTERS = 3;
const SLOTS = 16_384;

const started = [];

/** The URL of a new server, or undefined where there is no redis-server. BullMQ needs noeviction. */
export async function startServer(args = []) {
  if (spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'shipcrowd-redis-'));
  const port = await freePort();
  const child = spawn('redis-server', ['--port', port, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', ...args].map(String), {
    stdio: 'ignore',
    // Not in the terminal's group: it ends after everybody who uses it.
    detached: true,
  });
  started.push({ child, folder });
  await until(() => ask(port, 'PING').then((reply) => reply.startsWith('+PONG')));
  return `redis://127.0.0.1:${port}`;
}

/** Three masters with a replica each. Returns the URL of one node. */
export async function startCluster() {
  const urls = [];
  for (let i = 0; i < NODES; i++) urls.push(await startServer(['--cluster-enabled', 'yes', '--cluster-node-timeout', '3000']));
  if (urls.includes(undefined)) throw new Error('--cluster needs a redis-server on the PATH, or --redis with the URL of a node');
  const ports = urls.map((url) => Number(new URL(url).port));
  const ids = await Promise.all(ports.map((port) => ask(port, 'CLUSTER MYID').then((reply) => reply.split('\r\n')[1])));
  for (const port of ports.slice(1)) await ask(ports[0], `CLUSTER MEET 127.0.0.1 ${port}`);
  for (let i = 0; i < MASTERS; i++) await ask(ports[i], `CLUSTER ADDSLOTSRANGE ${Math.floor((i * SLOTS) / MASTERS)} ${Math.floor(((i + 1) * SLOTS) / MASTERS) - 1}`);
  for (let i = MASTERS; i < NODES; i++) await until(() => ask(ports[i], `CLUSTER REPLICATE ${ids[i - MASTERS]}`).then((reply) => reply.startsWith('+OK')));
  for (const port of ports) await until(() => ask(port, 'CLUSTER INFO').then((reply) => reply.includes('cluster_state:ok') && reply.includes('cluster_known_nodes:6')));
  return urls[0];
}

export async function stopServers() {
  await Promise.all(
    started.splice(0).map(async ({ child, folder }) => {
      if (child.exitCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    }),
  );
}

/** One command over a connection of its own; resolves with the first chunk of the reply. */
function ask(port, command) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(`${command}\r\n`));
    socket.setEncoding('utf8').once('data', (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.once('error', reject);
  });
}

async function until(condition) {
  for (const end = Date.now() + 30_000; ; await pause(20)) {
    if (await condition().catch(() => false)) return;
    if (Date.now() > end) throw new Error('redis-server does not answer');
  }
}

/** Below the range that systems use for outgoing connections, and with room for the cluster's port (10,000 above). */
async function freePort() {
  for (;;) {
    const port = 10_500 + Math.floor(Math.random() * 10_000);
    const isFree = await new Promise((resolve) => {
      const server = net.createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
