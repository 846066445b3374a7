/** The manager's clients, the cache and the bus on a group under three real Sentinels, before and after failovers. */
import { CacheRepository, PubSubService, Redis, RedisManager, redisHealthCheck, type ManagerOptions } from '../../lib';
import { nowMs, pause } from '../helpers/clock';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { until } from '../helpers/until';

jest.setTimeout(40_000);

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let group: SentinelGroup;
beforeEach(async () => {
  group = await SentinelGroup.start({ password: 'p@ss' });
});
afterEach(async () => {
  PubSubService.offInvalidation('failover');
  await RedisManager.closeAll();
  await group.stop();
});

const urlOf = ({ addresses, name }: SentinelGroup): string => `redis+sentinel://:p%40ss@${addresses.map(({ host, port }) => `${host}:${port}`).join(',')}/${name}`;

const configure = (options: ManagerOptions = {}): void => RedisManager.configure({ url: urlOf(group), logger: silent, ...options });

/** The port of the server that a client of the manager is connected to. */
const portOf = (redis: Redis): number | undefined => (redis.status === 'ready' ? redis.stream.remotePort : undefined);

test('a URL, or options, lead to the master', async () => {
  for (const options of [{}, { url: undefined as never, redis: { sentinels: group.addresses, name: group.name, password: 'p@ss', db: 2 } }]) {
    configure(options);
    const main = await RedisManager.getMainClient();
    await main.set('a', 1);
    expect(portOf(main)).toBe((await group.master()).port);
    expect(await redisHealthCheck()).toMatchObject({ main: 'connected', subscriber: 'PONG', publisher: 'PONG', healthy: true, mode: 'sentinel' });
    expect(main.options.db).toBe('redis' in options ? 2 : 0);
    await RedisManager.closeAll();
  }
});

test('BullMQ gets options with which a client finds the master', async () => {
  configure();
  const options = RedisManager.getBullMQConnection();
  expect(options).toMatchObject({ sentinels: group.addresses, name: group.name, password: 'p@ss', db: 0, maxRetriesPerRequest: null });
  expect([options.host, options.port]).toEqual([undefined, undefined]);
  const redis = new Redis(options);
  expect(await redis.ping()).toBe('PONG');
  expect(portOf(redis)).toBe((await group.master()).port);
  redis.disconnect();
});

describe.each([
  ['a forced failover', (master: { port: number }) => group.failover().then(() => master)],
  ['kill -9 of the master', async (master: { port: number }) => {
    const old = group.at(master.port);
    await old.kill('SIGKILL');
    await group.successor(old);
  }],
])('after %s', (_, strike) => {
  test('clients, cache and bus go on with the new master, and nothing that was invalidated comes back', async () => {
    configure();
    const cache = new CacheRepository('failover', { ttl: 600 });
    const loads: string[] = [];
    const load = (value: string) => async () => {
      loads.push(value);
      return value;
    };
    const read = (key: string, value: string): Promise<string> => cache.getOrSet(key, load(value), { tags: ['t'] });

    await read('kept', 'old');
    await read('gone', 'old');
    await cache.invalidateTags(['t']);
    await read('kept', 'new');
    await cache.setWithTags('written', 'w', { tags: ['u'] });
    const messages: unknown[] = [];
    await PubSubService.initialize();
    PubSubService.onInvalidation('failover', (message) => messages.push(message));
    const clients = [await RedisManager.getMainClient(), await RedisManager.getSubscriberClient(), await RedisManager.getPublisherClient()];
    await Promise.all(clients.map((redis) => redis.ping()));
    const old = await group.master();
    const { announced, masters, close } = await group.announcement();
    // Reads and writes of the application go on meanwhile: a read never rejects.
    let goes = true;
    const busy = (async () => {
      for (let n = 0; goes; n++) {
        expect(await cache.getOrSet(`busy${n % 10}`, async () => n)).toEqual(expect.any(Number));
        await pause(1);
      }
    })();
    await strike(old);
    const next = await group.master();
    expect(next.port).not.toBe(old.port);
    const main = clients[0];
    await until(async () => portOf(main) === next.port && (await main.set('after', 1)) === 'OK', { deadlineMs: 30_000 });
    const resumedAt = nowMs();
    await announced;
    const announcedAt = Math.max(0, ...masters.filter(({ port }) => port === next.port).map(({ at }) => at));
    expect(resumedAt - announcedAt).toBeLessThan(5000);
    close();
    goes = false;
    await busy;

    // The invalidation holds on the new master, which may never have seen it; the cache is cold there.
    expect(await read('gone', 'loaded again')).toBe('loaded again');
    expect(['new', 'loaded again']).toContain(await read('kept', 'loaded again'));
    loads.length = 0;
    expect(await read('gone', 'not loaded')).toBe('loaded again');
    expect(loads).toEqual([]);
    expect(await cache.invalidateTags(['t'])).toBeGreaterThan(0);
    expect(await read('gone', 'third')).toBe('third');

    await until(() => clients.every((redis) => portOf(redis) === next.port), { deadlineMs: 30_000 });
    await until(async () => {
      await PubSubService.publish({ type: 'tags', target: ['t'], source: 'test' });
      return messages.length > 0;
    });
    expect(await redisHealthCheck()).toMatchObject({ healthy: true });
  });
});

test("with afterFailover: 'trust' the cache stays warm", async () => {
  configure({ afterFailover: 'trust' });
  const cache = new CacheRepository('trust', { ttl: 600 });
  await cache.set('a', 1);
  const old = await group.master();
  await until(async () => Number(await old.command('WAIT', 2, 1000)) === 2);
  const next = await group.failover();
  const main = await RedisManager.getMainClient();
  await until(() => portOf(main) === next.port, { deadlineMs: 30_000 });
  expect(await until(() => cache.get('a'))).toBe(1);
});
