/** C2: concurrent getOrSet calls of a cold key run one loader. What callers get, and how failures are handled. */
import { CacheMetrics } from '../../lib/facade';
import { until } from '../helpers/until';
import { gate, heldLoader, onEveryStore } from './backends';

onEveryStore('C2', (backend) => {
  test('a hundred concurrent calls for a cold key run one loader and all get its value', async () => {
    const cache = backend.cache();
    const held = heldLoader<{ n: number }>();
    const calls = Array.from({ length: 100 }, () => cache.getOrSet('k', held.loader));
    await held.started;
    const late = Array.from({ length: 100 }, () => cache.getOrSet('k', held.loader));
    const original = { n: 1 };
    held.finish.open(original);
    const values = await Promise.all([...calls, ...late]);
    expect(held.runs()).toBe(1);
    expect(values).toEqual(Array(200).fill(original));
    // Only the loader's caller gets the loader's object, and no two callers share an object.
    expect(values.filter((value) => value === original)).toHaveLength(1);
    expect(new Set(values).size).toBe(200);
    expect(await cache.getOrSet('k', held.loader)).toEqual(original);
    expect(held.runs()).toBe(1);
  });

  test('different keys load in parallel', async () => {
    const cache = backend.cache();
    const both = gate();
    let running = 0;
    const loader = async (): Promise<number> => {
      if (++running === 2) both.open();
      await both.promise;
      return running;
    };
    expect(await Promise.all([cache.getOrSet('a', loader), cache.getOrSet('b', loader)])).toEqual([2, 2]);
  });

  test('callers that name different tags for one key all get a value, and both tags invalidate it', async () => {
    const cache = backend.cache();
    let loads = 0;
    const read = (tag: string): Promise<number> => cache.getOrSet('k', () => ++loads, { tags: [tag] });
    for (const value of await Promise.all([read('a'), read('b'), read('a'), read('b')])) expect(value).toBeGreaterThan(0);
    await until(async () => {
      const before = loads;
      await Promise.all([read('a'), read('b')]);
      return loads === before; // The entry now carries both tags, so the callers no longer discard each other's work.
    });
    for (const tag of ['a', 'b']) {
      expect(await cache.get('k')).not.toBeNull();
      await cache.invalidateTags([tag]);
      expect(await cache.get('k')).toBeNull();
      await read('a');
      await read('b');
    }
  });

  test("every caller gets the loader's error object; nothing is stored, and the next call loads", async () => {
    const cache = backend.cache();
    const error = Object.assign(new Error('no such order'), { status: 404 });
    const held = heldLoader<string>();
    const calls = Array.from({ length: 10 }, () => cache.getOrSet('k', held.loader).catch((cause: unknown) => cause));
    await held.started;
    held.finish.fail(error);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([error]));
    expect(held.runs()).toBe(1);
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', () => 'now')).toBe('now');
  });

  test.each([['undefined', undefined], ['a string', 'no'], ['null', null]])('a loader that throws %s passes it on', async (_, thrown) => {
    const cache = backend.cache();
    const call = cache.getOrSet('k', () => {
      throw thrown as unknown as Error;
    });
    await expect(call).rejects.toBe(thrown);
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('a loader may be synchronous, read its key, and use the cache itself', async () => {
    const cache = backend.cache();
    expect(await cache.getOrSet('outer', async ({ key }) => [key, await cache.getOrSet('inner', ({ key: own }) => own)])).toEqual(['outer', 'inner']);
  });

  test('undefined is returned to every caller and not stored', async () => {
    const cache = backend.cache();
    const held = heldLoader<undefined>();
    const calls = [cache.getOrSet('k', held.loader), cache.getOrSet('k', held.loader)];
    await held.started;
    held.finish.open(undefined);
    expect(await Promise.all(calls)).toEqual([undefined, undefined]);
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', () => 1)).toBe(1);
  });

  test('a caller whose signal aborts rejects; the load goes on for the others and is stored', async () => {
    const cache = backend.cache();
    const held = heldLoader<number>();
    const abort = new AbortController();
    const impatient = cache.getOrSet('k', held.loader, { signal: abort.signal });
    await held.started;
    const patient = cache.getOrSet('k', held.loader);
    abort.abort(new Error('client went away'));
    await expect(impatient).rejects.toThrow('client went away');
    held.finish.open(5);
    expect(await patient).toBe(5);
    expect(await cache.get('k')).toBe(5);
    const aborted = cache.getOrSet('other', () => 1, { signal: abort.signal });
    await expect(aborted).rejects.toThrow('client went away');
    expect(await cache.has('other')).toBe(false);
  });

  test('a caller that waits longer than lockTimeoutMs loads without storing, and does not disturb the load that holds the lease', async () => {
    const cache = backend.cache();
    const held = heldLoader<string>();
    const slow = cache.getOrSet('k', held.loader);
    await held.started;
    expect(await cache.getOrSet('k', () => 'own', { lockTimeoutMs: 50 })).toBe('own');
    expect(await cache.has('k')).toBe(false);
    held.finish.open('slow');
    expect(await slow).toBe('slow');
    expect(await cache.get('k')).toBe('slow');
  });
});

onEveryStore('getOrSetMany', (backend) => {
  test('loads all missing keys in one call and returns values in the order of the keys', async () => {
    const cache = backend.cache();
    await cache.set('b', 'stored');
    const missing = jest.fn((keys: string[]) => new Map(keys.map((key) => [key, `${key} loaded`])));
    expect(await cache.getOrSetMany(['a', 'b', 'c', 'a'], missing)).toEqual(['a loaded', 'stored', 'c loaded', 'a loaded']);
    expect(missing.mock.calls).toEqual([[['a', 'c']]]);
    expect(await cache.getOrSetMany(['c', 'a', 'b'], missing)).toEqual(['c loaded', 'a loaded', 'stored']);
    expect(missing).toHaveBeenCalledTimes(1);
    expect(await cache.getOrSetMany([], missing)).toEqual([]);
  });

  test('stores under tags, and asks again for keys that it did not find', async () => {
    const cache = backend.cache();
    const missing = jest.fn(() => ({ a: 1 }));
    expect(await cache.getOrSetMany(['a', 'none'], missing, { tags: ['t'], ttl: 60 })).toEqual([1, undefined]);
    expect(await cache.has('none')).toBe(false);
    await cache.getOrSetMany(['a', 'none'], missing, { tags: ['t'] });
    expect(missing.mock.calls).toEqual([[['a', 'none']], [['none']]]);
    await cache.invalidateTags(['t']);
    expect(await cache.get('a')).toBeNull();
  });

  test('two groups that each hold a key of the other do not wait for each other', async () => {
    const cache = backend.cache();
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    let loaded = 0;
    const missing = async (asked: string[]): Promise<Map<string, string>> => {
      loaded += asked.length;
      await new Promise((resolve) => setImmediate(resolve));
      return new Map(asked.map((key) => [key, key]));
    };
    const shuffled = (i: number): string[] => keys.map((_, j) => keys[(j * 7 + i * 3) % keys.length]);
    const groups = Array.from({ length: 10 }, (_, i) => shuffled(i));
    expect(await Promise.all(groups.map((group) => cache.getOrSetMany(group, missing)))).toEqual(groups);
    expect(loaded).toBe(keys.length);
  });

  test('a failure rejects with the same error object, and nobody waits for its loads', async () => {
    const cache = backend.cache();
    const error = new Error('no database');
    await expect(cache.getOrSetMany(['a', 'b'], () => Promise.reject(error))).rejects.toBe(error);
    expect(await cache.getOrSet('a', () => 1)).toBe(1);
    expect(await cache.getOrSetMany(['a', 'b'], (keys) => new Map(keys.map((key) => [key, 2])))).toEqual([1, 2]);
  });

  test('its own load does not wait for a key that another call loads', async () => {
    const cache = backend.cache();
    const held = heldLoader<string>();
    const other = cache.getOrSet('held', held.loader);
    await held.started;
    const missing = jest.fn((keys: string[]) => new Map(keys.map((key) => [key, key])));
    const group = cache.getOrSetMany(['held', 'own'], missing);
    await until(() => missing.mock.calls.length === 1);
    expect(missing.mock.calls).toEqual([[['own']]]);
    expect(await cache.get('own')).toBe('own'); // Stored while the group still waits.
    held.finish.open('held');
    expect(await group).toEqual(['held', 'own']);
    expect(await other).toBe('held');
  });
});

onEveryStore('C10', (backend) => {
  test('hits + stale + misses = reads, per repository, in every case', async () => {
    const [one, two] = [backend.cache(), backend.cache()];
    let reads = 0;
    const held = heldLoader<number>();
    const first = one.getOrSet('k', held.loader); // miss
    await held.started;
    const joined = [one.getOrSet('k', held.loader), one.getOrSet('k', held.loader)]; // misses
    await one.has('any'); // This is answered after the earlier calls, so both have joined.
    held.finish.open(1);
    await Promise.all([first, ...joined]);
    await one.getOrSet('k', held.loader); // hit
    await one.get('k'); // hit
    await one.get('none'); // miss
    await one.getMany(['k', 'none', 'k']); // hit, miss, hit
    reads += 9;
    await one.getOrSet('bad', () => Promise.reject(new Error('x'))).catch(() => undefined); // miss
    await one.getOrSet('bad', () => 1n).catch(() => undefined); // miss
    await one.getOrSet('nothing', () => undefined); // miss
    reads += 3;
    await one.set('stale', 1);
    await one.getOrSet('stale', () => 2, { staleAfter: 0 }); // stale
    reads += 1;
    await one.getOrSetMany(['k', 'm1', 'm2', 'k'], (keys) => new Map(keys.map((key) => [key, 0]))); // hit, two misses
    reads += 3;
    const over = { signal: AbortSignal.abort() };
    await one.getOrSet('k', () => 1, over).catch(() => undefined); // miss
    await one.getOrSetMany(['k', 'l', 'k'], () => new Map(), over).catch(() => undefined); // two misses
    reads += 3;
    await one.has('k'); // no read
    await two.getOrSet('k', () => 1); // miss of the other repository
    const { repositories } = CacheMetrics.snapshot();
    expect(repositories[one.prefix]).toMatchObject({ hits: 5, stale: 1, misses: 13, reads });
    expect(repositories[two.prefix]).toMatchObject({ hits: 0, stale: 0, misses: 1, loads: 1 });
    expect(CacheMetrics.snapshot().reads).toBe(reads + 1);
    expect(CacheMetrics.getHitRate()).toBeCloseTo((6 / (reads + 1)) * 100);
  });

  test('counts nothing when metrics are switched off', async () => {
    await backend.reopen({ enableMetrics: false });
    const cache = backend.cache();
    await cache.getOrSet('k', () => 1);
    await cache.get('k');
    expect(CacheMetrics.snapshot().reads).toBe(0);
  });
});
