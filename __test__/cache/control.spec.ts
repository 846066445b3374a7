/** Control over loads: time limits, early refresh, jitter, `null` with its own time to live, and what a loader says about its result. */
import { CacheMetrics, RedisManager, type CacheOptions, type LoaderContext } from '../../lib/facade';
import type { Redis } from '../../lib';
import { until } from '../helpers/until';
import { gate, heldLoader, onEveryTopology, onServer, type Backend } from './backends';

const TIMED_OUT = { name: 'HawserError', code: 'E_LOADER_TIMEOUT' };

/** An entry that has expired and is kept: readers pass a short `maxAge`. */
async function expired(backend: Backend, key: string, value: unknown): Promise<{ cache: ReturnType<Backend['cache']>; kept: CacheOptions }> {
  const cache = backend.cache({ ttl: 60, staleIfError: 60 });
  await cache.setWithTags(key, value);
  const kept = { maxAge: 0.001 };
  await until(async () => (await cache.getOrSet(key, () => Promise.reject(new Error('expired')), { ...kept, staleIfError: 0 }).catch(() => 'expired')) === 'expired');
  return { cache, kept };
}

onEveryTopology('Time limits of loaders', (backend) => {
  test('after the hard limit the signal aborts, all callers reject with a typed error, nothing is stored and the next call loads', async () => {
    const cache = backend.cache();
    const aborted = gate<unknown>();
    let runs = 0;
    const loader = ({ signal }: LoaderContext): Promise<number> => {
      runs++;
      signal?.addEventListener('abort', () => aborted.open(signal.reason));
      return new Promise<number>(() => undefined);
    };
    const calls = [cache.getOrSet('k', loader, { loaderTimeoutMs: 30 }), cache.getOrSet('k', loader, { loaderTimeoutMs: { hard: 30 } })];
    for (const outcome of await Promise.allSettled(calls)) expect(outcome).toMatchObject({ status: 'rejected', reason: TIMED_OUT });
    expect(await aborted.promise).toMatchObject(TIMED_OUT);
    expect(runs).toBe(1);
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', () => 2, { loaderTimeoutMs: 5000 })).toBe(2);
    expect(await cache.get('k')).toBe(2);
    expect(CacheMetrics.snapshot().loaderTimeouts).toBeGreaterThan(0);
  });

  test('what a loader brings after its time is not stored', async () => {
    const cache = backend.cache({ loaderTimeoutMs: 20 });
    const held = heldLoader<string>();
    await expect(cache.getOrSet('k', held.loader)).rejects.toMatchObject(TIMED_OUT);
    held.finish.open('late');
    expect(await cache.getOrSet('k', () => 'next', { loaderTimeoutMs: 5000 })).toBe('next');
    expect(await cache.get('k')).toBe('next');
  });

  test('a caller with a limit leaves the load of another one, which goes on', async () => {
    const cache = backend.cache();
    const held = heldLoader<number>();
    const patient = cache.getOrSet('k', held.loader);
    await held.started;
    await expect(cache.getOrSet('k', held.loader, { loaderTimeoutMs: 30 })).rejects.toMatchObject(TIMED_OUT);
    held.finish.open(1);
    expect(await patient).toBe(1);
    expect(await cache.get('k')).toBe(1);
  });

  test('callers that allow the loader more time than the one they joined start again when its time is over', async () => {
    const cache = backend.cache();
    const endless = (): Promise<string> => new Promise(() => undefined);
    const hasty = cache.getOrSet('k', endless, { loaderTimeoutMs: 60 });
    const equal = cache.getOrSet('k', () => 'never called', { loaderTimeoutMs: 60 });
    const loader = jest.fn(async () => 'loaded');
    const patient = [
      cache.getOrSet('k', loader),
      cache.getOrSet('k', loader, { loaderTimeoutMs: 60_000 }),
      cache.getOrSetMany(['k'], async (keys) => new Map(await Promise.all(keys.map(async (key) => [key, await loader()] as const)))).then(([value]) => value),
    ];
    for (const outcome of await Promise.allSettled([hasty, equal])) expect(outcome).toMatchObject({ status: 'rejected', reason: TIMED_OUT });
    expect(await Promise.all(patient)).toEqual(['loaded', 'loaded', 'loaded']);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(await cache.get('k')).toBe('loaded');
    const { hits, stale, misses, reads } = CacheMetrics.snapshot();
    expect(hits + stale + misses).toBe(reads);
  });

  test('after the hard limit a kept value replaces the error', async () => {
    const { cache, kept } = await expired(backend, 'k', 'old');
    expect(await cache.getOrSet('k', () => new Promise<string>(() => undefined), { ...kept, loaderTimeoutMs: 30 })).toBe('old');
  });

  test('after the soft limit the callers get the value that is being replaced, and the load goes on and is stored', async () => {
    const { cache, kept } = await expired(backend, 'k', 'old');
    CacheMetrics.reset();
    const held = heldLoader<string>();
    const options = { ...kept, loaderTimeoutMs: { soft: 20, hard: 60_000 } };
    const owner = cache.getOrSet('k', held.loader, options);
    await held.started;
    const joined = cache.getOrSet('k', held.loader, options);
    expect([await owner, await joined]).toEqual(['old', 'old']);
    expect(held.runs()).toBe(1);
    held.finish.open('new');
    await until(async () => (await cache.get('k')) === 'new');
    const { hits, stale, misses, reads, loads, softTimeouts } = CacheMetrics.snapshot();
    expect(hits + stale + misses).toBe(reads);
    expect([loads, softTimeouts]).toEqual([1, 1]);
  });

  test('the soft limit does nothing where no value is kept', async () => {
    const cache = backend.cache({ loaderTimeoutMs: { soft: 0 } });
    const held = heldLoader<number>();
    const call = cache.getOrSet('k', held.loader);
    await held.started;
    expect(await cache.getOrSet('other', () => 1)).toBe(1);
    held.finish.open(7);
    expect(await call).toBe(7);
    expect(await cache.get('k')).toBe(7);
  });

  test('a load that fails in the background is reported and leaves the kept value', async () => {
    const { cache, kept } = await expired(backend, 'k', 'old');
    const failed = gate<unknown>();
    cache.on('refreshError', (error) => failed.open(error));
    const held = heldLoader<string>();
    expect(await cache.getOrSet('k', held.loader, { ...kept, loaderTimeoutMs: { soft: 5 } })).toBe('old');
    held.finish.fail(new Error('source is down'));
    expect(await failed.promise).toMatchObject({ message: 'source is down' });
    expect(await cache.getOrSet('k', () => Promise.reject(new Error('rests')), kept)).toBe('old');
  });

  test('the hard limit stops a load that goes on in the background, too', async () => {
    const { cache, kept } = await expired(backend, 'k', 'old');
    const failed = gate<unknown>();
    cache.on('refreshError', (error) => failed.open(error));
    const signals: (AbortSignal | undefined)[] = [];
    const endless = ({ signal }: LoaderContext): Promise<string> => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    expect(await cache.getOrSet('k', endless, { ...kept, loaderTimeoutMs: { soft: 5, hard: 60 } })).toBe('old');
    expect(signals[0]?.aborted).toBe(false);
    expect(await failed.promise).toMatchObject(TIMED_OUT);
    expect(signals[0]?.reason).toMatchObject(TIMED_OUT);
  });

  test('a caller that waits gets the kept value after its hard limit, too', async () => {
    const { cache, kept } = await expired(backend, 'k', 'old');
    const held = heldLoader<string>();
    const patient = cache.getOrSet('k', held.loader, kept);
    await held.started;
    const never = (): never => {
      throw new Error('never called');
    };
    expect(await cache.getOrSet('k', never, { ...kept, loaderTimeoutMs: 20 })).toBe('old');
    expect(await cache.getOrSetMany(['k'], never, { ...kept, loaderTimeoutMs: 20 })).toEqual(['old']);
    held.finish.open('new');
    expect(await patient).toBe('new');
  });

  test('all waits of one call count together', async () => {
    const cache = backend.cache();
    const second = heldLoader<string>();
    const hasty = cache.getOrSet('k', () => new Promise<string>(() => undefined), { loaderTimeoutMs: 40 });
    // They all start again when its time is over: the first one loads, and the others wait once more.
    const owner = cache.getOrSet('k', second.loader);
    const loader = jest.fn(() => 'never called');
    const group = (keys: string[]): Map<string, string> => new Map(keys.map((key) => [key, loader()]));
    const limited = [cache.getOrSet('k', loader, { loaderTimeoutMs: 120 }), cache.getOrSetMany(['k'], group, { loaderTimeoutMs: 120 })];
    const outcomes = Promise.allSettled([hasty, ...limited]);
    await second.started;
    for (const outcome of await outcomes) expect(outcome).toMatchObject({ status: 'rejected', reason: TIMED_OUT });
    expect(loader).not.toHaveBeenCalled();
    second.finish.open('done');
    expect(await owner).toBe('done');
  });

  test('a group waits for the loaders of others no longer than its limits say, and stores what it has loaded itself', async () => {
    const { cache, kept } = await expired(backend, 'kept', 'old');
    const held = heldLoader<string>();
    const others = [cache.getOrSet('cold', held.loader), cache.getOrSet('kept', held.loader, kept)];
    await held.started;
    const missing = (keys: string[]): Map<string, string> => new Map(keys.map((key) => [key, 'own']));
    expect(await cache.getOrSetMany(['kept', 'mine'], missing, { ...kept, loaderTimeoutMs: { soft: 10 } })).toEqual(['old', 'own']);
    await expect(cache.getOrSetMany(['cold', 'too'], missing, { loaderTimeoutMs: 30 })).rejects.toMatchObject(TIMED_OUT);
    expect(await cache.getMany(['mine', 'too'])).toEqual(['own', 'own']);
    held.finish.open('theirs');
    expect(await Promise.all(others)).toEqual(['theirs', 'theirs']);
    expect(await cache.getOrSetMany(['cold'], missing, { loaderTimeoutMs: 30 })).toEqual(['theirs']);
  });

  test('the hard limit holds for groups and without the cache', async () => {
    const cache = backend.cache();
    const missing = (): Promise<Record<string, number>> => new Promise(() => undefined);
    await expect(cache.getOrSetMany(['a', 'b'], missing, { loaderTimeoutMs: 20 })).rejects.toMatchObject(TIMED_OUT);
    expect(await cache.getOrSetMany(['a', 'b'], () => ({ a: 1, b: 2 }), { loaderTimeoutMs: 5000 })).toEqual([1, 2]);
  });
});

