/** Signals: a caller that gives up rejects, a loader is told when nobody waits for it any more, and nobody else fails for it. */
import { getEventListeners } from 'node:events';
import { CacheMetrics, type LoaderContext, type ManyLoaderContext } from '../../lib/facade';
import { until } from '../helpers/until';
import { gate, onEveryStore, onServer } from './backends';

const wentAway = new Error('the client went away');

/** A loader that obeys its signal, as one that reads with `fetch` does. */
function obedient(): { loader: (context: LoaderContext) => Promise<string>; signals: AbortSignal[]; finish: (value: string) => void } {
  const signals: AbortSignal[] = [];
  const done = gate<string>();
  return {
    signals,
    finish: (value) => done.open(value),
    loader: ({ signal = new AbortController().signal }) => {
      signals.push(signal);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
        void done.promise.then(resolve);
      });
    },
  };
}

const rejection = (promise: Promise<unknown>): Promise<unknown> => promise.then(() => 'resolved', (error: unknown) => error);

onEveryStore('the signal of a loader', (backend) => {
  test('does not abort because the caller that happened to be first gives up; the others get the value', async () => {
    const cache = backend.cache();
    const load = obedient();
    const aborts = Array.from({ length: 3 }, () => new AbortController());
    const calls = aborts.map(({ signal }) => rejection(cache.getOrSet('k', load.loader, { signal })));
    const without = cache.getOrSet('k', load.loader);
    await until(() => load.signals.length === 1);
    for (const abort of aborts) abort.abort(wentAway);
    expect(await Promise.all(calls)).toEqual([wentAway, wentAway, wentAway]);
    expect(load.signals.map(({ aborted }) => aborted)).toEqual([false]);
    load.finish('value');
    expect(await without).toBe('value');
    expect(await cache.get('k')).toBe('value');
  });

  test('aborts with the reason of the last caller when all have given up, in whatever order', async () => {
    const cache = backend.cache();
    const load = obedient();
    const aborts = Array.from({ length: 4 }, () => new AbortController());
    const calls = aborts.map(({ signal }) => rejection(cache.getOrSet('k', load.loader, { signal })));
    await until(() => load.signals.length === 1);
    for (const i of [2, 0, 3]) aborts[i]?.abort(wentAway);
    expect(load.signals[0]?.aborted).toBe(false);
    const last = new Error('and so did the last');
    aborts[1]?.abort(last);
    expect(await Promise.all(calls)).toEqual([wentAway, last, wentAway, wentAway]);
    expect(load.signals[0]).toMatchObject({ aborted: true, reason: last });
    // The key is free again.
    expect(await cache.getOrSet('k', () => 'another')).toBe('another');
  });

  test('whoever comes while an abandoned load is ending loads, and does not fail with it', async () => {
    const cache = backend.cache();
    const abort = new AbortController();
    const started = gate<AbortSignal | undefined>();
    const ending = gate();
    const abandoned = rejection(
      cache.getOrSet('k', async ({ signal }) => (started.open(signal), await ending.promise, signal?.throwIfAborted()), { signal: abort.signal }),
    );
    const signal = await started.promise;
    abort.abort(wentAway);
    expect(await abandoned).toBe(wentAway);
    expect(signal?.aborted).toBe(true);
    const late = [cache.getOrSet('k', () => 'late'), cache.getOrSetMany(['k', 'l'], () => ({ k: 'late', l: 'late' }))];
    await cache.has('k'); // They have asked.
    ending.open();
    expect(await Promise.all(late)).toEqual(['late', ['late', 'late']]);
    const { reads, misses } = CacheMetrics.snapshot().repositories[cache.prefix];
    expect([reads, misses]).toEqual([4, 4]);
  });

  test('a loader that goes on all the same has its value stored', async () => {
    const cache = backend.cache();
    const abort = new AbortController();
    const started = gate<AbortSignal | undefined>();
    const value = gate<number>();
    const given = rejection(cache.getOrSet('k', ({ signal }) => (started.open(signal), value.promise), { signal: abort.signal }));
    const signal = await started.promise;
    abort.abort(wentAway);
    await given;
    expect(signal?.aborted).toBe(true);
    value.open(7);
    await until(async () => (await cache.get('k')) === 7);
  });

  test('of one that looks at it only after everybody has left has aborted then', async () => {
    const cache = backend.cache();
    const abort = new AbortController();
    const started = gate();
    const look = gate();
    const seen = gate<boolean>();
    void rejection(cache.getOrSet('k', async (context) => (started.open(), await look.promise, seen.open(context.signal?.aborted === true)), { signal: abort.signal }));
    await started.promise;
    abort.abort(wentAway);
    look.open();
    expect(await seen.promise).toBe(true);
  });

  test('is absent in a background refresh, which goes on although its caller has long left', async () => {
    const cache = backend.cache();
    await cache.set('k', 'stale');
    const abort = new AbortController();
    const started = gate<AbortSignal | undefined>();
    const value = gate<string>();
    const load = ({ signal }: LoaderContext): Promise<string> => (started.open(signal), value.promise);
    expect(await cache.getOrSet('k', load, { staleAfter: 0, signal: abort.signal })).toBe('stale');
    expect(await started.promise).toBeUndefined();
    abort.abort(wentAway);
    value.open('fresh');
    await until(async () => (await cache.get('k')) === 'fresh');
  });

  test('of a group aborts when nobody waits for any of its keys', async () => {
    const cache = backend.cache();
    const groups = [new AbortController(), new AbortController()];
    const signals: AbortSignal[] = [];
    const done = gate();
    const missing = async (keys: string[], { signal = AbortSignal.abort() }: ManyLoaderContext): Promise<Map<string, string>> => {
      signals.push(signal);
      await done.promise;
      return new Map(keys.map((key) => [key, key]));
    };
    const first = rejection(cache.getOrSetMany(['a', 'b'], missing, { signal: groups[0].signal }));
    await until(() => signals.length === 1);
    const one = new AbortController();
    const single = rejection(cache.getOrSet('b', () => 'own', { signal: one.signal }));
    const second = cache.getOrSetMany(['b', 'c'], missing, { signal: groups[1].signal });
    await until(() => signals.length === 2);
    groups[0].abort(wentAway);
    expect(await first).toBe(wentAway);
    one.abort(wentAway);
    expect(await single).toBe(wentAway);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false]); // The second group waits for `b`.
    groups[1].abort(wentAway);
    expect(await rejection(second)).toBe(wentAway);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    done.open();
    await until(async () => (await cache.getMany(['a', 'b', 'c'])).join() === 'a,b,c');
  });

  test('many reads with one signal leave no listener behind and warn of no leak', async () => {
    const cache = backend.cache();
    const warned: string[] = [];
    const note = (warning: Error): void => void warned.push(warning.name);
    process.on('warning', note);
    const abort = new AbortController();
    const { signal } = abort;
    const load = obedient();
    const reads = (from: number): Promise<unknown>[] => Array.from({ length: 50 }, (_, i) => cache.getOrSet(`k${from + (i % 10)}`, () => i, { signal }));
    await Promise.all(reads(0));
    await cache.getOrSetMany(['k1', 'l1'], () => ({ l1: 1 }), { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    const waiting = Array.from({ length: 100 }, (_, i) => rejection(cache.getOrSet(`w${i % 20}`, load.loader, { signal })));
    await until(() => load.signals.length === 20);
    expect(getEventListeners(signal, 'abort').length).toBeLessThanOrEqual(1);
    abort.abort(wentAway);
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([wentAway]));
    expect(load.signals.every(({ aborted }) => aborted)).toBe(true);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warned).toEqual([]);
  });
});

onServer('with a server that is away', (backend) => {
  test('a load that several share without the cache goes on for those who wait', async () => {
    const cache = backend.cache();
    await cache.get('warm');
    backend.server.freeze();
    const load = obedient();
    const abort = new AbortController();
    const calls = [rejection(cache.getOrSet('k', load.loader, { signal: abort.signal })), cache.getOrSet('k', load.loader), cache.getOrSet('k', load.loader)];
    await until(() => load.signals.length >= 1);
    abort.abort(wentAway);
    expect(await calls[0]).toBe(wentAway);
    expect(load.signals[0]?.aborted).toBe(false);
    load.finish('value');
    expect(await Promise.all(calls.slice(1))).toEqual(['value', 'value']);
  });
});
