/** The manager on a real cluster of six nodes. */
import { Cluster, PubSubService, redisHealthCheck, redisHealthHandler, RedisManager, type Logger, type ManagerOptions } from '../../lib';
import { clusterForAll } from '../helpers/lifetimes';
import { runNode } from '../helpers/process';
import { RedisCluster } from '../helpers/redis-cluster';
import type { RedisServer } from '../helpers/redis-server';
import { nowMs } from '../helpers/clock';
import { until } from '../helpers/until';

jest.setTimeout(60_000);

const servers = clusterForAll();
const warn = jest.fn();
const logger: Logger = { debug() {}, info() {}, warn, error() {} };
const roles = ['getMainClient', 'getSubscriberClient', 'getPublisherClient'] as const;
const configure = (options: ManagerOptions = {}): void => RedisManager.configure({ cluster: { nodes: servers.addresses }, logger, retryDelayMs: 5, ...options });
const main = (): Promise<Cluster> => RedisManager.getMainClient<Cluster>();
const nodeOf = ({ host, port }: RedisServer): string => `${host}:${port}`;

beforeEach(async () => {
  warn.mockClear();
  await servers.flush();
  configure();
});
afterEach(async () => {
  for (const server of servers.servers) server.thaw();
  await RedisManager.closeAll();
});