onEveryTopology('Early refresh, jitter, null', (backend) => {
  test('in the last part of its fresh period an entry is refreshed behind a hit, by one caller', async () => {
    const cache = backend.cache({ ttl: 60, earlyRefresh: 0 });
    await cache.set('k', 1);
    CacheMetrics.reset();
    const held = heldLoader<number>();
    const reads = await Promise.all(Array.from({ length: 5 }, () => cache.getOrSet('k', held.loader)));
    expect(reads).toEqual([1, 1, 1, 1, 1]);
    await held.started;
    expect(CacheMetrics.snapshot()).toMatchObject({ hits: 5, stale: 0, misses: 0 });
    held.finish.open(2);
    await until(async () => (await cache.get('k')) === 2);
    expect(held.runs()).toBe(1);
    const loader = jest.fn(() => 3);
    expect(await cache.getOrSet('k', loader, { earlyRefresh: 0.99 })).toBe(2);
    expect(loader).not.toHaveBeenCalled();
  });

  test('a loaded null has a time to live of its own and is not kept', async () => {
    const cache = backend.cache({ ttl: 60, negativeTtl: 0.05, staleIfError: 60 });
    expect(await cache.getOrSet('k', () => null)).toBeNull();
    expect(await cache.has('k')).toBe(true);
    await until(async () => !(await cache.has('k')));
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    expect(await cache.getOrSetMany(['a', 'b'], () => ({ a: null, b: 1 }))).toEqual([null, 1]);
    await until(async () => !(await cache.has('a')));
    expect(await cache.has('b')).toBe(true);
  });
});

