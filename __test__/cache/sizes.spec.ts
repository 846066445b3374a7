/** Values that are too long: refused, or returned and not stored; nobody else notices. */
import { CacheMetrics, CacheRepository, RedisManager } from '../../lib/facade';
import { until } from '../helpers/until';
import { onEveryStore, onServer } from './backends';

const LIMIT = 100_000;
const long = (bytes: number): string => 'x'.repeat(bytes - 2); // And two quotes.

onEveryStore('a value longer than maxValueBytes', (backend) => {
  beforeEach(() => backend.reopen({ cache: { maxValueBytes: LIMIT } }));

  test('is refused by set and its like with a typed error, in bytes of UTF-8, before anything is sent', async () => {
    const cache = backend.cache();
    await cache.set('k', 'before');
    const refused = { name: 'HawserError', code: 'E_TOO_LARGE' };
    for (const value of [long(LIMIT + 1), 'ü'.repeat(LIMIT / 2), { nested: [long(LIMIT)] }]) {
      await expect(cache.set('k', value)).rejects.toMatchObject({ ...refused, command: 'set' });
      await expect(cache.setWithTags('k', value, { tags: ['t'] })).rejects.toMatchObject({ ...refused, command: 'setWithTags' });
      await expect(cache.setMany([{ key: 'l', value: 1 }, { key: 'k', value }])).rejects.toMatchObject({ ...refused, command: 'setMany' });
    }
    expect(await cache.getMany(['k', 'l'])).toEqual(['before', null]);
    await cache.set('k', long(LIMIT));
    expect(await cache.get('k')).toHaveLength(LIMIT - 2);
  });

  test('is returned by getOrSet, to those who joined too, and not stored; one warning says so', async () => {
    const cache = backend.cache();
    let loads = 0;
    const load = (): Promise<string> => (loads++, new Promise((resolve) => setImmediate(resolve, long(LIMIT + 1))));
    for (let i = 0; i < 3; i++) {
      const values = await Promise.all([cache.getOrSet('k', load), cache.getOrSet('k', load)]);
      expect(values.map((value) => value.length)).toEqual([LIMIT - 1, LIMIT - 1]);
    }
    const [many, small] = await cache.getOrSetMany<string>(['many', 'small'], () => ({ many: long(LIMIT + 1), small: 'small' }));
    expect([many?.length, small, loads]).toEqual([LIMIT - 1, 'small', 3]);
    expect(await cache.getMany(['k', 'many', 'small'])).toEqual([null, null, 'small']);
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ tooLarge: 4, writeErrors: 0, loadErrors: 0 });
    expect(backend.warnings.filter((line) => line.includes(cache.prefix))).toEqual([expect.stringContaining('returned and not stored')]);
  });

  test('that a refresh brings leaves the stale value in place', async () => {
    const cache = backend.cache();
    await cache.set('k', 'stale');
    const before = CacheMetrics.snapshot().refreshes;
    expect(await cache.getOrSet('k', () => long(LIMIT + 1), { staleAfter: 0 })).toBe('stale');
    await until(() => CacheMetrics.snapshot().refreshes > before && CacheMetrics.snapshot().tooLarge > 0);
    expect(await cache.get('k')).toBe('stale');
  });
});

onEveryStore('without settings', (backend) => {
  test('the longest value has 64 MiB, on memory:// what the store holds', async () => {
    const cache = backend.cache();
    await cache.set('small', 1);
    await expect(cache.set('k', long((64 << 20) + 1))).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
    await cache.set('k', long(20 << 20));
    if (backend.kind === 'redis') expect(await backend.server.command('STRLEN', `${cache.prefix}:k`)).toBeGreaterThan(20 << 20);
    else expect(await cache.has('k')).toBe(true);
    expect(await cache.get('small')).toBe(1);
  });
});

test('a value that memory:// cannot hold takes nothing away from it', async () => {
  RedisManager.configure({ url: 'memory://', cache: { memoryBytes: 1 << 20 }, logger: { debug() {}, info() {}, warn() {}, error() {} } });
  const cache = new CacheRepository('held');
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  await cache.setMany(keys.map((key) => ({ key, value: key })));
  for (const bytes of [2 << 20, 1 << 20, (1 << 20) - 1000]) {
    await expect(cache.set('large', long(bytes))).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
    expect(await cache.getOrSet('large', () => long(bytes))).toHaveLength(bytes - 2);
  }
  expect(await cache.getMany(keys)).toEqual(keys);
  await RedisManager.closeAll();
});

onServer('the memory of an entry', (backend) => {
  test('of 700 bytes with three tags is at most a tenth and 64 bytes more than that of a bare SET', async () => {
    const cache = backend.cache();
    const usage = async (key: string): Promise<number> => Number(await backend.server.command('MEMORY', 'USAGE', key));
    let [own, bare] = [0, 0];
    for (let n = 0; n < 100; n++) {
      const key = `order:${n}`;
      const payload = JSON.stringify(long(700));
      await cache.setWithTags(key, long(700), { ttl: 3600, tags: [`company-${n}:orders`, `status-${n % 4}`, 'orders'] });
      const other = `${cache.prefix}_${key}`;
      await backend.server.command('SET', other, payload, 'PX', 3_600_000);
      own += await usage(`${cache.prefix}:${key}`);
      bare += await usage(other);
    }
    expect(own).toBeGreaterThan(bare);
    expect(own).toBeLessThanOrEqual(1.1 * bare + 100 * 64);
  });
});

onServer('a server with a limit of its own', (backend) => {
  test.each(['proto-max-bulk-len', 'client-query-buffer-limit'])('(%s) is never sent what would have it cut the connection', async (parameter) => {
    const cache = backend.cache();
    await cache.set('k', 'before');
    const { total_connections_received: before } = await backend.server.info('stats');
    await backend.server.config.set(parameter, 2 << 20);
    const pending = [cache.set('first', 1), ...[3, 2].map((mega) => cache.set('k', long(mega << 20)).catch((error: { code: string }) => error.code)), cache.set('last', 1)];
    expect(await Promise.all(pending)).toEqual([undefined, 'E_TOO_LARGE', 'E_TOO_LARGE', undefined]);
    expect(await cache.getOrSet('loaded', () => long(5 << 20), { tags: ['t'] })).toHaveLength((5 << 20) - 2);
    await cache.setWithTags('k', long(3 << 19), { tags: ['t'] });
    expect(await cache.getMany(['first', 'last', 'loaded'])).toEqual([1, 1, null]);
    expect((await backend.server.info('stats')).total_connections_received).toBe(before);
    await backend.server.config.set(parameter, 1 << 29);
  });

  test('whose user may not ask for it is sent what its own limit allows', async () => {
    await backend.server.command('ACL', 'SETUSER', 'default', '-config');
    const cache = backend.cache();
    await cache.set('k', long(5 << 20));
    expect(await cache.has('k')).toBe(true);
    await backend.server.command('ACL', 'SETUSER', 'default', '+@all');
  });
});
