/** `process.exit()` with many connections: commands reach healthy servers, and all other servers together cost one short wait. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as net from 'node:net';
import { BlackHole } from '../helpers/black-hole';
import { endsWithTest, serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { type RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const server = serverForAll();
const other = serverForAll();
const ends = endsWithTest();
beforeEach(() => Promise.all([server.command('FLUSHALL'), other.command('FLUSHALL')]));

/**
 * Runs `body` in a process of its own, which ends with `process.exit()`; returns how long that took there, in milliseconds. `made(port, count)`
 * makes clients that are ready; `asked()` waits while `answer` runs here.
 */
async function exitOf(body: string, answer?: () => Promise<unknown>): Promise<{ took: number }> {
  const child = new NodeProcess(
    `
    const { Redis } = require('hawser');
    const made = async (port, count) => {
      const all = Array.from({ length: count }, () => new Redis(port, '127.0.0.1', { retryStrategy: null, watchdogMs: 0 }));
      for (const redis of all) redis.on('error', () => {});
      await Promise.all(all.map((redis) => redis.ping()));
      return all;
    };
    const asked = () => new Promise((done) => { process.stdin.once('data', done); console.log('ready'); });
    const stop = (pid) => process.kill(pid, 'SIGSTOP');
    (async () => {
      ${body}
      const started = performance.now();
      process.on('exit', () => console.log('took', performance.now() - started));
      process.exit(0);
    })();`,
    { deadlineMs: 60_000 },
  );
  if (answer !== undefined) {
    await child.line(/ready/, { deadlineMs: 30_000 });
    await answer();
    child.send('go');
  }
  const { stdout, stderr, code } = await child.done;
  expect([stderr, code]).toEqual(['', 0]);
  return { took: Number(/took (.+)/.exec(stdout)?.[1]) };
}

/** Stops a server for as long as `run` takes. */
async function frozen<T>(stopped: RedisServer, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } finally {
    process.kill(stopped.pid as number, 'SIGCONT');
    await stopped.command('PING');
  }
}

const onFrozen = (count: number): Promise<{ took: number }> =>
  frozen(server, () => exitOf(`const all = await made(${server.port}, ${count}); stop(${server.pid}); for (const redis of all) redis.set('a', 1).catch(() => {});`));

test('many clients of a frozen server share one wait', async () => {
  const one = await onFrozen(1);
  const many = await onFrozen(300);
  expect(many.took).toBeLessThan(30 * one.took);
});

test('the commands of many clients reach a healthy server', async () => {
  await exitOf(`for (const redis of await made(${server.port}, 300)) for (let n = 0; n < 20; n++) redis.incr('count');`);
  await until(async () => (await server.clientIds()).length === 0);
  expect(await server.command('GET', 'count')).toBe('6000');
});

test('frozen servers and black holes do not delay a healthy server, and together wait no longer than one', async () => {
  const hole = ends(await BlackHole.start(other));
  // A listener that accepts nothing. Connections beyond its queue never open.
  const full = spawn('python3', ['-c', 'import socket,time\ns=socket.socket();s.bind(("127.0.0.1",0));s.listen(0);print(s.getsockname()[1],flush=True);time.sleep(600)']);
  const [line] = (await once(full.stdout, 'data')) as [Buffer];
  const mixture = `
    const frozen = await made(${server.port}, 50), lost = await made(${hole.port}, 1), healthy = await made(${other.port}, 50);
    for (let n = 0; n < 20; n++) { const redis = new Redis(${Number(String(line))}, '127.0.0.1'); redis.on('error', () => {}); redis.set('never', 1).catch(() => {}); }
    await asked();
    stop(${server.pid});
    for (const redis of [...frozen, ...lost]) redis.set('a', 1).catch(() => {});
    for (const redis of healthy) for (let n = 0; n < 20; n++) redis.incr('count');`;
  const alone = await onFrozen(1);
  const { took } = await frozen(server, () => exitOf(mixture, () => hole.swallow()));
  full.kill('SIGKILL');
  await until(async () => (await other.command('GET', 'count')) === '1000');
  expect(took).toBeLessThan(30 * alone.took);
});

