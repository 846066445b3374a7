/** Stale-while-revalidate, staleIfError, maxAge, and the events of background work. */
import { CacheMetrics, StaleWhileRevalidate, type CacheRepository } from '../../lib/facade';
import { until } from '../helpers/until';
import { gate, heldLoader, onEveryStore } from './backends';

onEveryStore('stale-while-revalidate', (backend) => {
  test('a stale entry is served at once while one refresh runs, and the refreshed value follows', async () => {
    const cache = backend.cache();
    const swr = new StaleWhileRevalidate(cache, 0, 60);
    expect(await swr.get('k', () => 'first')).toBe('first');
    const held = heldLoader<string>();
    const values = await Promise.all(Array.from({ length: 50 }, () => swr.get('k', held.loader)));
    expect(new Set(values)).toEqual(new Set(['first']));
    await held.started;
    expect(await swr.get('k', held.loader)).toBe('first'); // Served while the refresh runs.
    expect(held.runs()).toBe(1);
    held.finish.open('second');
    await until(async () => (await cache.get('k')) === 'second');
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ refreshes: 1, refreshErrors: 0 });
  });

  test('a fresh entry is not refreshed', async () => {
    const swr = new StaleWhileRevalidate(backend.cache(), 60, 60);
    const loader = jest.fn(() => 1);
    await swr.get('k', loader);
    for (let i = 0; i < 10; i++) await swr.get('k', loader);
    await new Promise((resolve) => setImmediate(resolve));
    expect(loader).toHaveBeenCalledTimes(1);
  });

  test('an entry past its maxAge is loaded, not served', async () => {
    const cache = backend.cache();
    await cache.set('k', 'old', 60);
    const reader = (value: string): Promise<string> => cache.getOrSet('k', () => value, { maxAge: 0.03 });
    await until(async () => (await reader('new')) === 'new');
    expect(await cache.get('k')).toBe('new');
  });

  test('value and age expire together, and an invalidated entry is a miss, not stale', async () => {
    const cache = backend.cache();
    const swr = new StaleWhileRevalidate(cache, 0, 60);
    await swr.get('k', () => 'old', ['t']);
    await cache.invalidateTags(['t']);
    expect(await swr.get('k', () => 'new', ['t'])).toBe('new');
  });

  test('a failed refresh emits an event with its error and key; the stale value stays; there is no unhandled rejection', async () => {
    const cache = backend.cache();
    const failed = jest.fn();
    cache.on('refreshError', failed);
    const unheard = jest.fn();
    process.on('unhandledRejection', unheard);
    await cache.set('the key', 'stale');
    const error = new Error('source is down');
    const loader = jest.fn(() => Promise.reject<string>(error));
    expect(await cache.getOrSet('the key', loader, { staleAfter: 0 })).toBe('stale');
    await until(() => failed.mock.calls.length === 1);
    expect(failed).toHaveBeenCalledWith(error, { key: 'the key' });
    // During the backoff, stale hits are served and do not ask the source again.
    for (let i = 0; i < 5; i++) expect(await cache.getOrSet('the key', loader, { staleAfter: 0 })).toBe('stale');
    expect(loader).toHaveBeenCalledTimes(1);
    process.off('unhandledRejection', unheard);
    expect(unheard).not.toHaveBeenCalled();
    expect(backend.warnings).toEqual([]);
  });

  test('without a listener, a failed refresh is one log line without the key', async () => {
    const cache = backend.cache();
    await cache.set('secret key', 1);
    await cache.getOrSet('secret key', () => Promise.reject(new Error('source is down')), { staleAfter: 0 });
    await until(() => backend.warnings.length > 0);
    expect(backend.warnings).toEqual([expect.stringContaining(`cache ${cache.prefix}: a background refresh failed`)]);
    expect(backend.warnings.join()).not.toContain('secret key');
  });

  test('a refresh whose value cannot be serialized is a refreshError', async () => {
    const cache = backend.cache();
    const failed = gate<unknown>();
    cache.once('refreshError', failed.open);
    await cache.set('k', 1);
    expect(await cache.getOrSet<unknown>('k', () => 1n, { staleAfter: 0 })).toBe(1);
    expect(await failed.promise).toBeInstanceOf(TypeError);
  });

  test('tags that a loader names in a refresh take effect', async () => {
    const cache = backend.cache();
    await cache.set('k', 'stale');
    await cache.getOrSet('k', async ({ addTags }) => (await addTags(['t']), 'fresh'), { staleAfter: 0 });
    await until(async () => (await cache.get('k')) === 'fresh');
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
  });

  test('CACHE_ENABLE_SWR=false makes a stale entry a miss', async () => {
    await backend.reopen({ enableSwr: false });
    const cache = backend.cache();
    await cache.set('k', 'stale');
    expect(await cache.getOrSet('k', () => 'loaded', { staleAfter: 0 })).toBe('loaded');
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ stale: 0, misses: 1 });
  });

  test.each([[-1, 60, 'staleThreshold must be a number of seconds from 0'], [61, 60, 'staleThreshold must be at most maxAge (60), got 61'], [0, 0, 'maxAge must be a positive number of seconds, got 0']])(
    'the times %p and %p are refused',
    (threshold, maxAge, message) => {
      const cache = backend.cache();
      expect(() => new StaleWhileRevalidate(cache, threshold, maxAge)).toThrow(message);
      expect(() => new StaleWhileRevalidate({} as never)).toThrow('cache must be a CacheRepository, got an object');
    },
  );
});

