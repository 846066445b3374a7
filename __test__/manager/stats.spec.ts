/** What the manager tells of its connections and their servers. */
import { CacheRepository, redisHealthCheck, RedisManager, type ManagerOptions } from '../../lib/facade';
import { nowMs } from '../helpers/clock';
import { freePort, RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

let server: RedisServer;
const [warn, info] = [jest.fn(), jest.fn()];
const logger = { debug() {}, info, warn, error() {} };
const configure = (options: ManagerOptions = {}): void => RedisManager.configure({ url: server.url, logger, ...options });

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => {
  warn.mockClear();
  info.mockClear();
  configure();
});
afterEach(async () => {
  server.thaw();
  await RedisManager.closeAll();
  await server.config.set('maxmemory-policy', 'noeviction');
  await server.config.set('maxmemory', 0);
});
afterAll(() => server.stop());

test('before first use every role is closed, and asking opens nothing', async () => {
  expect(await RedisManager.stats()).toMatchObject({
    mode: 'standalone',
    main: { state: 'closed', nodes: [] },
    subscriber: { state: 'closed', nodes: [] },
    publisher: { state: 'closed', nodes: [] },
    cache: { state: 'closed', nodes: [] },
    pool: { lent: 0, idle: 0, waiting: 0, max: 10 },
    warnings: [],
  });
  expect(String(await server.command('CLIENT', 'LIST'))).not.toContain('hawser:');
});

test('each connection has its node, state, latency, traffic and server', async () => {
  const redis = await RedisManager.getMainClient();
  for (let i = 0; i < 200; i++) await redis.set('k', 'x'.repeat(1000));
  await (await RedisManager.getSubscriberClient()).subscribe('news');
  const { main, subscriber, publisher } = await RedisManager.stats();
  const [node] = main.nodes;
  expect(node).toMatchObject({ node: `127.0.0.1:${server.port}`, state: 'ready', queued: 0, reconnects: 0, lastError: null });
  const { p50, p95, p99, max, samples } = node.latencyMs!;
  expect(samples).toBeGreaterThan(10);
  expect([p50 > 0, p95 >= p50, p99 >= p95, max >= p99]).toEqual([true, true, true, true]);
  expect(node.bytesOut).toBeGreaterThan(200_000);
  expect(node.bytesIn).toBeGreaterThan(200 * 5);
  const version = server.version.numbers.join('.');
  expect(node.server).toEqual({
    name: server.version.valkey ? 'valkey' : 'redis', version, role: 'master', maxMemoryBytes: 0, maxMemoryPolicy: 'noeviction', usedMemoryBytes: expect.any(Number),
  });
  expect(node.server!.usedMemoryBytes).toBeGreaterThan(100_000);
  expect(subscriber).toMatchObject({ state: 'ready', nodes: [{ server: { version } }] });
  expect(publisher.state).toBe('closed');
});

test('the latency is what callers see: it has the time that the server was frozen, and no time of commands that block', async () => {
  const redis = await RedisManager.getMainClient();
  for (let i = 0; i < 40; i++) await redis.ping();
  await redis.blpop('never', 0.3);
  const before = (await RedisManager.stats()).main.nodes[0].latencyMs!;
  expect(before.max).toBeLessThan(300);
  server.freeze();
  const pings: Promise<unknown>[] = [];
  // One batch in a few is a sample, so there are some batches.
  for (let i = 0; i < 16; i++) {
    pings.push(redis.ping());
    await new Promise((resolve) => setImmediate(resolve));
  }
  const start = nowMs();
  await until(() => nowMs() - start > 350);
  server.thaw();
  await Promise.all(pings);
  const after = (await RedisManager.stats()).main.nodes[0].latencyMs!;
  expect(after.max).toBeGreaterThan(300);
  expect(after.p50).toBeLessThan(300);
});

test('a process that uses only the cache has a latency, too', async () => {
  const cache = new CacheRepository('stats');
  for (let i = 0; i < 10; i++) await cache.getOrSet(`k${i}`, () => i);
  expect((await RedisManager.stats()).main.nodes[0].latencyMs!.samples).toBeGreaterThan(3);
});

test('the near cache has a connection of its own, with its node and its losses', async () => {
  const cache = new CacheRepository('stats', { nearCache: { maxBytes: 1 << 20 } });
  await cache.set('k', 'v');
  await cache.get('k');
  await until(async () => (await RedisManager.stats()).cache.state === 'ready');
  const { cache: before } = await RedisManager.stats();
  expect(before.nodes).toMatchObject([{ node: `127.0.0.1:${server.port}`, state: 'ready', reconnects: 0, lastError: null, server: { role: 'master' } }]);
  for (const line of String(await server.command('CLIENT', 'LIST')).split('\n')) {
    const id = /^id=(\d+) .* name=hawser:\S*cache /.exec(line)?.[1];
    if (id !== undefined) await server.command('CLIENT', 'KILL', 'ID', id);
  }
  await until(async () => {
    const [node] = (await RedisManager.stats()).cache.nodes;
    return node.reconnects === 1 && node.state === 'ready';
  });
  expect((await redisHealthCheck()).roles.cache.nodes).toHaveLength(1);
  await RedisManager.closeAll();
  configure();
  expect((await RedisManager.stats()).cache).toEqual({ state: 'closed', nodes: [] });
});

