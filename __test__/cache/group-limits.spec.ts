/** `loaderTimeoutMs.soft` of a group that loads: the values that are being replaced are served if each of its keys has one, and the load goes on. */
import { CacheMetrics, type CacheOptions, type CacheRepository, type CacheRepositoryOptions, type ManyLoaderContext } from '../../lib/facade';
import { samplesWith } from '../helpers/prometheus';
import { until } from '../helpers/until';
import { gate, onEveryTopology, type Backend } from './backends';

const TIMED_OUT = { name: 'HawserError', code: 'E_LOADER_TIMEOUT' };
const SOFT = { maxAge: 0.001, loaderTimeoutMs: { soft: 20 } } satisfies CacheOptions;

/** Entries that have expired and are kept: readers pass a short `maxAge`. */
async function expired(backend: Backend, keys: readonly string[], tagsOf?: (key: string) => string[], more?: CacheRepositoryOptions): Promise<CacheRepository> {
  const cache = backend.cache({ ttl: 60, staleIfError: 60, ...more });
  await cache.setMany(keys.map((key) => ({ key, value: `${key} old`, tags: tagsOf?.(key) })));
  for (const key of keys) {
    const probe = (): Promise<string> => cache.getOrSet(key, () => Promise.reject(new Error('expired')), { maxAge: 0.001, staleIfError: 0 });
    await until(async () => (await probe().catch(() => 'expired')) === 'expired');
  }
  CacheMetrics.reset();
  return cache;
}

/** A `missing` that waits until the test releases it, and what it was called with. */
function heldMissing() {
  const started = gate();
  const finish = gate();
  const calls: { keys: string[]; signal: AbortSignal | undefined }[] = [];
  const missing = async (keys: string[], { signal }: ManyLoaderContext): Promise<Map<string, string>> => {
    calls.push({ keys: [...keys].sort(), signal });
    started.open();
    await finish.promise;
    return new Map(keys.map((key) => [key, `${key} new`]));
  };
  return { missing, started: started.promise, finish, calls };
}

/** What `refreshError` tells, by key. */
function failuresOf(cache: CacheRepository): Map<string, unknown> {
  const failures = new Map<string, unknown>();
  cache.on('refreshError', (error, { key }) => failures.set(key, error));
  return failures;
}

const never = (): never => {
  throw new Error('never called');
};