onServer('Times in Redis', (backend) => {
  test('jitter shortens times to live, and never by more than its part', async () => {
    const cache = backend.cache({ ttl: 1000, ttlJitter: 0.5 });
    const keys = Array.from({ length: 40 }, (_, i) => `k${i}`);
    await cache.getOrSetMany(keys, (missing) => Object.fromEntries(missing.map((key) => [key, 1])));
    await cache.setMany(keys.map((key) => ({ key: `set ${key}`, value: 1 })));
    await cache.getOrSet('one', () => 1);
    const client = await RedisManager.getMainClient<Redis>();
    const lives = await Promise.all([...keys, ...keys.map((key) => `set ${key}`)].map((key) => client.pttl(`${cache.prefix}:${key}`)));
    for (const life of lives) expect(life).toBeGreaterThan(400_000);
    for (const life of lives) expect(life).toBeLessThanOrEqual(1_000_000);
    expect(new Set(lives.map((life) => Math.floor(life / 50_000))).size).toBeGreaterThan(3);
  });
});

onEveryTopology('What a loader says about its result', (backend) => {
  test('setTtl and setStaleAfter replace the times of the call', async () => {
    const cache = backend.cache({ ttl: 600 });
    await cache.getOrSet('short', ({ setTtl }) => {
      setTtl(0.05);
      return 1;
    });
    await until(async () => !(await cache.has('short')));
    await cache.getOrSet('stale', (ctx) => {
      ctx.setStaleAfter(0);
      return 1;
    });
    CacheMetrics.reset();
    expect(await cache.getOrSet('stale', () => 2)).toBe(1);
    expect(CacheMetrics.snapshot().stale).toBe(1);
    await cache.getOrSetMany(['a'], (_, ctx) => {
      ctx.of('a').setTtl(0.05);
      return { a: 1 };
    });
    await until(async () => !(await cache.has('a')));
  });

  test('an entry that lives longer than its call said can be invalidated all its life', async () => {
    const cache = backend.cache({ ttl: 0.05 });
    await cache.getOrSet('k', ({ setTtl }) => (setTtl(3600), 'long'), { tags: ['t'] });
    expect(await cache.get('k')).toBe('long');
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
  });

  test.each([
    ['setTtl', (ctx: LoaderContext) => ctx.setTtl(0), RangeError],
    ['setStaleAfter', (ctx: LoaderContext) => ctx.setStaleAfter(-1), RangeError],
    ['setTags', (ctx: LoaderContext) => ctx.setTags(['']), TypeError],
  ])('%s refuses what is invalid', async (_, act, kind) => {
    const cache = backend.cache();
    await expect(cache.getOrSet('k', (ctx) => (act(ctx), 1))).rejects.toThrow(kind);
    expect(await cache.has('k')).toBe(false);
  });

  test('skip: the value is returned, to joined callers too, and not stored', async () => {
    const cache = backend.cache();
    const started = gate();
    const go = gate();
    const skipping = async ({ skip }: LoaderContext): Promise<{ n: number }> => {
      started.open();
      await go.promise;
      skip();
      return { n: 1 };
    };
    const owner = cache.getOrSet('k', skipping);
    await started.promise;
    const joined = cache.getOrSet('k', skipping);
    go.open();
    expect([await owner, await joined]).toEqual([{ n: 1 }, { n: 1 }]);
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getOrSet('k', (ctx) => ctx.skip())).toBeUndefined();
    expect(await cache.has('k')).toBe(false);
  });

  test('a context is of no use after its loader', async () => {
    const cache = backend.cache();
    let kept: LoaderContext | undefined;
    await cache.getOrSet('k', (ctx) => {
      kept = ctx;
      return 1;
    });
    for (const act of [() => kept?.setTtl(1), () => kept?.setTags(['t']), () => kept?.keep()]) expect(act).toThrow(expect.objectContaining({ code: 'E_LOAD_OVER' }));
  });
});
