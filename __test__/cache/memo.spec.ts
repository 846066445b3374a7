/** A view of a repository for one request. */
import { CacheMetrics, RedisManager } from '../../lib/facade';
import { HawserError } from '../../lib/errors';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';
import { gate, heldLoader, onEveryStore, onServer } from './backends';

const NEAR = { nearCache: { maxBytes: 1 << 20 } };
const never = (): never => {
  throw new Error('nobody should load');
};

onEveryStore('memo', (backend) => {
  const reads = (): number => CacheMetrics.snapshot().reads;

  test('each key is read once, whatever asks for it', async () => {
    const cache = backend.cache();
    await cache.setMany([{ key: 'a', value: { n: 1 } }, { key: 'b', value: 2 }]);
    const memo = cache.memo();
    const all = await Promise.all([memo.getOrSet('a', never), memo.getOrSet('a', never), memo.get('a'), memo.getMany(['a', 'b', 'a'])]);
    expect(all).toEqual([{ n: 1 }, { n: 1 }, { n: 1 }, [{ n: 1 }, 2, { n: 1 }]]);
    expect(reads()).toBe(2);
    const asked: string[][] = [];
    expect(await memo.getOrSetMany(['a', 'b', 'c'], (keys) => (asked.push(keys), { c: 3 }))).toEqual([{ n: 1 }, 2, 3]);
    expect(asked).toEqual([['c']]);
    expect(await memo.getOrSet('c', never)).toBe(3);
    expect(await memo.has('c')).toBe(true);
    expect(reads()).toBe(3);
    // Another request reads for itself.
    await cache.set('b', 'new');
    expect([await memo.get('b'), await cache.memo().get('b')]).toEqual([2, 'new']);
  });

  test('every caller has a value of its own', async () => {
    const cache = backend.cache();
    const loaded = { list: [1], at: new Date(0) };
    await cache.set('stored', { list: [1] });
    for (const memo of [cache.memo(), cache.memo()]) {
      const [first, second] = await Promise.all([memo.getOrSet<{ list: number[] }>('stored', never), memo.get<{ list: number[] }>('stored')]);
      first.list.push(2);
      second?.list.push(3);
      expect(await memo.getMany(['stored', 'stored'])).toEqual([{ list: [1] }, { list: [1] }]);
    }
    const memo = cache.memo();
    // The caller that loads has the loader's own object; the others have what the cache would give them.
    const own = await memo.getOrSet('k', () => loaded);
    expect(own).toBe(loaded);
    own.list.push(2);
    const copy = await memo.getOrSet<unknown>('k', never);
    expect(copy).toEqual({ list: [1], at: '1970-01-01T00:00:00.000Z' });
    const written = { list: [1] };
    const stored = memo.set('w', written);
    written.list.push(2);
    expect(await memo.get('w')).toEqual({ list: [1] });
    await stored;
    expect((await memo.getMany<{ list: number[] }>(['w', 'w'])).map((value) => value?.list.push(2))).toEqual([2, 2]);
    expect(await memo.get('w')).toEqual({ list: [1] });
  });

  test.each([undefined, { nearCache: { maxBytes: 1 << 20, share: 'frozen' } } as const])('every caller has bytes of its own (%j)', async (options) => {
    const cache = backend.cache(options);
    const memo = cache.memo();
    const written = Buffer.from([1, 2, 3]);
    const stored = memo.set('w', written);
    written[0] = 9;
    await stored;
    for (const [key, bytes] of [['w', Buffer.from([1, 2, 3])], ['k', new Uint8Array([4, 5])]] as const) {
      const first = await memo.getOrSet<Uint8Array>(key, () => bytes.slice());
      expect(first).toEqual(bytes);
      first[0] = 0;
      const copies = await memo.getMany<Uint8Array>([key, key]);
      expect(copies).toEqual([bytes, bytes]);
      copies[0]?.fill(0);
      const last = await memo.get(key);
      expect([Buffer.isBuffer(last), last]).toEqual([key === 'w', bytes]);
    }
  });

  test('where the near cache shares frozen values, so does the view', async () => {
    const cache = backend.cache({ nearCache: { maxBytes: 1 << 20, share: 'frozen' } });
    await cache.set('k', { list: [1] });
    const memo = cache.memo();
    await memo.get('k');
    const [a, b] = await memo.getMany<{ list: number[] }>(['k', 'k']);
    expect(a).toBe(b);
    expect(Object.isFrozen(a?.list)).toBe(true);
  });

  test.each([undefined, true])('and as there, what freezing does not protect is everybody\'s own (copyable: %s)', async (copyable) => {
    const serializer = { serialize: JSON.stringify, deserialize: (text: string): unknown => ({ at: new Date(JSON.parse(text).at) }), copyable };
    const cache = backend.cache({ nearCache: { maxBytes: 1 << 20, share: 'frozen' }, serializer });
    await cache.set('k', { at: new Date(5) });
    const memo = cache.memo();
    for (let i = 0; i < 4; i++) {
      const found = await memo.get<{ at: Date }>('k');
      expect(found?.at.getTime()).toBe(5);
      expect(Object.isFrozen(found)).toBe(false);
      found?.at.setTime(i);
    }
  });

  test('a miss of get is loaded by getOrSet, once; null, undefined and false are remembered as what they are', async () => {
    const memo = backend.cache().memo();
    expect([await memo.get('k'), await memo.get('k'), await memo.has('k')]).toEqual([null, null, false]);
    expect(reads()).toBe(1);
    const loader = jest.fn(() => 1);
    expect(await Promise.all([memo.getOrSet('k', loader), memo.getOrSet('k', loader), memo.getOrSetMany(['k'], never)])).toEqual([1, 1, [1]]);
    expect(loader).toHaveBeenCalledTimes(1);
    expect([await memo.get('k'), await memo.has('k')]).toEqual([1, true]);
    for (const [key, value, present] of [['null', null, true], ['false', false, true], ['zero', 0, true], ['empty', '', true], ['undefined', undefined, false]] as const) {
      expect(await memo.getOrSet<unknown>(key, () => value, { negativeTtl: 60 })).toBe(value);
      expect(await memo.getOrSet<unknown>(key, never)).toBe(value);
      expect([await memo.get(key), await memo.has(key)]).toEqual([value ?? null, present]);
    }
  });

  test('numbers that JSON changes are remembered as they are stored', async () => {
    const cache = backend.cache();
    const memo = cache.memo();
    for (const [number, stored] of [[NaN, null], [-Infinity, null], [-0, 0]]) {
      await memo.set('written', number);
      expect(await memo.getOrSet('loaded', () => number)).toBe(number);
      for (const key of ['written', 'loaded']) {
        expect(await memo.get(key)).toBe(stored);
        expect(await memo.getOrSet(key, () => 'never called')).toBe(stored);
        expect(await cache.get(key)).toBe(stored);
      }
      await memo.deleteMany(['written', 'loaded']);
    }
  });

  test('a cached null is told from a miss', async () => {
    const cache = backend.cache();
    await cache.set('null', null);
    const memo = cache.memo();
    expect([await memo.get('null'), await memo.has('null'), await memo.has('none')]).toEqual([null, true, false]);
    expect(await memo.getOrSet('null', never)).toBeNull();
    expect(await memo.getOrSetMany(['null'], never)).toEqual([null]);
  });

  test('writes through it are seen at once', async () => {
    const cache = backend.cache();
    const memo = cache.memo();
    expect(await memo.getOrSet('k', () => 'old', { tags: ['t'] })).toBe('old');
    const written = memo.set('k', 'new');
    expect([await memo.get('k'), await memo.getOrSet('k', never), await memo.has('k')]).toEqual(['new', 'new', true]);
    await written;
    expect(await cache.get('k')).toBe('new');
    await memo.setMany([{ key: 'a', value: 1 }, { key: 'b', value: 2 }, { key: 'b', value: 3 }]);
    expect(await memo.getMany(['a', 'b'])).toEqual([1, 3]);
    const deleted = memo.delete('a');
    expect([await memo.get('a'), await memo.has('a')]).toEqual([null, false]);
    await deleted;
    expect(await memo.getOrSet('a', () => 'loaded again')).toBe('loaded again');
    await memo.set('k', 1);
    await cache.delete('k');
    expect(await memo.get('k')).toBe(1);
    expect(await memo.deleteMany(['k'])).toBe(0);
    expect(await memo.get('k')).toBeNull();
  });

  test.each(['invalidateTags', 'deletePattern', 'clear'] as const)('%s: what was read before is read again', async (method) => {
    const cache = backend.cache();
    const memo = cache.memo();
    await memo.setWithTags('k', 'tagged', { tags: ['t'] });
    await memo.getOrSet('other', () => 1);
    expect(await memo.getOrSet('k', never, { tags: ['t'] })).toBe('tagged');
    await cache.set('other', 2);
    if (method === 'clear') await memo.clear();
    else expect(await memo[method](method === 'invalidateTags' ? (['t'] as never) : ('k*' as never))).toBe(1);
    expect(await memo.getMany(['k', 'other'])).toEqual([null, method === 'clear' ? null : 2]);
    expect(await memo.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
  });

  test('with a near cache, an invalidation through the view is seen before it has resolved', async () => {
    const cache = backend.cache(NEAR);
    await cache.setWithTags('k', 'old', { tags: ['t'] });
    await until(async () => {
      await cache.get('k');
      return CacheMetrics.snapshot().nearHits > 0;
    });
    const memo = cache.memo();
    expect(await memo.get('k')).toBe('old');
    const gone = memo.invalidateTags(['t']);
    expect(await Promise.all([memo.get('k'), memo.getOrSet('k', () => 'new', { tags: ['t'] })])).toEqual([null, 'new']);
    await gone;
    const deleted = memo.delete('k');
    expect(await memo.getOrSet('k', () => 'newer')).toBe('newer');
    await deleted;
  });

  test('a caller that wants more than the one before is answered by the repository', async () => {
    const cache = backend.cache();
    await cache.set('k', 'old');
    const memo = cache.memo();
    expect([await memo.get('k'), await memo.getOrSet('k', never, { maxAge: 100 })]).toEqual(['old', 'old']);
    expect(await memo.getOrSet('k', never, { maxAge: 200 })).toBe('old');
    // The view keeps an answer younger than a millisecond as well, so the entry is replaced behind its back.
    await until(async () => (await cache.getOrSet('k', () => 'young', { maxAge: 0.001 })) === 'young');
    expect(await memo.get('k')).toBe('old');
    expect(await memo.getOrSet('k', () => 'young', { maxAge: 0.001 })).toBe('young');
    expect([await memo.get('k'), await memo.getOrSet('k', never, { maxAge: 1 })]).toEqual(['young', 'young']);
    // An entry without the caller's tag would survive the invalidation of that tag.
    expect(await memo.getOrSet('k', () => 'tagged', { tags: ['t'] })).toBe('tagged');
    expect(await memo.getOrSet('k', never, { tags: ['t'] })).toBe('tagged');
    await memo.set('k', 'written');
    expect(await memo.getOrSet('k', never, { maxAge: 0.001 })).toBe('written');
    expect(await memo.getOrSetMany(['k'], () => ({ k: 'tagged again' }), { tags: (key) => [key] })).toEqual(['tagged again']);
  });

  test('a read that began before a write is not what a later caller gets', async () => {
    const memo = backend.cache().memo();
    const held = heldLoader<string>();
    const early = memo.getOrSet('k', held.loader);
    await held.started;
    await memo.delete('k');
    const late = memo.getOrSet('k', () => 'late');
    held.finish.open('early');
    expect([await early, await late, await memo.get('k')]).toEqual(['early', 'late', 'late']);
  });

  test('concurrent callers share one load and its failure, which is not remembered', async () => {
    const memo = backend.cache().memo();
    const down = jest.fn(() => Promise.reject(new Error('down')));
    const outcomes = await Promise.allSettled([memo.getOrSet('k', down), memo.getOrSet('k', down), memo.get('k')]);
    expect(outcomes).toMatchObject([{ reason: { message: 'down' } }, { reason: { message: 'down' } }, { value: null }]);
    expect(down).toHaveBeenCalledTimes(1);
    expect(await memo.getOrSet('k', () => 1)).toBe(1);
    const group = memo.getOrSetMany(['a', 'b'], () => ({ a: 10n, b: 2 }));
    const joiner = memo.getOrSet('b', () => 'own');
    await expect(group).rejects.toThrow(TypeError);
    expect(['own', 2]).toContain(await joiner);
    await expect(memo.getOrSet('c', () => 10n)).rejects.toThrow(TypeError);
    expect(await memo.getOrSet('c', () => 'c')).toBe('c');
  });

  test('a caller that gives up takes nobody with it, and the last one aborts the load', async () => {
    const memo = backend.cache().memo();
    const [one, two] = [new AbortController(), new AbortController()];
    const finish = gate<number>();
    const started = gate();
    let signal: AbortSignal | undefined;
    const load = memo.getOrSet('k', (context) => ((signal = context.signal), started.open(), finish.promise), { signal: one.signal });
    await started.promise;
    const joined = memo.getOrSet('k', never, { signal: two.signal });
    const plain = memo.getOrSet('k', never);
    one.abort(new Error('gone'));
    await expect(load).rejects.toThrow('gone');
    two.abort(new Error('gone, too'));
    await expect(joined).rejects.toThrow('gone, too');
    expect(signal?.aborted).toBe(false);
    finish.open(1);
    expect(await plain).toBe(1);

    const [three, four] = [new AbortController(), new AbortController()];
    const began = gate();
    const lost = memo.getOrSet('lost', (context) => ((signal = context.signal), began.open(), gate<number>().promise), { signal: three.signal });
    await began.promise;
    const after = memo.getOrSet('lost', never, { signal: four.signal });
    three.abort();
    four.abort();
    await expect(Promise.any([lost, after])).rejects.toBeInstanceOf(AggregateError);
    await until(() => signal?.aborted === true);
    expect(await memo.getOrSet('lost', () => 'found', { lockTimeoutMs: 50 })).toBe('found');
    await expect(memo.getOrSet('lost', never, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
  });

  test('time limits of one caller end its own wait alone', async () => {
    const memo = backend.cache().memo();
    const held = heldLoader<number>();
    const patient = memo.getOrSet('k', held.loader);
    await held.started;
    await expect(memo.getOrSet('k', never, { loaderTimeoutMs: 20 })).rejects.toMatchObject({ code: 'E_LOADER_TIMEOUT' });
    held.finish.open(1);
    expect(await patient).toBe(1);
  });

  test('a loader that asks the view for its own key is rejected, and its get does not wait', async () => {
    const memo = backend.cache().memo();
    await expect(memo.getOrSet('k', () => memo.getOrSet('k', () => 1))).rejects.toMatchObject({ code: 'E_LOAD_CYCLE' });
    expect(await memo.getOrSet('k', async () => [await memo.get('k'), await memo.has('k')])).toEqual([null, false]);
    const circle = memo.getOrSet('a', () => memo.getOrSet('b', () => memo.getOrSetMany(['a'], () => ({ a: 1 }))));
    await expect(circle).rejects.toMatchObject({ code: 'E_LOAD_CYCLE' });
    expect(await memo.getOrSet('x', () => memo.getOrSet('y', () => 'inner'))).toBe('inner');
  });

  test('a write that is refused leaves the key unknown', async () => {
    await backend.reopen({ cache: { maxValueBytes: 50 } });
    const cache = backend.cache();
    await cache.set('k', 'old');
    const memo = cache.memo();
    expect(await memo.get('k')).toBe('old');
    const refused = memo.set('k', 'x'.repeat(100));
    await expect(refused).rejects.toBeInstanceOf(HawserError);
    expect(await memo.get('k')).toBe('old');
    await expect(memo.setMany([{ key: 'a', value: 1 }, { key: 'b', value: 'x'.repeat(100) }])).rejects.toBeInstanceOf(HawserError);
    expect(await memo.getMany(['a', 'b'])).toEqual(await cache.getMany(['a', 'b']));
  });

  test('with tags switched off, what is not stored is not remembered as written', async () => {
    const cache = backend.cache();
    process.env.CACHE_ENABLE_TAGS = 'false';
    try {
      await backend.reopen();
      const memo = cache.memo();
      await memo.setWithTags('k', 1, { tags: ['t'] });
      expect(await memo.get('k')).toBeNull();
    } finally {
      delete process.env.CACHE_ENABLE_TAGS;
    }
  });

  test('invalid arguments reject as in the repository', async () => {
    const memo = backend.cache().memo();
    await memo.getOrSet('known', () => 1);
    for (const call of [
      () => memo.get(''),
      () => memo.set('k', undefined),
      () => memo.getOrSet('known', undefined as never),
      () => memo.getOrSet('known', never, { ttl: '1' as never, unknown: 1 } as never),
      () => memo.getMany('no' as never),
      () => memo.setMany('no' as never),
      () => memo.setMany([undefined as never]),
      () => memo.deleteMany(['']),
      () => memo.has(1 as never),
      () => memo.invalidateTags('t' as never),
    ])
      await expect(call()).rejects.toThrow(TypeError);
    await expect(memo.getOrSet('known', never, { ttl: -1 })).rejects.toThrow(RangeError);
    await expect(memo.set('known', 2, -1)).rejects.toThrow(RangeError);
    expect([await memo.get('k'), await memo.get('known')]).toEqual([null, 1]);
  });
});

onServer('memo', (backend) => {
  test('a deletion that could not be delivered leaves the key unknown', async () => {
    await backend.reopen({ cache: { writeTimeoutMs: 100, connectBudgetMs: 100, commandTimeoutMs: 100 } });
    const cache = backend.cache();
    const memo = cache.memo();
    await memo.set('k', 1);
    await backend.server.kill();
    await expect(memo.delete('k')).rejects.toBeInstanceOf(HawserError);
    expect(await memo.getOrSet('k', () => 'loaded')).toBe('loaded');
    await expect(memo.set('k', 2)).rejects.toBeInstanceOf(HawserError);
    expect(await memo.getOrSet('k', () => 'loaded again')).toBe('loaded again');
  });
});

test('a view is garbage with its request, settled or not', async () => {
  const { code, stdout, stderr } = await runNode(
    `const { CacheRepository, RedisManager } = require('./index.js');
     const { setImmediate: turn } = require('node:timers/promises');
     RedisManager.configure({ url: 'memory://' });
     const cache = new CacheRepository('memo', { nearCache: { maxBytes: 1000000 } });
     const signal = new AbortController().signal;
     async function request(n) {
       const memo = cache.memo();
       await memo.getOrSet('k' + n, () => 'x'.repeat(100), { signal, tags: ['t'] });
       await Promise.all([memo.get('k' + n), memo.has('none'), memo.set('w', n), memo.invalidateTags(['t']), memo.getMany(['a', 'b'])]);
       await memo.getOrSet('failing', () => { throw new Error('down'); }).catch(() => undefined);
       return new WeakRef(memo);
     }
     (async () => {
       const refs = [];
       for (let n = 0; n < 50; n++) refs.push(await request(n));
       for (let n = 0; n < 20 && refs.some((ref) => ref.deref() !== undefined); n++) { await turn(); gc(); }
       console.log(refs.filter((ref) => ref.deref() !== undefined).length);
       await RedisManager.closeAll();
     })();`,
    { nodeArgs: ['--expose-gc'] },
  );
  expect([code, stderr, stdout.trim()]).toEqual([0, '', '0']);
});

afterAll(() => RedisManager.closeAll());