onEveryTopology('The soft limit of groups', (backend) => {
  test('with a kept value for each key the group gets those, and what missing brings later is stored', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const held = heldMissing();
    expect(await cache.getOrSetMany(['a', 'b', 'a'], held.missing, SOFT)).toEqual(['a old', 'b old', 'a old']);
    expect(CacheMetrics.snapshot()).toMatchObject({ loads: 1, softTimeouts: 1, loadErrors: 0, misses: 2, hits: 0, stale: 0, reads: 2 });
    held.finish.open();
    await until(async () => (await cache.getMany(['a', 'b'])).join() === 'a new,b new');
    expect(held.calls.map(({ keys }) => keys)).toEqual([['a', 'b']]);
    expect(await cache.getOrSetMany(['a', 'b'], never)).toEqual(['a new', 'b new']);
  });

  test('where missing is in time its values count', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const options = { ...SOFT, loaderTimeoutMs: { soft: 60_000 } };
    expect(await cache.getOrSetMany(['a', 'b'], (keys) => new Map(keys.map((key) => [key, `${key} new`])), options)).toEqual(['a new', 'b new']);
    expect(await cache.getMany(['a', 'b'])).toEqual(['a new', 'b new']);
    expect(CacheMetrics.snapshot().softTimeouts).toBe(0);
  });

  test('a key without a kept value makes the group wait, and all values are those that were loaded', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const held = heldMissing();
    const answered = jest.fn();
    const group = cache.getOrSetMany(['a', 'cold', 'b'], held.missing, SOFT).finally(answered);
    await held.started;
    // The same limit, in a group that it holds for, has passed.
    const other = await expired(backend, ['z']);
    expect(await other.getOrSetMany(['z'], heldMissing().missing, SOFT)).toEqual(['z old']);
    expect(answered).not.toHaveBeenCalled();
    held.finish.open();
    expect(await group).toEqual(['a new', 'cold new', 'b new']);
    expect(await cache.getMany(['a', 'cold', 'b'])).toEqual(['a new', 'cold new', 'b new']);
    expect(held.calls).toHaveLength(1);
    // Each of them was waited for until it was stored.
    const labels = { repository: cache.prefix, operation: 'store' };
    expect(samplesWith(CacheMetrics.prometheus(), 'hawser_cache_redis_duration_seconds_count', labels)[0]?.value).toBe(3);
    // That of the other group.
    expect(CacheMetrics.snapshot().softTimeouts).toBe(1);
  });

  test('so does a key whose former value may not be served, because it lacks a tag of the call', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const tags = (key: string): string[] => (key === 'b' ? ['more'] : []);
    const [held, failing] = [heldMissing(), heldMissing()];
    const failed = cache.getOrSetMany(['a', 'b'], failing.missing, { ...SOFT, tags });
    await failing.started;
    expect(await cache.getOrSet('a', never, SOFT)).toBe('a old');
    failing.finish.fail(new Error('source is down'));
    await expect(failed).rejects.toThrow('source is down');

    const other = await expired(backend, ['a', 'b']);
    const loaded = other.getOrSetMany(['a', 'b'], held.missing, { ...SOFT, tags });
    await held.started;
    expect(await other.getOrSet('a', never, SOFT)).toBe('a old');
    held.finish.open();
    expect(await loaded).toEqual(['a new', 'b new']);
    await until(async () => (await other.getMany(['a', 'b'])).join() === 'a new,b new');
    expect(CacheMetrics.snapshot().softTimeouts).toBe(0);
  });

  test('so does one whose former value cannot be read', async () => {
    const deserialize = (text: string): unknown => {
      if (text.includes('b old')) throw new Error('unreadable');
      return JSON.parse(text);
    };
    const cache = await expired(backend, ['a', 'b'], undefined, { serializer: { serialize: (value) => JSON.stringify(value), deserialize } });
    const held = heldMissing();
    const group = cache.getOrSetMany(['a', 'b'], held.missing, SOFT);
    await until(() => backend.warnings.some((line) => line.includes('could not be read')));
    held.finish.open();
    expect(await group).toEqual(['a new', 'b new']);
    expect(CacheMetrics.snapshot().softTimeouts).toBe(0);
  });

  test('a group that has waited for such a key fails with the error of missing, and leaves what is kept', async () => {
    const cache = await expired(backend, ['a']);
    const held = heldMissing();
    const group = cache.getOrSetMany(['a', 'cold'], held.missing, SOFT);
    await held.started;
    const joined = cache.getOrSet('a', never, SOFT);
    expect(await joined).toBe('a old');
    held.finish.fail(new Error('source is down'));
    await expect(group).rejects.toThrow('source is down');
    expect(await cache.getOrSet('a', () => Promise.reject(new Error('rests')), { maxAge: 0.001 })).toBe('a old');
    expect(await cache.has('cold')).toBe(false);
  });

  test('the hard limit ends a load that goes on in the background, and its signal tells it', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const failures = failuresOf(cache);
    const held = heldMissing();
    expect(await cache.getOrSetMany(['a', 'b'], held.missing, { ...SOFT, loaderTimeoutMs: { soft: 5, hard: 200 } })).toEqual(['a old', 'b old']);
    expect(held.calls[0].signal?.aborted).toBe(false);
    await until(() => failures.size === 2);
    for (const error of failures.values()) expect(error).toMatchObject(TIMED_OUT);
    expect(held.calls[0].signal?.reason).toMatchObject(TIMED_OUT);
    held.finish.open();
    expect(await cache.getOrSetMany(['a', 'b'], () => Promise.reject(new Error('rests')), { maxAge: 0.001 })).toEqual(['a old', 'b old']);
  });

  test('an error in the background is reported for each key and leaves the kept values', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const failures = failuresOf(cache);
    const held = heldMissing();
    await cache.getOrSetMany(['a', 'b'], held.missing, SOFT);
    const error = new Error('source is down');
    held.finish.fail(error);
    await until(() => failures.size === 2);
    expect(failures).toEqual(new Map([['a', error], ['b', error]]));
    expect(CacheMetrics.snapshot()).toMatchObject({ loads: 1, loadErrors: 1, refreshErrors: 0, softTimeouts: 1 });
    expect(await cache.getOrSetMany(['a', 'b'], () => Promise.reject(new Error('rests')), { maxAge: 0.001 })).toEqual(['a old', 'b old']);
  });

  test('other calls that wait for a key of the group get what missing brings', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const held = heldMissing();
    const group = cache.getOrSetMany(['a', 'b'], held.missing, SOFT);
    await held.started;
    const patient = [cache.getOrSet('a', never, { maxAge: 0.001 }), cache.getOrSetMany(['b'], never, { maxAge: 0.001 })];
    expect(await group).toEqual(['a old', 'b old']);
    held.finish.open();
    expect(await Promise.all(patient)).toEqual(['a new', ['b new']]);
    expect(held.calls).toHaveLength(1);
  });

  test('a key that another call loads counts like the others: with a kept value the group is answered', async () => {
    const cache = await expired(backend, ['own', 'theirs']);
    const finish = gate<string>();
    const started = gate();
    const other = cache.getOrSet('theirs', () => (started.open(), finish.promise), { maxAge: 0.001 });
    await started.promise;
    const held = heldMissing();
    expect(await cache.getOrSetMany(['own', 'theirs'], held.missing, SOFT)).toEqual(['own old', 'theirs old']);
    expect(held.calls.map(({ keys }) => keys)).toEqual([['own']]);
    held.finish.open();
    finish.open('theirs new');
    expect(await other).toBe('theirs new');
    await until(async () => (await cache.getMany(['own', 'theirs'])).join() === 'own new,theirs new');
  });

  test('without one the group waits for that call, and what missing has brought until then counts', async () => {
    const cache = await expired(backend, ['own']);
    const finish = gate<string>();
    const started = gate();
    const other = cache.getOrSet('cold', () => (started.open(), finish.promise));
    await started.promise;
    const held = heldMissing();
    const group = cache.getOrSetMany(['own', 'cold'], held.missing, SOFT);
    await held.started;
    await until(() => CacheMetrics.snapshot().softTimeouts === 1);
    held.finish.open();
    await until(async () => (await cache.get('own')) === 'own new');
    finish.open('cold new');
    expect(await group).toEqual(['own new', 'cold new']);
    expect(await other).toBe('cold new');
  });

  test('callers that give up do not reach a load in the background, and abort one that they still wait for', async () => {
    const cache = await expired(backend, ['a', 'b']);
    const [held, waited] = [heldMissing(), heldMissing()];
    const [first, second] = [new AbortController(), new AbortController()];
    expect(await cache.getOrSetMany(['a'], held.missing, { ...SOFT, signal: first.signal })).toEqual(['a old']);
    const group = cache.getOrSetMany(['b', 'cold'], waited.missing, { ...SOFT, signal: second.signal });
    await waited.started;
    expect([held.calls[0].signal?.aborted, waited.calls[0].signal?.aborted]).toEqual([false, false]);
    expect(await cache.getOrSet('b', never, SOFT)).toBe('b old');
    const leaving = cache.getOrSet('a', never, { maxAge: 0.001, signal: first.signal });
    first.abort(new Error('first'));
    await expect(leaving).rejects.toThrow('first');
    second.abort(new Error('second'));
    await expect(group).rejects.toThrow('second');
    expect(held.calls[0].signal?.aborted).toBe(false);
    expect(waited.calls[0].signal?.reason).toMatchObject({ message: 'second' });
    for (const { finish } of [held, waited]) finish.open();
    await until(async () => (await cache.getMany(['a', 'b'])).join() === 'a new,b new');
  });

  test('values that are stored later have the tags of their keys and those that missing adds', async () => {
    const tags = (key: string): string[] => [`of ${key}`];
    const cache = await expired(backend, ['a', 'b', 'c'], tags);
    const finish = gate();
    const missing = async (keys: string[], { addTags, of }: ManyLoaderContext): Promise<Map<string, string>> => {
      await finish.promise;
      await addTags('b', ['added']);
      of('c').skip();
      return new Map(keys.map((key) => [key, `${key} new`]));
    };
    expect(await cache.getOrSetMany(['a', 'b', 'c'], missing, { ...SOFT, tags })).toEqual(['a old', 'b old', 'c old']);
    finish.open();
    await until(async () => (await cache.getMany(['a', 'b'])).join() === 'a new,b new');
    expect(await cache.get('c')).not.toBe('c new');
    await cache.invalidateTags(['of a']);
    expect(await cache.getMany(['a', 'b'])).toEqual([null, 'b new']);
    await cache.invalidateTags(['added']);
    expect(await cache.get('b')).toBeNull();
  });
});
