/**
 * Shows that each fault of the sketches before this package is absent. Each test plays the situation of the sketch; the spec of a rule
 * tests more.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { CachedService, CacheMetrics, type CacheRepository, PubSubService, RedisManager, StaleWhileRevalidate } from '../../lib/facade';
import { freePort } from '../helpers/redis-server';
import { ROOT } from '../helpers/process';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer } from './backends';

onServer('faults of connections', (backend) => {
  test('1: getMainClient during the first connection attempt does not open and drop another connection', async () => {
    const first = await RedisManager.getMainClient();
    expect(first.status).not.toBe('ready');
    expect(await RedisManager.getMainClient()).toBe(first);
    await first.ping();
    expect(await backend.server.clientIds()).toHaveLength(1);
  });

  test('2: closeAll leaves no dead client behind and does not hang when Redis is down', async () => {
    await backend.reopen({ url: `redis://127.0.0.1:${await freePort()}` });
    const dead = await RedisManager.getMainClient();
    await RedisManager.closeAll();
    await backend.reopen();
    const alive = await RedisManager.getMainClient();
    expect(alive).not.toBe(dead);
    expect(await alive.ping()).toBe('PONG');
  });

  test('3: getBullMQConnection keeps user name, TLS and URL-encoded passwords', async () => {
    await backend.reopen({ url: 'rediss://worker:p%40ss%2Fword@queue.example:6390/2' });
    expect(RedisManager.getBullMQConnection()).toMatchObject({ host: 'queue.example', port: 6390, username: 'worker', password: 'p@ss/word', db: 2, tls: {} });
  });

  test('15: a client is not dead after an outage of more than ten retries', async () => {
    await backend.reopen({ retryDelayMs: 1 });
    const redis = await RedisManager.getMainClient();
    await redis.ping();
    await backend.server.kill();
    await until(() => redis.retryAttempts > 11, { deadlineMs: 20_000 });
    await backend.server.launch();
    await until(async () => (await redis.ping()) === 'PONG', { deadlineMs: 20_000 });
  });
});

onServer('faults of tag sets', (backend) => {
  test('4: after a later entry with a smaller ttl, a longer-lived entry can still be invalidated', async () => {
    const cache = backend.cache();
    await cache.setWithTags('long', 1, { ttl: 3600, tags: ['t'] });
    await cache.setWithTags('short', 1, { ttl: 0.02, tags: ['t'] });
    await until(async () => !(await cache.has('short')));
    await cache.invalidateTags(['t']);
    expect(await cache.get('long')).toBeNull();
  });

  test('5: the memory of a tag does not grow with expired entries', async () => {
    const cache = backend.cache();
    const size = async (): Promise<number> => {
      const keys = (await backend.server.command('KEYS', `${cache.prefix}#*`)) as string[];
      const sizes = await Promise.all(keys.map(async (key) => Number(await backend.server.command('MEMORY', 'USAGE', key))));
      return sizes.reduce((sum, bytes) => sum + bytes, 0);
    };
    for (let round = 0; round < 5; round++) {
      await cache.setMany(Array.from({ length: 1000 }, (_, i) => ({ key: `k${round} ${i}`, value: 1, ttl: 0.01, tags: ['t'] })));
    }
    expect(await size()).toBeLessThan(20_000); // A set of 5,000 keys takes ten times as much.
  });

  test('8: an entry and its tag need not share a hash slot: they are never in one script or transaction', async () => {
    const cache = backend.cache();
    const commands = await backend.server.countCommands(async () => {
      await cache.getOrSet('k', () => 1, { tags: ['t', 'u'] });
      await cache.setWithTags('k', 1, { tags: ['t', 'u'] });
      await cache.invalidateTags(['t', 'u']);
    });
    expect([commands.multi, commands.exec]).toEqual([undefined, undefined]);
    // Every key of a script call hashes to the slot of the first one.
    const log = await backend.server.connect();
    await log.command('CONFIG', 'SET', 'slowlog-log-slower-than', 0);
    await log.command('SLOWLOG', 'RESET');
    await cache.getOrSet('{odd}k', () => 1, { tags: ['{t', 'u}', '{}'] });
    await cache.invalidateTags(['{t', 'u}', '{}']);
    await log.command('CONFIG', 'SET', 'slowlog-log-slower-than', -1);
    const entries = (await log.command('SLOWLOG', 'GET', 500)) as [number, number, number, string[]][];
    log.close();
    const scripts = entries.map(([, , , args]) => args).filter(([name]) => /^eval/i.test(name));
    expect(scripts.length).toBeGreaterThan(0);
    for (const args of scripts) {
      const keys = args.slice(3, 3 + Number(args[2]));
      const slots = keys.map((key) => keySlot(key));
      expect([args[1], new Set(slots).size]).toEqual([args[1], keys.length === 0 ? 0 : 1]);
    }
  });

  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the package has no types for import
  const keySlot = (key: string): number => (require('cluster-key-slot') as (key: string) => number)(key);
});

onEveryStore('faults of entries', (backend) => {
  test('6: keys added to a tag while it is invalidated are not lost to the next invalidation', async () => {
    const cache = backend.cache();
    const added = Array.from({ length: 50 }, (_, i) => cache.setWithTags(`k${i}`, i, { tags: ['t'] }));
    const invalidated = cache.invalidateTags(['t']);
    await Promise.all([...added, invalidated]);
    await cache.invalidateTags(['t']);
    expect(await cache.getMany(added.map((_, i) => `k${i}`))).toEqual(added.map(() => null));
  });

  test('7: a loader that started before an invalidation does not write its old value after it', async () => {
    const cache = backend.cache();
    const old = heldLoader<string>();
    const reading = cache.getOrSet('k', old.loader, { tags: ['t'] });
    await old.started;
    await cache.invalidateTags(['t']);
    old.finish.open('old');
    await reading;
    expect(await cache.get('k')).toBeNull();
  });

  test('9: the key `tag:x` does not collide with the tag `x`, nor the key `a:ts` with the age of `a`', async () => {
    const cache = backend.cache();
    await cache.setWithTags('a', 'value', { tags: ['x'], staleAfter: 30, ttl: 60 });
    for (const key of ['tag:x', 'a:ts', '#v{x}', 'x', ':x']) await cache.set(key, 'other');
    expect(await cache.get('a')).toBe('value');
    expect(await cache.getOrSet('a', () => 'loaded', { tags: ['x'], staleAfter: 30, ttl: 60 })).toBe('value');
    await cache.invalidateTags(['x']);
    expect(await cache.get('a')).toBeNull();
    expect(await cache.getMany(['tag:x', 'a:ts', '#v{x}', 'x', ':x'])).toEqual(Array(5).fill('other'));
  });

  test('10: value and age are stored together: an entry that is replaced after an invalidation is fresh', async () => {
    const cache = backend.cache();
    const swr = new StaleWhileRevalidate(cache, 0.05, 60);
    await swr.get('k', () => 1, ['t']);
    const refreshed = jest.fn(() => 2);
    await until(async () => (await swr.get('k', refreshed, ['t'])) === 2); // The entry became stale and was refreshed.
    await cache.invalidateTags(['t']);
    const loader = jest.fn(() => 3);
    expect(await swr.get('k', loader, ['t'])).toBe(3);
    expect(await swr.get('k', loader, ['t'])).toBe(3);
    expect(CacheMetrics.snapshot().repositories[cache.prefix].misses).toBe(2);
  });

  test('11: concurrent stale hits share one refresh, and concurrent misses share one load', async () => {
    const cache = backend.cache();
    const swr = new StaleWhileRevalidate(cache, 0, 60);
    const load = heldLoader<number>();
    const misses = Array.from({ length: 20 }, () => swr.get('k', load.loader));
    await load.started;
    load.finish.open(1);
    await Promise.all(misses);
    expect(load.runs()).toBe(1);
    const refresh = heldLoader<number>();
    await Promise.all(Array.from({ length: 20 }, () => swr.get('k', refresh.loader)));
    await refresh.started;
    await Promise.all(Array.from({ length: 20 }, () => swr.get('k', refresh.loader)));
    expect(refresh.runs()).toBe(1);
    refresh.finish.open(2);
    await until(async () => (await cache.get('k')) === 2);
  });

  test('12: a ttl of 0 is refused instead of meaning an hour, and a cached null does not load every time', async () => {
    const cache = backend.cache();
    await expect(cache.set('k', 1, 0)).rejects.toThrow('cache.ttl must be a positive number of seconds, got 0');
    const loader = jest.fn(() => null);
    await cache.getOrSet('k', loader);
    await cache.getOrSet('k', loader);
    expect(loader).toHaveBeenCalledTimes(1);
  });

  class Orders extends CachedService {
    protected serviceName = 'order';
    key(query: object): string {
      return this.listCacheKey('c', query);
    }
    repository(): CacheRepository {
      return this.cache;
    }
  }
  class Invoices extends Orders {
    protected override serviceName = 'invoice';
  }

  test('13: queries that differ only inside nested objects, or by what looks like a separator, have different keys', () => {
    const orders = new Orders();
    expect(orders.key({ filter: { status: 'open' } })).not.toBe(orders.key({ filter: { status: 'closed' } }));
    expect(orders.key({ a: '1&b=2' })).not.toBe(orders.key({ a: '1', b: '2' }));
  });

  test('14: a listener that throws does not silence the others, and is not reported as a parse error', async () => {
    const heard = jest.fn();
    PubSubService.onInvalidation('first', () => {
      throw new Error('mine');
    });
    PubSubService.onInvalidation('second', heard);
    await PubSubService.initialize();
    await PubSubService.publish({ type: 'key', target: 'k' });
    await until(() => heard.mock.calls.length === 1);
    PubSubService.offInvalidation('first');
    PubSubService.offInvalidation('second');
    expect(backend.warnings).toEqual([]);
  });

  test('17: services have their own prefixes, though the base class is constructed before their names are assigned', async () => {
    const [orders, invoices] = [new Orders().repository(), new Invoices().repository()];
    expect([orders.prefix, invoices.prefix]).toEqual(['order', 'invoice']);
    await orders.set('1', 'order');
    await invoices.set('1', 'invoice');
    expect(await orders.get('1')).toBe('order');
  });
});

test('16: the pages name the package that exists, and mention the other one only to say that it does not exist', () => {
  const lines = ['README.md', 'docs/migration.md', 'docs/integrations.md', 'docs/integrations/recipes.md'].flatMap((page) => readFileSync(path.join(ROOT, page), 'utf8').split('\n'));
  expect(lines.some((line) => /`rate-limit-redis`/.test(line))).toBe(true);
  for (const line of lines.filter((one) => one.includes('@express-rate-limit/redis'))) expect(line).toContain('no such package');
});
