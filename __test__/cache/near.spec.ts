/** The near cache: what is served from the process's own memory, and what ends that. */
import { CacheMetrics, type CacheRepository } from '../../lib/facade';
import { OWN } from '../../lib/facade/opening';
import type { NearStore } from '../../lib/cache/near_store';
import { until } from '../helpers/until';
import { isNear, onEveryTopology } from './backends';

const NEAR = { nearCache: { maxBytes: 1 << 20 } };

const nearHits = (): number => CacheMetrics.snapshot().nearHits;

function storeOf(cache: CacheRepository): NearStore {
  const store = cache[OWN].opened?.port.near?.store;
  if (store === undefined) throw new Error('the repository has no near cache');
  return store;
}

/** Reads until the value comes from the process's memory. */
async function warmUp(cache: CacheRepository, key: string, tags?: string[]): Promise<void> {
  await until(async () => {
    const before = nearHits();
    await (tags === undefined ? cache.get(key) : cache.getOrSet(key, () => 'loaded again', { tags }));
    return nearHits() > before;
  });
}

const WRITES: [name: string, write: (cache: CacheRepository) => Promise<unknown>, left: unknown][] = [
  ['invalidateTags', (cache) => cache.invalidateTags(['t']), null],
  ['delete', (cache) => cache.delete('k'), null],
  ['deleteMany', (cache) => cache.deleteMany(['x', 'k']), null],
  ['deletePattern', (cache) => cache.deletePattern('k*'), null],
  ['clear', (cache) => cache.clear(), null],
  ['set', (cache) => cache.set('k', 'set'), 'set'],
  ['setWithTags', (cache) => cache.setWithTags('k', 'set', { tags: ['t', 'u'] }), 'set'],
  ['setMany', (cache) => cache.setMany([{ key: 'k', value: 'set', tags: ['t'] }]), 'set'],
];