onEveryStore('staleIfError', (backend) => {
  const options = { ttl: 0.02, staleIfError: 60 };
  const expire = (has: () => Promise<boolean>): Promise<boolean> => until(async () => !(await has()));

  test('an entry past its ttl replaces the result of a loader that fails', async () => {
    const cache = backend.cache();
    await cache.getOrSet('k', () => 'kept', options);
    await expire(() => cache.has('k'));
    expect(await cache.get('k')).toBeNull();
    const failing = (): Promise<string> => Promise.reject(new Error('source is down'));
    expect(await cache.getOrSet('k', failing, options)).toBe('kept');
    expect(await cache.getOrSetMany(['k'], failing as never, options)).toEqual(['kept']);
    expect(await cache.getOrSet('k', failing)).toBe('kept'); // The entry decides how long it is kept ...
    await expect(cache.getOrSet('k', failing, { staleIfError: 0 })).rejects.toThrow('source is down'); // ... unless its reader does.
  });

  // A lease in its header would outlive the entry, so the lease replaces the entry, which comes back if the loader fails.
  describe('for less than the life of a lease', () => {
    const short = { ttl: 0.02, staleIfError: 9, tags: ['t'] };
    const failing = (): Promise<string> => Promise.reject(new Error('source is down'));

    test('the kept value is served during the backoff, and the source is not asked', async () => {
      const cache = backend.cache();
      await cache.getOrSet('k', () => 'kept', short);
      await expire(() => cache.has('k'));
      const loader = jest.fn(failing);
      expect(await Promise.all(Array.from({ length: 10 }, () => cache.getOrSet('k', loader, short)))).toEqual(Array(10).fill('kept'));
      expect(await cache.getOrSet('k', loader, short)).toBe('kept');
      expect(loader).toHaveBeenCalledTimes(1);
      await until(async () => (await cache.getOrSet('k', () => 'new', { ...short, ttl: 60 })) === 'new'); // The backoff ends after a second.
      expect(await cache.get('k')).toBe('new');
    });

    test('a caller that joins the failing load late is served, too', async () => {
      const cache = backend.cache();
      await cache.getOrSet('k', () => 'kept', short);
      await expire(() => cache.has('k'));
      const held = heldLoader<string>();
      const first = cache.getOrSet('k', held.loader, short);
      await held.started;
      const second = cache.getOrSet('k', failing, short);
      const choosy = cache.getOrSet('k', failing, { ...short, staleIfError: 0 });
      await cache.has('k'); // Both have joined.
      held.finish.fail(new Error('source is down'));
      expect([await first, await second]).toEqual(['kept', 'kept']);
      await expect(choosy).rejects.toThrow('source is down');
    });

    test.each([
      ['an invalidation', (cache: CacheRepository) => cache.invalidateTags(['t']), null],
      ['a delete', (cache: CacheRepository) => cache.delete('k'), null],
      ['a set', (cache: CacheRepository) => cache.set('k', 'set', 60), 'set'],
    ])('it does not come back over %s that happens during the load', async (_name, change, after) => {
      const cache = backend.cache();
      await cache.getOrSet('k', () => 'kept', short);
      await expire(() => cache.has('k'));
      const held = heldLoader<string>();
      const first = cache.getOrSet('k', held.loader, short);
      await held.started;
      await change(cache);
      held.finish.fail(new Error('source is down'));
      await first.catch(() => undefined);
      const loader = jest.fn(failing);
      expect(await cache.getOrSet('k', loader).catch((error: Error) => error.message)).toBe(after ?? 'source is down');
      expect(loader).toHaveBeenCalledTimes(after === null ? 1 : 0);
    });
  });

  test('a successful load replaces it, and it does not survive an invalidation', async () => {
    const cache = backend.cache();
    await cache.getOrSet('k', () => 'kept', { ...options, tags: ['t'] });
    await expire(() => cache.has('k'));
    await cache.invalidateTags(['t']);
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('down')), { ...options, tags: ['t'] })).rejects.toThrow('down');
    expect(await cache.getOrSet('k', () => 'new', options)).toBe('new');
  });
});