test('queue, reconnects and the last error of an outage', async () => {
  const redis = await RedisManager.getMainClient();
  await redis.set('k', 'v');
  const { bytesOut } = (await RedisManager.stats()).main.nodes[0];
  await server.kill();
  await until(() => redis.status !== 'ready');
  const waiting = [redis.get('k'), redis.get('k'), redis.get('k')].map((reply) => reply.catch(() => null));
  await until(async () => (await RedisManager.stats()).main.nodes[0].lastError?.code === 'ECONNREFUSED');
  const { main } = await RedisManager.stats();
  expect(main.nodes[0]).toMatchObject({ queued: 3, server: null, lastError: { message: expect.stringContaining('ECONNREFUSED') } });
  expect(main.state).not.toBe('ready');
  await server.launch();
  await Promise.all(waiting);
  await until(async () => (await RedisManager.stats()).main.nodes[0].reconnects === 1);
  const after = (await RedisManager.stats()).main.nodes[0];
  expect(after.bytesOut).toBeGreaterThan(bytesOut);
});

test('a frozen server: stats and health answer in time, without what only it knows', async () => {
  const redis = await RedisManager.getMainClient();
  await redis.ping();
  server.freeze();
  const start = nowMs();
  const [stats, health] = await Promise.all([RedisManager.stats(), redisHealthCheck()]);
  expect(nowMs() - start).toBeLessThan(2_500);
  expect(stats.main.nodes[0]).toMatchObject({ state: 'ready', server: null });
  expect(health).toMatchObject({ healthy: false, main: 'disconnected', roles: { main: { nodes: [{ server: null }] } } });
  // However often it is asked, it has one PING and one INFO of ours to answer.
  await Promise.all(Array.from({ length: 20 }, () => RedisManager.stats()));
  expect((await RedisManager.stats()).main.nodes[0].queued).toBeLessThanOrEqual(2);
});

test.each([
  ['noeviction', 1e8, true, false, warn, /noeviction.*evicts nothing under the cache: once maxmemory/],
  ['noeviction', 0, true, false, info, /noeviction.*evicts nothing under the cache: without maxmemory/],
  ['allkeys-lru', 0, false, true, warn, /allkeys-lru.*may evict jobs of BullMQ/],
  ['volatile-ttl', 1e8, true, true, warn, /volatile-ttl.*may evict jobs of BullMQ/],
] as const)('%s with %p bytes (cache %p, BullMQ %p) is a warning, once in the log and in each report', async (policy, bytes, cache, bullMQ, log, says) => {
  await server.config.set('maxmemory', bytes);
  await server.config.set('maxmemory-policy', policy);
  if (cache) await new CacheRepository('stats').getOrSet('k', () => 1);
  else await (await RedisManager.getMainClient()).ping();
  if (bullMQ) RedisManager.getBullMQConnection();
  for (let i = 0; i < 2; i++) {
    expect((await redisHealthCheck()).warnings).toEqual([expect.stringMatching(says)]);
    expect((await RedisManager.stats()).warnings).toEqual([expect.stringMatching(says)]);
  }
  expect(log.mock.calls.map(([line]) => String(line)).filter((line) => says.test(line))).toHaveLength(1);
});

test.each([['allkeys-lru', true, false], ['noeviction', false, true], ['noeviction', false, false]] as const)('%s (cache %p, BullMQ %p) is none', async (policy, cache, bullMQ) => {
  await server.config.set('maxmemory-policy', policy);
  if (cache) await new CacheRepository('stats').getOrSet('k', () => 1);
  if (bullMQ) RedisManager.getBullMQConnection();
  expect((await redisHealthCheck()).warnings).toEqual([]);
});

test('a user who may not ask, a replica, and lent connections', async () => {
  const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(server.port)], users: ['cache on >secret ~* &* +@all -info'] });
  await RedisManager.closeAll();
  configure({ url: `redis://cache:secret@127.0.0.1:${replica.port}` });
  await (await RedisManager.getMainClient()).ping();
  expect((await RedisManager.stats()).main.nodes[0]).toMatchObject({ state: 'ready', server: null });
  await RedisManager.closeAll();
  configure({ url: replica.url });
  await (await RedisManager.getMainClient()).ping();
  await RedisManager.withConnection(async () => {
    const { main, pool } = await RedisManager.stats();
    expect(main.nodes[0].server).toMatchObject({ role: 'replica' });
    expect(pool).toEqual({ lent: 1, idle: 0, waiting: 0, max: 10 });
  });
  await replica.stop();
});

test('on memory:// there are no nodes', async () => {
  await RedisManager.closeAll();
  configure({ url: 'memory://' });
  await new CacheRepository('stats').getOrSet('k', () => 1);
  await RedisManager.getMainClient();
  expect(await RedisManager.stats()).toMatchObject({ mode: 'memory', main: { nodes: [] }, warnings: [] });
});

test('a server that was never there', async () => {
  await RedisManager.closeAll();
  configure({ url: `redis://127.0.0.1:${await freePort()}` });
  const { healthy, roles } = await redisHealthCheck();
  expect([healthy, roles.main.nodes[0].lastError?.code, roles.main.nodes[0].latencyMs]).toEqual([false, 'ECONNREFUSED', null]);
});
