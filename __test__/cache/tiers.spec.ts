/** Repositories and services with a tier: its times, its tags, its near cache, and tiers that cache nothing. */
import { CachedService, CacheMetrics, CacheRepository, defineTiers } from '../../lib/facade';
import { until } from '../helpers/until';
import { onEveryStore } from './backends';

const tiers = defineTiers({
  lists: { ttl: 300, tags: ['lists'], target: 0.5 },
  brief: { ttl: 0.2 },
  dashboards: { ttl: 600, staleAfter: 0.05, staleIfError: 60 },
  near: { ttl: 300, nearCache: { maxBytes: 1 << 20 } },
  wallet: { direct: true },
});

onEveryStore('tiers', (backend) => {
  let runs = 0;
  const load = (): number => ++runs;
  beforeEach(() => {
    runs = 0;
  });

  test('the times of the tier hold, and a call may narrow them', async () => {
    const brief = backend.cache({ tier: tiers.brief });
    await brief.getOrSet('k', load);
    await until(async () => !(await brief.has('k')));
    const lists = backend.cache({ tier: tiers.lists });
    await lists.getOrSet('k', load, { ttl: 0.1 });
    await until(async () => !(await lists.has('k')));
    expect(await lists.getOrSet('k', load)).toBe(3);
    expect(await lists.has('k')).toBe(true);
  });

  test('options of the repository come before those of its tier', async () => {
    const cache = backend.cache({ tier: tiers.lists, ttl: 0.1 });
    await cache.set('k', 1);
    await until(async () => !(await cache.has('k')));
    const narrow = backend.cache({ tier: tiers.dashboards, ttl: 0.02 });
    expect(await narrow.getOrSet('k', load)).toBe(1);
  });

  test('a tier with a stale time refreshes in the background', async () => {
    const cache = backend.cache({ tier: tiers.dashboards });
    await cache.getOrSet('k', load);
    await until(async () => (await cache.getOrSet('k', load)) > 1);
    expect(CacheMetrics.snapshot().stale).toBeGreaterThan(0);
  });

  test('its tags belong to every entry, beside those of the call', async () => {
    const cache = backend.cache({ tier: tiers.lists });
    const write: [string, () => Promise<unknown>][] = [
      ['a', () => cache.set('a', 0)],
      ['b', () => cache.setWithTags('b', 0, { tags: ['own'] })],
      ['c', () => cache.setMany([{ key: 'c', value: 0, tags: ['own'] }])],
      ['d', () => cache.getOrSet('d', load)],
      ['e', () => cache.getOrSet('e', load, { tags: ['own'] })],
      ['h', () => cache.getOrSet('h', load, { ttl: 60, tags: ['own'] })],
      ['f', () => cache.getOrSetMany(['f'], (keys) => Promise.resolve(new Map(keys.map((key) => [key, 0]))), { tags: () => ['own'] })],
    ];
    const keys = write.map(([key]) => key);
    for (const [, run] of write) await run();
    expect((await cache.getMany(keys)).includes(null)).toBe(false);
    await cache.invalidateTags(['own']);
    expect((await cache.getMany(keys)).map((value) => value === null)).toEqual([false, true, true, false, true, true, true]);
    for (const [, run] of write) await run();
    await cache.invalidateTags(['lists']);
    expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
    const many = Array.from({ length: 64 }, (_, i) => `t${i}`);
    await expect(cache.getOrSet('g', load, { tags: many })).rejects.toThrow('cache.tags must be at most 64 tags, got 65');
  });

  test('a direct tier caches nothing, and what it writes replaces what was there', async () => {
    const direct = backend.cache({ tier: tiers.wallet });
    const cache = new CacheRepository(direct.prefix);
    await cache.set('k', 'before');
    class Wallets extends CachedService {
      protected serviceName = direct.prefix;
      protected override tier = tiers.wallet;
      balance = (): Promise<number> => this.cache.getOrSet('b', load, { tags: ['t'] });
    }
    const wallets = new Wallets();
    expect([await wallets.balance(), await wallets.balance()]).toEqual([1, 2]);
    await Promise.all([direct.set('k', 1), direct.setWithTags('l', 1, { tags: ['t'] }), direct.setMany([{ key: 'm', value: 1 }])]);
    expect([await direct.get('k'), await direct.getMany(['l', 'm']), await direct.has('k')]).toEqual([null, [null, null], false]);
    expect(await direct.getOrSetMany(['x', 'y'], (keys) => Promise.resolve(new Map(keys.map((key) => [key, load()]))))).toEqual([3, 4]);
    expect(await cache.getMany(['b', 'k', 'l', 'm', 'x'])).toEqual([null, null, null, null, null]);
    expect(await direct.invalidateTags(['t'])).toBe(0);
    await direct.delete('k');
  });

  test('the metrics know the tier and its hit rate, and say which tiers miss their target', async () => {
    const cache = backend.cache({ tier: tiers.lists });
    const other = backend.cache({ tier: tiers.lists });
    await cache.getOrSet('a', load);
    await other.getOrSet('a', load);
    await other.get('none');
    expect(CacheMetrics.missedTargets()).toEqual([{ tier: 'lists', hitRate: 0, target: 0.5, reads: 3 }]);
    expect(CacheMetrics.prometheus()).toContain('hawser_cache_tier_reads_total{tier="lists",result="miss"} 3\n');
    expect(CacheMetrics.prometheus()).toContain('hawser_cache_tier_target_ratio{tier="lists"} 0.5\n');
    for (let i = 0; i < 4; i++) await cache.getOrSet('a', load);
    expect(CacheMetrics.missedTargets()).toEqual([]);
    const { repositories, tiers: byTier } = CacheMetrics.snapshot();
    expect(byTier.lists).toMatchObject({ reads: 7, hits: 4, misses: 3, target: 0.5 });
    expect(repositories[cache.prefix]?.tier).toBe('lists');
  });

  test('its near cache answers from memory', async () => {
    const cache = backend.cache({ tier: tiers.near });
    await cache.set('k', 'v');
    await until(async () => {
      expect(await cache.getOrSet('k', load)).toBe('v');
      return CacheMetrics.snapshot().nearHits > 0;
    });
    const off = backend.cache({ tier: tiers.near, nearCache: false });
    CacheMetrics.reset();
    await off.set('k', 'v');
    for (let i = 0; i < 5; i++) await off.get('k');
    expect(CacheMetrics.snapshot().nearHits).toBe(0);
  });
});