onEveryStore('events', (backend) => {
  test('on, once and off work as in an emitter', async () => {
    const cache = backend.cache();
    const heard: string[] = [];
    const on = (): void => void heard.push('on');
    cache.on('refreshError', on);
    cache.once('refreshError', () => heard.push('once'));
    const refresh = async (key: string): Promise<void> => {
      await cache.set(key, 1);
      const before = heard.length + backend.warnings.length;
      await cache.getOrSet(key, () => Promise.reject(new Error('x')), { staleAfter: 0 });
      await until(() => heard.length + backend.warnings.length > before);
    };
    await refresh('a');
    await refresh('b');
    cache.off('refreshError', on);
    await refresh('c');
    expect(heard).toEqual(['on', 'once', 'on']);
    expect(backend.warnings).toHaveLength(1);
  });
});

onEveryStore('CACHE_ENABLE_TAGS=false', (backend) => {
  beforeEach(() => backend.reopen({ enableTags: false }));

  test('calls that name tags are not cached at all; the others are', async () => {
    const cache = backend.cache();
    const loader = jest.fn(() => ({ n: 1 }));
    await cache.getOrSet('k', loader, { tags: ['t'] });
    expect(await cache.getOrSet('k', loader, { tags: ['t'] })).toEqual({ n: 1 });
    expect(loader).toHaveBeenCalledTimes(2);
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSetMany(['k', 'l', 'k'], (keys) => new Map(keys.map((key) => [key, key])), { tags: ['t'] })).toEqual(['k', 'l', 'k']);
    expect(await cache.getMany(['k', 'l'])).toEqual([null, null]);
    await cache.getOrSet('plain', loader);
    await cache.getOrSet('plain', loader);
    expect(loader).toHaveBeenCalledTimes(3);
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ misses: 7, hits: 1, stale: 0 });
  });

  test('tags that a loader adds are still checked, and so is the time of the call', async () => {
    const cache = backend.cache();
    let late: ((tags: readonly string[]) => Promise<void>) | undefined;
    const errors: unknown[] = [];
    await cache.getOrSet(
      'k',
      async ({ addTags }) => {
        late = addTags;
        for (const wrong of [[''], ['\ud800'], Array.from({ length: 65 }, (_, n) => `t${n}`)]) {
          errors.push(await addTags(wrong).catch((error: Error) => error.name));
        }
        return 1;
      },
      { tags: ['t'] },
    );
    expect(errors).toEqual(['TypeError', 'TypeError', 'RangeError']);
    await expect(late?.(['later'])).rejects.toMatchObject({ code: 'E_LOAD_OVER' });
  });

  test('a failing loader of a group is counted', async () => {
    const cache = backend.cache();
    await expect(cache.getOrSetMany(['a', 'b'], () => Promise.reject(new Error('x')), { tags: ['t'] })).rejects.toThrow('x');
    expect(CacheMetrics.snapshot().repositories[cache.prefix]).toMatchObject({ misses: 2, loads: 1, loadErrors: 1 });
  });

  test('storing under tags leaves nothing behind, not even the former value', async () => {
    const cache = backend.cache();
    await cache.set('k', 'before');
    await cache.setWithTags('k', 'now', { tags: ['t'] });
    expect(await cache.has('k')).toBe(false);
    await cache.setMany([{ key: 'a', value: 1, tags: ['t'] }, { key: 'b', value: 2 }]);
    expect(await cache.getMany(['a', 'b'])).toEqual([null, 2]);
  });

  test('the value of a loader that names tags is returned to all callers and not stored', async () => {
    const cache = backend.cache();
    const held = heldLoader<number>();
    const read = (): Promise<number> => cache.getOrSet('k', async ({ addTags }) => (await addTags(['t']), held.loader()));
    const calls = [read(), read(), read()];
    await held.started;
    held.finish.open(5);
    expect(await Promise.all(calls)).toEqual([5, 5, 5]);
    expect(held.runs()).toBe(1);
    expect(await cache.has('k')).toBe(false);
  });
});
