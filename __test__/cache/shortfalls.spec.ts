/** What is given up is counted, with its reason, and said once in a while. */
import { CacheMetrics, type CacheRepository } from '../../lib/facade';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer, type Backend } from './backends';

function counted(cache: CacheRepository): Record<string, number> {
  const { tier: _, ...counters } = CacheMetrics.snapshot().repositories[cache.prefix] ?? {};
  return counters;
}

onServer('what is given up', (backend) => {
  const said = (text: string): string[] => backend.warnings.filter((line) => line.includes(text));
  /** Every command that writes is refused from now on. */
  const refuseWrites = async ({ server }: Backend): Promise<void> => void (await server.command('CONFIG', 'SET', 'maxmemory', '1'));

  afterEach(async () => {
    backend.server.thaw();
    await backend.server.command('CONFIG', 'SET', 'maxmemory', '0');
  });

  test('reads of a frozen server, with one warning', async () => {
    const cache = backend.cache();
    await cache.set('k', 1);
    backend.server.freeze();
    expect(await cache.getOrSet('k', () => 2)).toBe(2);
    expect(await cache.getMany(['k', 'l'])).toEqual([null, null]);
    expect(await cache.has('k')).toBe(false);
    expect(counted(cache)).toMatchObject({ givenUp: 4, notAsked: 0 });
    expect(said('went without the cache')).toHaveLength(1);
    await until(async () => (await cache.get('k'), counted(cache).notAsked > 0), { deadlineMs: 20_000 });
    expect(said('went without the cache')).toHaveLength(1);
    expect(CacheMetrics.prometheus()).toMatch(new RegExp(`hawser_cache_given_up_total\\{repository="${cache.prefix}",reason="breaker"\\} [1-9]`));
  });

  test('reads that the server refuses, and those that wait too long for another load', async () => {
    const cache = backend.cache();
    await cache.set('warm', 1);
    const never = heldLoader<number>();
    const hanging = cache.getOrSet('k', never.loader);
    await never.started;
    expect(await cache.getOrSet('k', () => 2, { lockTimeoutMs: 50 })).toBe(2);
    expect(counted(cache)).toMatchObject({ outwaited: 1 });
    await refuseWrites(backend);
    expect(await cache.getOrSet('cold', () => 3)).toBe(3);
    expect(counted(cache)).toMatchObject({ readsRefused: 1, givenUp: 0 });
    never.finish.open(1);
    expect(await hanging).toBe(1);
  });

  test.each([
    ['the server is silent', 'notStored', ({ server }: Backend) => server.freeze()],
    ['the server refuses it', 'storeRefused', refuseWrites],
    ['the key is deleted meanwhile', 'leaseLost', ({ server }: Backend, cache: CacheRepository) => server.command('DEL', `${cache.prefix}:k`)],
  ])('results that are not stored: %s', async (_name, reason, spoil) => {
    const cache = backend.cache();
    await cache.set('warm', 1);
    const held = heldLoader<number>();
    const loading = cache.getOrSet('k', held.loader, { tags: ['t'] });
    await held.started;
    await spoil(backend, cache);
    held.finish.open(7);
    expect(await loading).toBe(7);
    const { notStored, storeRefused, leaseLost } = counted(cache);
    expect({ notStored, storeRefused, leaseLost }).toEqual({ notStored: 0, storeRefused: 0, leaseLost: 0, [reason]: 1 });
    expect(said('not stored')).toHaveLength(1);
  });

  test('refreshes that are dropped', async () => {
    const cache = backend.cache({ staleAfter: 0.001 });
    await cache.set('k', 'old');
    await refuseWrites(backend);
    await until(async () => (await cache.getOrSet('k', () => 'new'), counted(cache).refreshesDropped > 0));
    expect(said('not refreshed')).toHaveLength(1);
    expect(counted(cache)).toMatchObject({ refreshes: 0 });
  });

  test('invalidations that are pending, until the server has them', async () => {
    await backend.reopen({ cache: { writeTimeoutMs: 100 } });
    const cache = backend.cache();
    await cache.set('k', 1);
    backend.server.freeze();
    await expect(cache.invalidateTags(['t', 'u'])).rejects.toMatchObject({ kept: true });
    await expect(cache.delete('k')).rejects.toMatchObject({ kept: true });
    expect(CacheMetrics.snapshot()).toMatchObject({ undelivered: 3, pendingInvalidations: 2 });
    expect(CacheMetrics.prometheus()).toContain('\nhawser_cache_invalidations_undelivered 3\n');
    expect(said('pending; until Redis has them')).toHaveLength(1);
    backend.server.thaw();
    await until(() => CacheMetrics.snapshot().undelivered === 0);
    expect(await cache.get('k')).toBeNull();
  });
});

onEveryStore('loads under way', (backend) => {
  test('are in the metrics with their age, those in the background and those of a group too', async () => {
    const cache = backend.cache();
    await cache.set('warm', 1);
    const held = heldLoader<number>();
    const group = heldLoader<Record<string, number>>();
    const loading = [cache.getOrSet('a', held.loader), cache.getOrSetMany(['b', 'c'], group.loader)];
    await Promise.all([held.started, group.started]);
    await until(() => counted(cache).oldestLoadMs >= 20);
    const { loading: count, loadingMs, oldestLoadMs } = counted(cache);
    expect(count).toBe(3);
    expect(loadingMs).toBeGreaterThanOrEqual(oldestLoadMs + 20);
    expect(CacheMetrics.snapshot()).toMatchObject({ loading: 3 });
    expect(CacheMetrics.prometheus()).toContain(`hawser_cache_loads_running{repository="${cache.prefix}"} 3\n`);
    held.finish.open(1);
    group.finish.open({ b: 2, c: 3 });
    await Promise.all(loading);
    expect(CacheMetrics.snapshot()).toMatchObject({ loading: 0, loadingMs: 0, oldestLoadMs: 0 });
  });

  test('end with the longest load: the key is free, the result is not stored, and it is said', async () => {
    await backend.reopen({ cache: { longestLoadMs: 100 } });
    const cache = backend.cache();
    await cache.set('warm', 1);
    const held = heldLoader<string>();
    const first = cache.getOrSet('k', held.loader);
    await held.started;
    await until(() => counted(cache).endlessLoads === 1);
    expect(await cache.getOrSet('k', () => 'next')).toBe('next');
    held.finish.open('late');
    expect(await first).toBe('late');
    expect(await cache.get('k')).toBe('next');
    expect(counted(cache)).toMatchObject({ leaseLost: 1, outwaited: 0 });
    expect(backend.warnings.join()).toContain('longestLoadMs');
  });
});