/** Names of the connections that a server has from us. */
async function names(server: RedisServer): Promise<string[]> {
  const list = String(await server.command('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=(\S*hawser:\w+) /g)].map((match) => match[1]).sort();
}

/** A key for each master. */
const keys = (): Promise<string[]> => Promise.all(servers.masters.map((server) => servers.keyOn(server)));

describe('connections', () => {
  test('a hundred first calls at once give one client for each role, with one connection to each node in use', async () => {
    const got = await Promise.all(roles.map((role) => Promise.all(Array.from({ length: 100 }, () => RedisManager[role]<Cluster>()))));
    expect(got.map((group) => new Set(group).size)).toEqual([1, 1, 1]);
    const [[cluster], [subscriber], [publisher]] = got;
    expect(cluster).toBeInstanceOf(Cluster);
    expect([publisher, subscriber]).toEqual([cluster, expect.any(Cluster)]);
    for (const key of await keys()) await Promise.all(Array.from({ length: 20 }, (_, i) => cluster.set(key, i)));
    await subscriber.subscribe('news');
    await publisher.publish('news', 'x');
    expect((await redisHealthCheck()).healthy).toBe(true);
    await until(async () => (await Promise.all(servers.servers.map(names))).every((list) => !list.some((name) => name.includes('refresher'))));
    const found = await Promise.all(servers.servers.map(names));
    expect(found.slice(0, 3).map((list) => list.filter((name) => name === 'hawser:main'))).toEqual([['hawser:main'], ['hawser:main'], ['hawser:main']]);
    expect(found.flat().filter((name) => name !== 'hawser:main')).toEqual(['ioredis-cluster(subscriber):hawser:subscriber']);
    expect(found.slice(3).flat().filter((name) => name === 'hawser:main')).toEqual([]);
  });

  test('resolves at once, and commands wait in the queue', async () => {
    const cluster = await main();
    expect(cluster.status).toBe('connecting');
    const [a, b, c] = await keys();
    expect(await Promise.all([cluster.set(a, 1), cluster.set(b, 2), cluster.set(c, 3), cluster.mget(a)])).toEqual(['OK', 'OK', 'OK', ['1']]);
    expect(cluster.nodes('master').map(({ options: { resend } }) => resend)).toEqual(['idempotent', 'idempotent', 'idempotent']);
  });

  test.each(['disconnect', 'quit'] as const)('a client that somebody ended with %s is replaced at the next call', async (how) => {
    const first = await main();
    await first.set('k', 1);
    expect(await RedisManager.getPublisherClient<Cluster>()).toBe(first);
    const ending = Promise.resolve(first[how]());
    const publisher = await RedisManager.getPublisherClient<Cluster>();
    expect(publisher).not.toBe(first);
    expect(await main()).toBe(publisher);
    expect(await publisher.get('k')).toBe('1');
    await ending;
  });

  test('commands that wait for the first connection are bounded', async () => {
    const [a, b, c] = await keys();
    configure({ cluster: { nodes: servers.addresses }, redis: { maxQueueCommands: 3 } });
    const cluster = await main();
    expect(cluster.status).toBe('connecting');
    const sets = [a, b, c, a].map((key) => cluster.set(key, 'x').catch((error: Error) => error.message));
    expect(await Promise.all(sets)).toEqual(['OK', 'OK', 'OK', expect.stringContaining('The queue of commands is full')]);
  });

  test('a command fails after its retries while no node is there, and the client goes on when they are', async () => {
    const own = await RedisCluster.start({ masters: 1, replicas: 0 });
    try {
      const [server] = own.servers;
      configure({ cluster: { nodes: [{ host: server.host, port: server.port }] }, maxRetries: 2, retryDelayMs: 1 });
      const cluster = await main();
      await cluster.set('k', 'v');
      await server.kill();
      await expect(cluster.get('k')).rejects.toThrow(/max retries per request|Connection is closed/);
      await expect(cluster.get('k')).rejects.toThrow('Reached the max retries per request limit (which is 2)');
      await server.launch();
      await until(async () => (await cluster.ping().catch(() => '')) === 'PONG', { deadlineMs: 20_000 });
      expect(await main()).toBe(cluster);
    } finally {
      await RedisManager.closeAll();
      await own.stop();
    }
  });
});

describe('closeAll', () => {
  test('closes all connections after the answers, may be called again, and everything may be used again', async () => {
    const cluster = await main();
    const all = await keys();
    const writes = Promise.all(all.map((key) => cluster.set(key, 1)));
    await (await RedisManager.getSubscriberClient<Cluster>()).subscribe('news');
    await RedisManager.withConnection<unknown, Cluster>((redis) => redis.get(all[0]));
    await RedisManager.getBullMQConnection<Cluster>().ping();
    await Promise.all([RedisManager.closeAll(), RedisManager.closeAll()]);
    expect(await writes).toEqual(['OK', 'OK', 'OK']);
    await until(async () => (await Promise.all(servers.servers.map(names))).flat().length === 0);
    expect(cluster.status).toBe('end');
    configure();
    expect(await (await main()).get(all[0])).toBe('1');
  });

  test('sends what waits for the first connection', async () => {
    const cluster = await main();
    const write = cluster.set('early', 1);
    await RedisManager.closeAll();
    expect(await write).toBe('OK');
  });

  test.each([1, 3])('takes its time and no longer with %d of three masters frozen, and cuts its sockets', async (count) => {
    const cluster = await main();
    const all = await keys();
    for (const key of all) await cluster.set(key, 1);
    for (const server of servers.masters.slice(0, count)) server.freeze();
    const lost = cluster.get(all[0]).catch((error: Error) => error);
    const start = nowMs();
    await RedisManager.closeAll({ timeoutMs: 400 });
    expect(nowMs() - start).toBeLessThan(5_000);
    expect(await lost).toBeInstanceOf(Error);
    expect(cluster.nodes()).toEqual([]);
  });

  test('does nothing but end a cluster that is not there', async () => {
    configure({ cluster: { nodes: ['127.0.0.1:1'] } });
    const cluster = await main();
    const lost = cluster.get('k').catch((error: Error) => error);
    await RedisManager.closeAll();
    expect(cluster.status).toBe('end');
    expect(await lost).toBeInstanceOf(Error);
  });

  test('leaves no socket of a frozen cluster that has never answered', async () => {
    for (const server of servers.servers) server.freeze();
    const { code, stdout, timedOut } = await runNode(
      `const { RedisManager, redisHealthCheck } = require(${JSON.stringify(require.resolve('../../index.js'))});
       (async () => {
         const cluster = await RedisManager.getMainClient();
         cluster.get('k').catch(() => undefined);
         const { silent } = await redisHealthCheck();
         await RedisManager.closeAll({ timeoutMs: 300 });
         await new Promise(setImmediate);
         console.log(silent.length, process.getActiveResourcesInfo().filter((name) => /TCP/.test(name)).length);
       })();`,
      { deadlineMs: 30_000, env: { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: servers.addresses.join(',') } },
    );
    expect({ code, timedOut, stdout: stdout.trim() }).toEqual({ code: 0, timedOut: false, stdout: '6 0' });
  });

  test.each(['closeAll', 'disconnect'])('lets the process end after %s, also with a connection that was lent', async (how) => {
    const { code, stdout, timedOut } = await runNode(
      `const { RedisManager } = require('hawser');
       (async () => {
         const cluster = await RedisManager.getMainClient();
         await cluster.set('k', 1);
         await (await RedisManager.getSubscriberClient()).subscribe('c');
         await RedisManager.withConnection((redis) => redis.get('k'));
         if (process.env.CLOSES) await RedisManager.closeAll();
         else { cluster.disconnect(); (await RedisManager.getSubscriberClient()).disconnect(); }
         console.log('done');
       })();`.replace("'hawser'", JSON.stringify(require.resolve('../../index.js'))),
      { deadlineMs: 30_000, env: { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: servers.addresses.join(','), CLOSES: how === 'closeAll' ? '1' : '' } },
    );
    expect({ code, timedOut, stdout: stdout.trim() }).toEqual({ code: 0, timedOut: false, stdout: 'done' });
  });
});

test('BullMQ gets one client with the settings that it needs', async () => {
  const cluster = RedisManager.getBullMQConnection<Cluster>();
  expect(RedisManager.getBullMQConnection()).toBe(cluster);
  expect(cluster).toBeInstanceOf(Cluster);
  expect(cluster.options.redisOptions).toMatchObject({ maxRetriesPerRequest: null, enableReadyCheck: false });
  expect(await cluster.ping()).toBe('PONG');
  cluster.disconnect();
  expect(RedisManager.getBullMQConnection()).not.toBe(cluster);
});

test('the bus: a message reaches its listeners once', async () => {
  const seen: unknown[] = [];
  PubSubService.onInvalidation('spec', ({ target }) => void seen.push(target));
  await PubSubService.initialize();
  for (const target of ['a', 'b', 'c']) await PubSubService.publish({ type: 'key', target });
  await until(() => seen.length === 3);
  // Each goes through another node, which forwards it on its own connection.
  expect(seen.sort()).toEqual(['a', 'b', 'c']);
  await PubSubService.close();
  PubSubService.offInvalidation('spec');
});

test('the bus: one frozen node holds up at most the messages that were sent to it', async () => {
  await PubSubService.initialize();
  await Promise.all((await keys()).map(async (key) => (await main()).set(key, 1)));
  servers.masters[2].freeze();
  const outcomes: Promise<boolean>[] = [];
  let answered = 0;
  for (let i = 0; i < 12; i++) {
    outcomes.push(PubSubService.publish({ type: 'key', target: String(i) }).then(() => (answered++, true), () => false));
    // One after another, except behind the one that hangs.
    await until(() => answered >= outcomes.length - 1);
  }
  servers.masters[2].thaw();
  await Promise.all(outcomes);
});

test('the bus: subscriptions leave a node that hangs', async () => {
  const own = await RedisCluster.start();
  try {
    configure({ cluster: { nodes: own.nodes, slotsRefreshInterval: 500 } });
    const seen = new Set<unknown>();
    PubSubService.onInvalidation('spec', ({ target }) => void seen.add(target));
    await PubSubService.initialize();
    const subscribers = await Promise.all(own.servers.map(async (server) => (await names(server)).some((name) => name.includes('(subscriber)'))));
    own.servers[subscribers.indexOf(true)].freeze();
    let sent = 0;
    await until(
      () => {
        void PubSubService.publish({ type: 'key', target: `late${sent++}` }).catch(() => undefined);
        return seen.size > 0;
      },
      { deadlineMs: 40_000, everyMs: 100 },
    );
  } finally {
    PubSubService.offInvalidation('spec');
    await RedisManager.closeAll();
    await own.stop();
  }
});

describe('withConnection', () => {
  test('blocks on the node of the key, and neither the shared client nor another borrower waits', async () => {
    const cluster = await main();
    const [a, b] = await keys();
    const popped = RedisManager.withConnection((redis) => redis.blpop(a, 10));
    const other = RedisManager.withConnection((redis) => redis.blpop(b, 10));
    await until(async () => (await Promise.all(servers.masters.map(async (server) => String(await server.command('CLIENT', 'LIST'))))).join().match(/cmd=blpop/g)?.length === 2);
    await cluster.rpush(a, 'x');
    expect(await popped).toEqual([a, 'x']);
    await cluster.rpush(b, 'y');
    expect(await other).toEqual([b, 'y']);
    expect((await RedisManager.stats()).pool).toMatchObject({ lent: 0, idle: 2 });
    expect(warn.mock.calls).toEqual([]);
  });

  test('watches: a transaction runs only if nobody has changed the key', async () => {
    const cluster = await main();
    const [a] = await keys();
    const attempt = (disturbs: boolean): Promise<unknown> =>
      RedisManager.withConnection(async (redis) => {
        await redis.watch(a);
        if (disturbs) await cluster.set(a, 'other');
        return redis.multi().set(a, 'mine').exec();
      });
    expect(await attempt(true)).toBeNull();
    expect(await attempt(false)).toEqual([[null, 'OK']]);
    expect(await cluster.get(a)).toBe('mine');
    // A WATCH that is left behind holds up nobody.
    await RedisManager.withConnection((redis) => redis.watch(a));
    await cluster.set(a, 'changed');
    expect(await RedisManager.withConnection((redis) => redis.multi().set(a, 1).exec())).toEqual([[null, 'OK']]);
  });
});

test.each<[string, (cluster: Cluster, key: string) => Promise<unknown>]>([
  ['BLPOP', (cluster, key) => cluster.blpop(key, 0.01)],
  ['XREAD', (cluster, key) => cluster.xread('BLOCK', 1, 'STREAMS', key, '$')],
  ['WATCH', (cluster, key) => cluster.watch(key).then(() => cluster.unwatch())],
  ['BRPOP', (cluster, key) => cluster.pipeline().get(key).brpop(key, 0.01).exec()],
])('%s on the shared client is one warning, whichever node it goes to', async (name, make) => {
  const cluster = await main();
  for (const key of await keys()) await make(cluster, key);
  expect(warn.mock.calls.map(([line]) => String(line))).toEqual([expect.stringMatching(new RegExp(`^\\[hawser:main\\] ${name} .*RedisManager\\.withConnection`))]);
});

describe('health', () => {
  const healthy = { main: 'connected', subscriber: 'PONG', publisher: 'PONG', healthy: true, mode: 'cluster', silent: [] };

  test('tells each node, and asks each server once', async () => {
    expect(await RedisManager.healthCheck()).toBe(true);
    const health = await redisHealthCheck();
    expect(health).toMatchObject(healthy);
    expect(health.roles.main.nodes.map(({ node, state, server }) => [node, state, server?.role]).sort()).toEqual(
      servers.masters.map((server) => [nodeOf(server), 'ready', 'master']).sort(),
    );
    expect(health.roles.subscriber.nodes).toHaveLength(1);
    expect(await RedisManager.stats()).toMatchObject({ mode: 'cluster', main: { state: 'ready' }, subscriber: { state: 'ready' }, publisher: { state: 'ready' } });
  });

  test('a frozen master is 503 and named; when it is back, 200', async () => {
    const [, frozen] = servers.masters;
    const statusOf = async (): Promise<[number, string[]]> => {
      let [status, body] = [0, ''];
      const response = { headersSent: false, writableEnded: false, setHeader() {}, end: (text: string) => (body = text), set statusCode(code: number) { status = code; } };
      await redisHealthHandler({ details: true })({ method: 'GET' } as never, response as never);
      return [status, (JSON.parse(body) as { silent: string[] }).silent];
    };
    expect(await statusOf()).toEqual([200, []]);
    frozen.freeze();
    const start = nowMs();
    const [status, silent] = await statusOf();
    expect(nowMs() - start).toBeLessThan(5_000);
    expect([status, silent]).toEqual([503, [nodeOf(frozen)]]);
    frozen.thaw();
    await until(async () => (await statusOf())[0] === 200, { deadlineMs: 20_000 });
  });

  test('no cluster at all is told within the limit, by its start nodes', async () => {
    configure({ cluster: { nodes: ['127.0.0.1:1', 'redis://127.0.0.1:2'] } });
    const start = nowMs();
    expect(await redisHealthCheck()).toMatchObject({ main: 'disconnected', subscriber: 'error', publisher: 'error', healthy: false, silent: ['127.0.0.1:1', '127.0.0.1:2'] });
    expect(nowMs() - start).toBeLessThan(5_000);
  });

  test('a dead master is 503 until a replica has its place', async () => {
    const own = await RedisCluster.start();
    try {
      const start = own.nodes;
      configure({ cluster: { nodes: start } });
      expect(await redisHealthCheck()).toMatchObject(healthy);
      const [dead] = own.masters;
      const [heir] = await own.replicasOf(dead);
      await dead.kill();
      const told = await until(async () => {
        const health = await redisHealthCheck();
        return !health.healthy && health;
      });
      expect(told).toMatchObject({ main: 'disconnected', silent: [nodeOf(dead)] });
      await own.promoted(heir);
      await until(async () => (await redisHealthCheck()).healthy, { deadlineMs: 30_000 });
      expect((await redisHealthCheck()).roles.main.nodes.map(({ node }) => node)).toContain(nodeOf(heir));
    } finally {
      await RedisManager.closeAll();
      await own.stop();
    }
  });
});