onEveryTopology('near cache', (backend) => {
  test.each(WRITES)('%s takes effect in its own process at once', async (_name, write, left) => {
    const cache = backend.cache(NEAR);
    for (let round = 0; round < 3; round++) {
      await cache.setWithTags('k', 'old', { tags: ['t'] });
      await warmUp(cache, 'k', ['t']);
      // Fills are under way in all stages while the write is.
      const reads = Array.from({ length: 5 }, () => cache.get('k'));
      await write(cache);
      expect(await cache.get('k')).toBe(left);
      expect(await cache.has('k')).toBe(left !== null);
      expect(await cache.getMany(['k'])).toEqual([left]);
      await Promise.all(reads);
      await until(async () => (await cache.get('k')) === left);
      expect(await cache.get('k')).toBe(left);
    }
  });

  test('every kind of read is answered from memory, and counts as a hit', async () => {
    const cache = backend.cache(NEAR);
    await cache.setMany([{ key: 'a', value: 1 }, { key: 'b', value: null }]);
    await warmUp(cache, 'a');
    await warmUp(cache, 'b');
    CacheMetrics.reset();
    const never = (): never => {
      throw new Error('loaded');
    };
    expect(await cache.get('a')).toBe(1);
    expect(await cache.getMany(['a', 'b', 'a'])).toEqual([1, null, 1]);
    expect(await cache.getOrSet('a', never)).toBe(1);
    expect(await cache.getOrSet('b', never)).toBeNull();
    expect(await cache.getOrSetMany(['a', 'b'], never)).toEqual([1, null]);
    expect(await cache.has('b')).toBe(true);
    expect(CacheMetrics.snapshot()).toMatchObject({ nearHits: 8, hits: 8, misses: 0, stale: 0, reads: 8 });
  });

  test('getOrSetMany takes what is here and loads the rest', async () => {
    const cache = backend.cache(NEAR);
    await cache.set('a', 1);
    await warmUp(cache, 'a');
    const asked: string[][] = [];
    const values = await cache.getOrSetMany(['a', 'b', 'a', 'c'], (keys) => {
      asked.push(keys);
      return Promise.resolve({ b: 2, c: 3 });
    });
    expect(values).toEqual([1, 2, 1, 3]);
    expect(asked).toEqual([['b', 'c']]);
  });

  test('a caller that changes its copy changes nobody else\'s', async () => {
    const cache = backend.cache(NEAR);
    const value = { list: [1, { deep: 'x' }], __proto__: null } as unknown;
    await cache.set('k', JSON.parse('{"list":[1,{"deep":"x"}],"__proto__":{"polluted":true}}'));
    await warmUp(cache, 'k');
    for (let i = 0; i < 3; i++) {
      const own = (await cache.get<{ list: [number, { deep: string }] }>('k'))!;
      expect(JSON.stringify(own)).toBe('{"list":[1,{"deep":"x"}],"__proto__":{"polluted":true}}');
      own.list[1].deep = 'changed';
      own.list.push({} as never);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(value).toBeDefined();
  });

  test('share: frozen gives everybody one object, frozen with all that it contains', async () => {
    const cache = backend.cache({ nearCache: { maxBytes: 1 << 20, share: 'frozen' } });
    let deep: unknown[] = [];
    for (let i = 0; i < 3_000; i++) deep = [deep];
    await cache.set('k', { list: [1, { deep: [{ x: 1 }] }], deep });
    await warmUp(cache, 'k');
    const value = (await cache.get('k')) as object;
    expect(await cache.get('k')).toBe(value);
    let frozen = 0;
    for (const open = [value]; open.length > 0;) {
      const next = open.pop()!;
      expect(Object.isFrozen(next)).toBe(true);
      frozen++;
      for (const item of Object.values(next) as unknown[]) if (typeof item === 'object' && item !== null) open.push(item);
    }
    expect(frozen).toBe(3_006);
  });

  test('a caller that names a tag which the entry lacks is not served', async () => {
    const cache = backend.cache(NEAR);
    await cache.setWithTags('k', 'old', { tags: ['t'] });
    await warmUp(cache, 'k', ['t']);
    expect(await cache.getOrSet('k', () => 'new', { tags: ['t', 'other'] })).toBe('new');
    await cache.invalidateTags(['other']);
    expect(await cache.get('k')).toBeNull();
  });

  test('a copy is not served for longer than maxTtlMs, its entry\'s life, or what its reader accepts', async () => {
    const short = backend.cache({ nearCache: { maxBytes: 1 << 20, maxTtlMs: 100 } });
    await short.set('k', 1);
    await warmUp(short, 'k');
    await until(async () => !(await isNear(short)));
    const cache = backend.cache(NEAR);
    await cache.setWithTags('k', 1, { ttl: 0.2 });
    await warmUp(cache, 'k');
    await until(async () => (await cache.get('k')) === null);
    await cache.setWithTags('k', 1, { ttl: 60, staleAfter: 30 });
    await warmUp(cache, 'k');
    await until(async () => (await cache.getOrSet('k', () => 2, { maxAge: 0.05 })) === 2);
    await cache.setWithTags('s', 1, { ttl: 60 });
    await warmUp(cache, 's');
    await until(async () => (await cache.getOrSet('s', () => 2, { staleAfter: 0.05 })) === 2);
  });

  test.each([
    ['of the repository', { earlyRefresh: 0.01 }, undefined],
    ['of a call', {}, { earlyRefresh: 0.01 }],
    ['of a call that names more', { earlyRefresh: 0.9 }, { ttl: 60, tags: ['t'], earlyRefresh: 0.01 }],
  ])('an early refresh %s comes while there is a copy', async (_name, options, call) => {
    const cache = backend.cache({ ...NEAR, ttl: 60, ...options });
    let loads = 0;
    const read = (): Promise<number> => cache.getOrSet('k', () => ++loads, call === undefined ? undefined : { tags: ['t'], ...call });
    expect(await read()).toBe(1);
    await warmUp(cache, 'k');
    CacheMetrics.reset();
    await until(async () => (await read()) > 1);
    // No caller has waited for it.
    const { misses, stale, refreshes } = CacheMetrics.snapshot();
    expect([misses, stale]).toEqual([0, 0]);
    expect(refreshes).toBeGreaterThan(0);
    await warmUp(cache, 'k');
    expect(await cache.get('k')).toBeGreaterThan(1);
  });

  test('its bytes are bounded, and the entries that were used last stay', async () => {
    const maxBytes = 200_000;
    const cache = backend.cache({ nearCache: { maxBytes } });
    const text = 'x'.repeat(2_000);
    await cache.set('kept', text);
    await warmUp(cache, 'kept');
    const store = storeOf(cache);
    for (let i = 0; i < 300; i++) {
      await cache.set(`k${i}`, text);
      await cache.get(`k${i}`);
      await cache.get('kept');
      expect(store.bytes).toBeLessThanOrEqual(maxBytes);
    }
    await until(() => store.size > 20);
    expect(store.bytes).toBeLessThanOrEqual(maxBytes);
    await cache.set('large', 'x'.repeat(maxBytes));
    await cache.get('large');
    expect(await cache.get('large')).toHaveLength(maxBytes);
    expect(store.bytes).toBeLessThanOrEqual(maxBytes);
  });

  test('a loop of hits lets timers and sockets have their turn', async () => {
    const cache = backend.cache(NEAR);
    await cache.set('k', 1);
    await warmUp(cache, 'k');
    let ticked = false;
    setTimeout(() => (ticked = true), 1);
    let rounds = 0;
    while (!ticked) {
      await cache.get('k');
      if (++rounds > 5_000_000) throw new Error('the loop never ends');
    }
    expect(rounds).toBeGreaterThan(0);
  });

  test('a serializer of one\'s own gives each caller its own value', async () => {
    const serializer = {
      serialize: (value: unknown) => JSON.stringify({ at: (value as Date).getTime() }),
      deserialize: (text: string) => new Date((JSON.parse(text) as { at: number }).at),
    };
    for (const share of ['copy', 'frozen'] as const) {
      const cache = backend.cache({ serializer, nearCache: { maxBytes: 1 << 20, share } });
      const date = new Date(5);
      await cache.set('k', date);
      await warmUp(cache, 'k');
      const [one, two] = [await cache.get<Date>('k'), await cache.get<Date>('k')];
      expect([one, two]).toEqual([date, date]);
      expect(one).not.toBe(two);
    }
  });

  test('an aborted signal rejects, whatever is in memory', async () => {
    const cache = backend.cache(NEAR);
    await cache.set('k', 1);
    await warmUp(cache, 'k');
    await expect(cache.getOrSet('k', () => 2, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone');
  });
});