/** A server that answers the handshake. From the first GET on, `then` has the connection. */
async function scripted(then: (socket: net.Socket) => void): Promise<number> {
  const listener = net.createServer((socket) => {
    let isAsked = false;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      const text = String(chunk).toLowerCase();
      if (text.includes('hello')) socket.write('%1\r\n+proto\r\n:3\r\n');
      for (const _ of text.matchAll(/\r\n(client|select)\r\n/g)) socket.write('+OK\r\n');
      if (text.includes('\r\ninfo\r\n')) socket.write('$9\r\nloading:0\r\n');
      if (text.includes('\r\nping\r\n')) socket.write('+PONG\r\n');
      if (text.includes('\r\nsubscribe\r\n')) socket.write('>3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n');
      if (isAsked || !text.includes('\r\nget\r\n')) return;
      isAsked = true;
      then(socket);
    });
  });
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  ends({ stop: () => listener.close() });
  return (listener.address() as net.AddressInfo).port;
}

test('a stream of messages does not delay the exit', async () => {
  const port = await scripted((socket) => {
    const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write('>3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n')), 1);
  });
  const alone = await onFrozen(1);
  const { took } = await exitOf(`const [redis] = await made(${port}, 1); await redis.subscribe('news'); redis.get('never').catch(() => {}); await new Promise((done) => redis.once('message', done));`);
  expect(took).toBeLessThan(30 * alone.took);
});

test('the exit does not wait for all answers of a slow server', async () => {
  let answered = 0;
  let isClosed = false;
  const port = await scripted((socket) => {
    const timer = setInterval(() => {
      if (socket.destroyed) return;
      socket.write('$-1\r\n');
      answered++;
    }, 5);
    socket.on('close', () => {
      clearInterval(timer);
      isClosed = true;
    });
  });
  await exitOf(`const [redis] = await made(${port}, 1); for (let n = 0; n < 2000; n++) redis.get('x').catch(() => {});`);
  await until(() => isClosed);
  expect(answered).toBeGreaterThan(0);
  expect(answered).toBeLessThan(1000);
});

test('commands that wait for the handshake arrive', async () => {
  await server.config.set('requirepass', 'secret');
  try {
    await exitOf(`
      const redis = new Redis(${server.port}, { password: 'secret', db: 3, connectionName: 'last' });
      await new Promise((done) => redis.once('connect', done));
      redis.set('first', 'words');
      redis.multi().incr('n').incr('n').exec();`);
  } finally {
    await server.command('CONFIG', 'SET', 'requirepass', '').catch(() => undefined);
  }
  const admin = await server.connect();
  await admin.command('SELECT', 3);
  await until(async () => (await admin.command('GET', 'first')) === 'words' && (await admin.command('GET', 'n')) === '2');
  admin.close();
});

test.each([
  ['blpop', `redis.blpop('none', 0).catch(() => {});`],
  ['xread with BLOCK', `redis.xread('BLOCK', 0, 'STREAMS', 'none', '$').catch(() => {});`],
])('the exit waits for commands before a blocking command, but not for that one: %s', async (_, block) => {
  const { took } = await exitOf(`
    const all = await made(${server.port}, 100);
    for (const redis of all) { for (let n = 0; n < 50; n++) redis.incr('before'); ${block} redis.incr('behind').catch(() => {}); }`);
  const alone = await onFrozen(1);
  expect(took).toBeLessThan(30 * alone.took);
  await until(async () => (await server.command('GET', 'before')) === '5000');
});

test('the exit waits for an XREAD without BLOCK like for any other command', async () => {
  await exitOf(`const [redis] = await made(${server.port}, 1); redis.xread('STREAMS', 's', '0'); for (let n = 0; n < 20000; n++) redis.incr('n');`);
  await until(async () => (await server.clientIds()).length === 0);
  expect(await server.command('GET', 'n')).toBe('20000');
});
