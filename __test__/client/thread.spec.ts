/**
 * `transport: 'thread'`: what is its own. That it behaves like Node's sockets is checked by the other specs, with HAWSER_TEST_TRANSPORT=thread
 * (`npm test -- --only thread-all`).
 */
import { createPrivateKey } from 'node:crypto';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { Cluster, RedisManager, type Redis } from '../../lib';
import { ThreadSocket } from '../../lib/link/thread_socket';
import { makeCertificates } from '../helpers/certificates';
import { clientsForTest, endsWithTest, serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { RedisCluster } from '../helpers/redis-cluster';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const certificates = makeCertificates(['localhost', 'hawser.example']);
const server = serverForAll();
const secured = serverForAll({ tls: { clientCertificates: true }, certificates });
const secure = { ca: certificates.ca, ...certificates.client };
const connect = clientsForTest(() => ({ transport: 'thread' }));
const ends = endsWithTest();

const onThread = (redis: Redis): boolean => (redis.stream as unknown) instanceof ThreadSocket;

/** Runs a snippet whose clients use the thread. */
const run = (script: string, deadlineMs = 20_000): NodeProcess['done'] =>
  new NodeProcess(
    `const { Redis: Base } = require('hawser');
    const secure = ${JSON.stringify(secure)};
    const plain = (options) => new Base(${server.port}, '127.0.0.1', { transport: 'thread', ...options });
    const safe = (options) => new Base(${secured.port}, 'localhost', { transport: 'thread', tls: secure, ...options });
    (async () => { ${script} })();`,
    { deadlineMs },
  ).done;

describe.each<[string, () => unknown[]]>([
  ['TCP', () => [server.port, '127.0.0.1']],
  ['a unix socket', () => [server.path]],
  ['TLS', () => [{ host: 'localhost', port: secured.port, tls: secure }]],
  ['TLS 1.2', () => [{ host: 'localhost', port: secured.port, tls: { ...secure, maxVersion: 'TLSv1.2' } }]],
])('over %s', (_, args) => {
  test('values of all lengths come back as they were', async () => {
    const redis = connect(...args());
    for (const length of [0, 1, 16_000, 65_535, 65_536, 262_144, 1_000_000, 9_000_001]) {
      const value = Buffer.alloc(length, 'abcdefg\r\n\0é');
      const [, , text, bytes] = await Promise.all([redis.set('v', value), redis.ping(), redis.get('v'), redis.getBuffer('v')]);
      expect(bytes?.equals(value)).toBe(true);
      expect(text).toBe(value.toString());
    }
    expect(onThread(redis)).toBe(true);
    expect((redis.stream as unknown as { bytesRead: number }).bytesRead).toBeGreaterThan(20_000_000);
  });

  test('many commands of one tick are answered in their order', async () => {
    const redis = connect(...args());
    await redis.del('n');
    const counts = await Promise.all(Array.from({ length: 20_000 }, () => redis.incr('n')));
    expect(counts).toEqual(Array.from({ length: 20_000 }, (_item, i) => i + 1));
    expect(await redis.pipeline().set('a', 1).incr('a').lpush('a', 1).exec()).toMatchObject([[null, 'OK'], [null, 2], [{ name: 'ReplyError' }, undefined]]);
    expect(await redis.multi().set('b', 1).incr('b').exec()).toEqual([[null, 'OK'], [null, 2]]);
  });

  test('messages arrive, and quit waits for its reply', async () => {
    const [subscriber, publisher] = [connect(...args()), connect(...args())];
    const messages: string[] = [];
    subscriber.on('message', (_channel: string, text: string) => messages.push(text));
    await subscriber.subscribe('news');
    await publisher.publish('news', 'today');
    await until(() => messages.length === 1);
    expect(await subscriber.quit()).toBe('OK');
    await until(() => subscriber.status === 'end');
    expect((subscriber.stream as unknown as { destroyed?: boolean } | undefined)?.destroyed ?? true).toBe(true);
  });

  test('a reply that has arrived is not late, however busy this thread was', async () => {
    const redis = connect(...args(), { commandTimeout: 150 });
    await redis.set('k', 'x'.repeat(200_000));
    for (let i = 0; i < 3; i++) {
      const value = redis.get('k');
      await new Promise((resolve) => setImmediate(resolve));
      const start = performance.now();
      while (performance.now() - start < 400);
      expect(await value).toHaveLength(200_000);
    }
  });

  test('a connection that is lost is made again, and its writes are not mixed up', async () => {
    const redis = connect(...args(), { retryStrategy: () => 1 });
    for (let i = 0; i < 5; i++) {
      await redis.set('k', i);
      const gone = new Promise((resolve) => redis.once('close', resolve));
      const reads = Array.from({ length: 50 }, () => redis.get('k'));
      (redis.stream).destroy();
      expect(await Promise.all(reads)).toEqual(Array(50).fill(String(i)));
      await gone;
    }
  });
});

describe('what the thread cannot do is left to Node, with one warning', () => {
  test.each<[string, object, string]>([
    ['ciphers', { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256' }, 'tls.ciphers'],
    ['a secure context', { secureContext: tls.createSecureContext(secure) }, 'tls.secureContext'],
    ['two keys', { key: [certificates.client.key, certificates.client.key], cert: [certificates.client.cert, certificates.client.cert] }, 'tls.cert'],
  ])('%s', async (_, more, reason) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const redis = connect({ host: 'localhost', port: secured.port, tls: { ...secure, ...more }, retryStrategy: () => 1 });
    expect(await redis.ping()).toBe('PONG');
    const again = new Promise((resolve) => redis.once('ready', resolve));
    (redis.stream).destroy();
    await again;
    expect(onThread(redis)).toBe(false);
    const said = warn.mock.calls.map(([text]) => String(text));
    warn.mockRestore();
    expect(said).toEqual([expect.stringContaining(`'thread' does not go together with ${reason}:`)]);
  });

  test('a stream of a Connector stays as it is', async () => {
    class Own {
      readonly stream = net.connect(server.port, '127.0.0.1');
      connect(): Promise<net.Socket> {
        return Promise.resolve(this.stream);
      }
      disconnect(): void {
        this.stream.end();
      }
      check(): boolean {
        return true;
      }
    }
    const redis = connect({ Connector: Own });
    expect(await redis.ping()).toBe('PONG');
    expect(redis.stream).toBeInstanceOf(net.Socket);
  });
});

describe('the certificate', () => {
  test('is checked by the application\'s function, which may refuse it', async () => {
    const seen: string[] = [];
    const check = (host: string, certificate: tls.PeerCertificate): Error | undefined => {
      seen.push(`${host} ${String(certificate.subject.CN)}`);
      return seen.length > 1 ? new Error('not today') : undefined;
    };
    const at = (): Redis => connect({ host: 'localhost', port: secured.port, tls: { ...secure, checkServerIdentity: check }, retryStrategy: null });
    expect(await at().ping()).toBe('PONG');
    const refused = at();
    const errors: Error[] = [];
    refused.on('error', (error: Error) => errors.push(error));
    await expect(refused.ping()).rejects.toThrow();
    expect(errors[0].message).toBe('not today');
    expect(seen).toEqual(['localhost localhost', 'localhost localhost']);
  });

  test('of the client may have a key with a passphrase', async () => {
    const key = createPrivateKey(secure.key).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' });
    const redis = connect({ host: 'localhost', port: secured.port, tls: { ...secure, key, passphrase: 'secret' } });
    expect(await redis.ping()).toBe('PONG');
    expect(onThread(redis)).toBe(true);
  });

  test('of a server that signed it itself is trusted if it is the authority', async () => {
    const [name, own] = ['localhost', makeCertificates()];
    const alone = { ca: own.server.cert, server: own.server, client: own.client };
    const other = ends(await RedisServer.start({ tls: {}, certificates: { ...alone, ca: own.ca } }));
    expect(await connect({ host: name, port: other.port, tls: { ca: alone.ca } }).ping()).toBe('PONG');
  });

  test('is not looked at with rejectUnauthorized: false, and is there to be looked at', async () => {
    const redis = connect({ host: '127.0.0.1', port: secured.port, tls: { ...secure, ca: makeCertificates().ca, rejectUnauthorized: false } });
    expect(await redis.ping()).toBe('PONG');
    expect((redis.stream as unknown as tls.TLSSocket).getPeerCertificate().subject.CN).toBe('localhost');
    expect('encrypted' in redis.stream).toBe(true);
  });
});

describe('the process', () => {
  test.each(['plain', 'safe'])('ends by itself, also with an unreferenced client (%s)', async (kind) => {
    for (const end of ['await redis.quit();', 'redis.disconnect();', 'redis.unref();']) {
      const result = await run(`const redis = ${kind}(); await redis.set('a', 1); ${end}`);
      expect([end, result.code, result.timedOut, result.stderr]).toEqual([end, 0, false, '']);
    }
  });

  test.each(['plain', 'safe'])('is held by an open client (%s)', async (kind) => {
    expect((await run(`const redis = ${kind}(); await redis.ping();`, 2000)).timedOut).toBe(true);
  });

  test('writes what was issued before it exits, over TLS too', async () => {
    const result = await run(`
      const [a, b] = [plain(), safe()];
      await Promise.all([a.del('exit'), b.del('exit')]);
      for (let i = 0; i < 5000; i++) { a.incr('exit'); b.incr('exit'); }
      process.exit(3);`);
    expect([result.code, result.stderr]).toEqual([3, '']);
    await until(async () => (await server.command('GET', 'exit')) === '5000');
    const reader = connect({ host: 'localhost', port: secured.port, tls: secure });
    await until(async () => (await reader.get('exit')) === '5000');
  });

  test('workers that are terminated under traffic leave no connection', async () => {
    const result = await run(`
      const { Worker } = require('node:worker_threads');
      const code = 'const { Redis } = require("hawser"); for (let n = 0; n < 2; n++) { const redis = new Redis(${server.port}, "127.0.0.1", { transport: "thread", connectionName: "worker" });' +
        'const loop = () => redis.get("a").then(loop, () => {}); for (let i = 0; i < 20; i++) loop(); }' +
        'setTimeout(() => require("node:worker_threads").parentPort.postMessage("on"), 20);';
      for (let round = 0; round < 5; round++) {
        await Promise.all(Array.from({ length: 4 }, () => new Promise((resolve) => {
          const worker = new Worker(code, { eval: true });
          worker.once('message', () => worker.terminate().then(resolve));
        })));
      }
      console.log('done');`, 60_000);
    expect([result.code, result.stdout, result.stderr]).toEqual([0, 'done\n', '']);
    await until(async () => !String(await server.command('CLIENT', 'LIST')).includes('name=worker'));
  }, 90_000);
});

test('the manager\'s clients use it, and the cache works on it', async () => {
  const script = `
    const { RedisManager, CacheRepository } = require('hawser');
    RedisManager.configure({ url: 'redis://127.0.0.1:${server.port}', redis: { transport: 'thread' } });
    const redis = await RedisManager.getMainClient();
    const cache = new CacheRepository('thread');
    let loads = 0;
    const value = { text: 'x'.repeat(300_000) };
    for (let i = 0; i < 3; i++) await cache.getOrSet('k', () => (loads++, value), { tags: ['t'] });
    const hit = await cache.get('k');
    await cache.invalidateTags(['t']);
    console.log(redis.stream.constructor.name, loads, hit.text.length, await cache.get('k'));
    await RedisManager.closeAll();`;
  const result = await run(script);
  expect([result.stdout, result.code]).toEqual(['ThreadSocket 1 300000 null\n', 0]);
  expect(() => RedisManager.configure({ redis: { transport: 'fiber' as 'thread' } })).toThrow("manager.redis.transport must be 'socket' or 'thread'");
});

test('the connections of a cluster use it', async () => {
  const cluster = ends(await RedisCluster.start());

  const redis = ends(new Cluster(cluster.nodes, { redisOptions: { transport: 'thread' } }));
  await Promise.all(Array.from({ length: 300 }, (_, i) => redis.set(`k${i}`, i)));
  expect(await Promise.all(Array.from({ length: 300 }, (_, i) => redis.get(`k${i}`)))).toEqual(Array.from({ length: 300 }, (_, i) => String(i)));
  expect(redis.nodes('master').map((node) => onThread(node))).toEqual([true, true, true]);
}, 60_000);
