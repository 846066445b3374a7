/** C6, C7, C8, C11: values, keys and tags, times, and foreign data. */
import { CacheRepository, type CacheOptions } from '../../lib/facade';
import { until } from '../helpers/until';
import { onEveryStore, onServer } from './backends';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

onEveryStore('C6', (backend) => {
  const VALUES: unknown[] = [
    null, false, true, 0, -0.5, 1e300, '', 'text', ' ', '漢字 😀 \u0000 \r\n', '\ud800', [], {}, [null], [[[]]], { a: { b: [1, 'x', null, false] } },
    { '': 1, 'with space': 2, constructor: 3, toString: 4 }, Number.MAX_SAFE_INTEGER, 'x'.repeat(300_000), Array.from({ length: 5000 }, (_, i) => ({ i })),
  ];

  test.each(VALUES.map((value) => [JSON.stringify(value).slice(0, 40), value]))('%s round-trips by set and by loader', async (_, value) => {
    const cache = backend.cache();
    await cache.set('set', value);
    expect(await cache.get('set')).toEqual(value);
    expect(await cache.getOrSet('set', () => 'not asked')).toEqual(value);
    expect(await cache.getOrSet('loaded', () => value)).toBe(value); // The loader's own object.
    expect(await cache.getOrSet('loaded', () => 'not asked')).toEqual(value);
    await cache.setMany([{ key: 'many', value }]);
    expect(await cache.getMany(['many', 'set'])).toEqual([value, value]);
  });

  test('a cached null is a hit: it is not loaded again, and `has` distinguishes it from a miss', async () => {
    const cache = backend.cache();
    const loader = jest.fn(() => null);
    expect(await cache.getOrSet('k', loader)).toBeNull();
    expect(await cache.getOrSet('k', loader)).toBeNull();
    expect(loader).toHaveBeenCalledTimes(1);
    expect([await cache.get('k'), await cache.has('k')]).toEqual([null, true]);
    expect([await cache.get('none'), await cache.has('none')]).toEqual([null, false]);
  });

  test('a hit is a new copy: changes by one caller do not affect the next', async () => {
    const cache = backend.cache();
    await cache.set('k', { list: [1] });
    (await cache.get<{ list: number[] }>('k'))?.list.push(2);
    expect(await cache.get('k')).toEqual({ list: [1] });
  });

  test('a miss may return Dates and instances; a hit returns them as JSON represents them', async () => {
    const cache = backend.cache();
    const at = new Date(0);
    expect(await cache.getOrSet('k', () => ({ at }))).toEqual({ at });
    expect(await cache.getOrSet('k', () => ({ at }))).toEqual({ at: '1970-01-01T00:00:00.000Z' });
  });

  test('__proto__ in a value is an ordinary property', async () => {
    const cache = backend.cache();
    const value = JSON.parse('{"__proto__":{"polluted":true}}') as object;
    await cache.set('k', value);
    const back = await cache.get<Record<string, unknown>>('k');
    expect(Object.keys(back ?? {})).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;

  test.each<[string, unknown]>([['undefined', undefined], ['a BigInt', 1n], ['a cycle', cycle], ['a function', () => 1], ['a symbol', Symbol('s')], ['a BigInt inside', { a: [1n] }]])(
    'what JSON cannot carry (%s) is a TypeError before anything is written',
    async (name, value) => {
      const cache = backend.cache();
      await cache.set('k', 'before');
      const rejected = cache.set('k', value);
      await expect(rejected).rejects.toThrow(TypeError);
      await expect(rejected).rejects.toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining('something that JSON can carry') as string });
      await expect(cache.setWithTags('k', value, { tags: ['t'] })).rejects.toThrow(TypeError);
      await expect(cache.setMany([{ key: 'k', value: 1 }, { key: 'l', value }])).rejects.toThrow(TypeError);
      expect(await cache.getMany(['k', 'l'])).toEqual(['before', null]);
      if (name === 'undefined') return; // A loader may return undefined.
      const joined = [cache.getOrSet('m', () => value), cache.getOrSet('m', () => value)];
      for (const result of await Promise.allSettled(joined)) expect(result).toMatchObject({ status: 'rejected', reason: expect.any(TypeError) as TypeError });
      expect(await cache.has('m')).toBe(false);
      expect(await cache.getOrSet('m', () => 'next')).toBe('next'); // The lease was released.
      expect(await cache.get('m')).toBe('next');
    },
  );

  test('a repository’s serializer writes and reads; its exceptions reach the caller', async () => {
    const refused = new Error('not this one');
    const cache = backend.cache({
      serializer: {
        serialize: (value) => {
          if (value === 'refused') throw refused;
          return `v1 ${String(value)}`;
        },
        deserialize: (text) => text.slice(3),
      },
    });
    await cache.set('k', 'a');
    expect(await cache.get('k')).toBe('a');
    expect(await cache.getOrSet('l', () => 'b')).toBe('b');
    expect(await cache.getOrSet('l', () => 'c')).toBe('b');
    await expect(cache.set('k', 'refused')).rejects.toBe(refused);
    await expect(cache.getOrSet('m', () => 'refused')).rejects.toBe(refused);
  });

  test.each([5, undefined, '\ud800'])('a serializer that returns %p causes a TypeError, and nothing is stored', async (text) => {
    const cache = backend.cache({ serializer: { serialize: () => text as string, deserialize: (given) => given } });
    await expect(cache.set('k', 1)).rejects.toThrow(TypeError);
    expect(await cache.has('k')).toBe(false);
  });

  test('a value that the serializer cannot read is a miss, and the next load replaces it', async () => {
    const writer = backend.cache();
    const reader = new CacheRepository(writer.prefix, {
      serializer: {
        serialize: (value) => `ok:${String(value)}`,
        deserialize: (text) => {
          if (!text.startsWith('ok:')) throw new SyntaxError('not mine');
          return text.slice(3);
        },
      },
    });
    await writer.set('k', 'json');
    expect(await reader.get('k')).toBeNull();
    expect(await reader.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await reader.get('k')).toBe('loaded');
    await writer.set('m', 'json');
    expect(await reader.getOrSetMany(['m', 'k'], (keys) => new Map(keys.map((key) => [key, 'again'])))).toEqual(['again', 'loaded']);
    expect(await reader.get('m')).toBe('again');
    expect(backend.warnings.join()).toContain('could not be read and counts as a miss: SyntaxError');
  });
});

onEveryStore('C7', (backend) => {
  const NAMES = ['k', ' ', '*', 'a*b?[c]\\', '{a}', '}{', '{', 'a:b', ':', 'a#b', '#v', '\r\n', '\u0000', '😀', 'é', '__proto__', 'tag:x', 'k:ts', 'x'.repeat(1000)];

  test('any non-empty well-formed string is a distinct key', async () => {
    const cache = backend.cache();
    await cache.setMany(NAMES.map((key, i) => ({ key, value: i })));
    expect(await cache.getMany(NAMES)).toEqual(NAMES.map((_, i) => i));
    await cache.delete('*');
    expect(await cache.getMany(NAMES)).toEqual(NAMES.map((name, i) => (name === '*' ? null : i)));
    expect(await cache.deleteMany(NAMES)).toBe(NAMES.length - 1);
    expect(await cache.getMany(NAMES)).toEqual(NAMES.map(() => null));
  });

  test('any non-empty well-formed string is a distinct tag', async () => {
    const cache = backend.cache();
    for (const [i, tag] of NAMES.entries()) await cache.setWithTags(`k${i}`, i, { tags: [tag] });
    for (const [i, tag] of NAMES.entries()) {
      expect(await cache.get(`k${i}`)).toBe(i);
      await cache.invalidateTags([tag]);
      expect(await cache.get(`k${i}`)).toBeNull();
    }
  });

  test('different prefixes and keys with the same concatenation are different entries', async () => {
    const base = backend.cache().prefix;
    const repositories = [base, `${base}:user`, `${base}:user:1`, `${base}#`.slice(0, -1) + '{', `${base}*`, ':'].map((prefix) => new CacheRepository(prefix));
    const keys = ['user:1', '1', 'user:1:x', 'x'];
    let n = 0;
    for (const cache of repositories) await cache.setMany(keys.map((key) => ({ key, value: n++ })));
    n = 0;
    for (const cache of repositories) expect(await cache.getMany(keys)).toEqual(keys.map(() => n++));
    expect(await repositories[0].deletePattern('*')).toBe(keys.length);
    n = keys.length;
    for (const cache of repositories.slice(1)) expect(await cache.getMany(keys)).toEqual(keys.map(() => n++));
    for (const cache of repositories.slice(1)) await cache.deletePattern('*');
  });

  test.each([
    ['', 'a non-empty string, got an empty string'],
    [5, 'a non-empty string, got 5'],
    [null, 'a non-empty string, got null'],
    [undefined, 'a non-empty string, got undefined'],
    [['k'], 'a non-empty string, got an array'],
    ['a\ud800', 'a well-formed string, got one with a lone surrogate'],
    ['\udc00b', 'a well-formed string, got one with a lone surrogate'],
  ])('%p is neither key nor tag nor pattern: a TypeError that says so, and nothing is stored', async (name, message) => {
    const cache = backend.cache();
    const bad = name as string;
    const loader = jest.fn(() => 1);
    const calls: [string, () => Promise<unknown>][] = [
      ['key', () => cache.get(bad)], ['key', () => cache.has(bad)], ['key', () => cache.set(bad, 1)], ['key', () => cache.setWithTags(bad, 1)],
      ['key', () => cache.delete(bad)], ['key', () => cache.getOrSet(bad, loader)], ['glob', () => cache.deletePattern(bad)],
      ['keys[1]', () => cache.getMany(['fine', bad])], ['keys[1]', () => cache.deleteMany(['fine', bad])],
      ['keys[1]', () => cache.getOrSetMany(['fine', bad], loader as never)], ['items[1].key', () => cache.setMany([{ key: 'fine', value: 1 }, { key: bad, value: 1 }])],
      ['tags[1]', () => cache.invalidateTags(['fine', bad])], ['cache.tags[1]', () => cache.setWithTags('fine', 1, { tags: ['t', bad] })],
      ['cache.tags[0]', () => cache.getOrSet('fine', loader, { tags: [bad] })], ['items[0].tags[0]', () => cache.setMany([{ key: 'fine', value: 1, tags: [bad] }])],
    ];
    for (const [path, call] of calls) {
      await expect(call()).rejects.toThrow(TypeError);
      await expect(call()).rejects.toThrow(`${path} must be ${message}`);
    }
    expect(loader).not.toHaveBeenCalled();
    expect(await cache.has('fine')).toBe(false);
  });

  test('at most 64 tags of at most 1 kB each, duplicates dropped', async () => {
    const cache = backend.cache();
    const tags = Array.from({ length: 64 }, (_, i) => `t${i}`);
    await cache.setWithTags('k', 1, { tags: [...tags, ...tags] });
    expect(await cache.get('k')).toBe(1);
    await cache.invalidateTags(['t63']);
    expect(await cache.get('k')).toBeNull();
    await expect(cache.setWithTags('k', 1, { tags: [...tags, 'one more'] })).rejects.toThrow(new RangeError('cache.tags must be at most 64 tags, got 65'));
    await cache.setWithTags('k', 1, { tags: ['é'.repeat(512)] });
    await expect(cache.setWithTags('k', 2, { tags: ['é'.repeat(513)] })).rejects.toThrow('cache.tags[0] must be at most 1024 bytes of UTF-8, got 1026');
    expect(await cache.get('k')).toBe(1);
    expect(await cache.invalidateTags([])).toBe(0);
    await expect(cache.invalidateTags('t' as never)).rejects.toThrow('tags must be an array of strings, got a string');
  });

  test.each([['', 'a non-empty string'], ['a#b', 'a string without #'], ['\ud800', 'a well-formed string'], [5, 'a non-empty string, got 5'], [null, 'a non-empty string, got null']])(
    '%p is no prefix',
    (prefix, message) => {
      expect(() => new CacheRepository(prefix as string)).toThrow(`cache.prefix must be ${message}`);
    },
  );
});

onEveryStore('C8', (backend) => {
  test.each([0, -1, NaN, Infinity, -Infinity, 0.0009, 315_576_001, '60', null, {}, true, 60n])('a ttl of %p is a RangeError that names the option, and nothing is stored', async (ttl) => {
    const cache = backend.cache();
    const bad = ttl as number;
    const loader = jest.fn(() => 1);
    for (const call of [() => cache.set('k', 1, bad), () => cache.setWithTags('k', 1, { ttl: bad }), () => cache.getOrSet('k', loader, { ttl: bad })]) {
      await expect(call()).rejects.toThrow(RangeError);
      await expect(call()).rejects.toThrow(/^cache\.ttl must be (a positive number of seconds|a number of seconds from 0\.001 to 315576000 \(ten years\)), got /);
    }
    await expect(cache.setMany([{ key: 'k', value: 1, ttl: bad }])).rejects.toThrow('items[0].ttl must be');
    expect(() => new CacheRepository('x', { ttl: bad })).toThrow(RangeError);
    expect(loader).not.toHaveBeenCalled();
    expect(await cache.has('k')).toBe(false);
  });

  test('an entry lives exactly as long as its ttl, including fractions', async () => {
    const cache = backend.cache({ ttl: 60 });
    await cache.set('short', 1, 0.05);
    await cache.set('tiny', 1, 0.001);
    await cache.set('long', 1);
    await cache.set('ten years', 1, 315_576_000);
    await until(async () => (await cache.get('short')) === null);
    expect(await cache.getMany(['tiny', 'long', 'ten years'])).toEqual([null, 1, 1]);
  });

  test.each<[CacheOptions & Record<string, unknown>, typeof TypeError | typeof RangeError, string]>([
    [{ staleAfter: -1 }, RangeError, 'cache.staleAfter must be a number of seconds from 0 to ten years, got -1'],
    [{ ttl: 10, staleAfter: 11 }, RangeError, 'cache.staleAfter must be at most cache.ttl (10), got 11'],
    [{ staleIfError: NaN }, RangeError, 'cache.staleIfError must be a number of seconds from 0 to ten years, got NaN'],
    [{ maxAge: 0 }, RangeError, 'cache.maxAge must be a positive number of seconds, got 0'],
    [{ lockTimeoutMs: 0 }, RangeError, 'cache.lockTimeoutMs must be a number of milliseconds from 1 to 3600000, got 0'],
    [{ tags: 't' as never }, TypeError, 'cache.tags must be an array of strings, got a string'],
    [{ signal: {} as never }, TypeError, 'cache.signal must be an AbortSignal, got an object'],
    [{ tll: 5 }, TypeError, 'cache.tll is not an option; there are: ttl, tags, staleAfter, staleIfError, maxAge, lockTimeoutMs, loaderTimeoutMs, earlyRefresh, ttlJitter, negativeTtl, tagsFrom, signal'],
    [null as never, TypeError, 'cache must be an object, got null'],
  ])('the option %p is refused', async (options, Class, message) => {
    const cache = backend.cache();
    const loader = jest.fn(() => 1);
    await expect(cache.getOrSet('k', loader, options)).rejects.toThrow(Class);
    await expect(cache.getOrSet('k', loader, options)).rejects.toThrow(message);
    expect(loader).not.toHaveBeenCalled();
  });

  test.each([
    [{ nearCache: true }, 'cache.nearCache must be an object, got true'],
    [{ nearCache: {} }, 'cache.nearCache.maxBytes must be a positive number of bytes, got undefined'],
    [{ nearCache: { maxBytes: 0 } }, 'cache.nearCache.maxBytes must be a positive number of bytes, got 0'],
    [{ nearCache: { maxBytes: 1, maxTtlMs: -1 } }, 'cache.nearCache.maxTtlMs must be a number of milliseconds from 1 to 86400000, got -1'],
    [{ nearCache: { maxBytes: 1, share: 'deep' } }, "cache.nearCache.share must be 'copy' or 'frozen'"],
    [{ nearCache: { max: 1 } }, 'cache.nearCache.max is not an option; there are: maxBytes, maxTtlMs, share'],
    [{ serializer: {} }, 'cache.serializer must be an object with the functions serialize and deserialize, got an object'],
    [{ ttl: 5, staleAfter: 6 }, 'cache.staleAfter must be at most cache.ttl (5), got 6'],
    [{ prefix: 'x' }, 'cache.prefix is not an option'],
    [5, 'cache must be an object, got 5'],
  ])('the repository option %p is refused', (options, message) => {
    expect(() => new CacheRepository('x', options as never)).toThrow(message);
  });

  test('invalid loaders and results are refused', async () => {
    const cache = backend.cache();
    await expect(cache.getOrSet('k', 5 as never)).rejects.toThrow('loader must be a function, got 5');
    await expect(cache.getOrSetMany(['k'], undefined as never)).rejects.toThrow('missing must be a function, got undefined');
    await expect(cache.getOrSetMany(['k'], () => 5 as never)).rejects.toThrow('the result of missing must be a Map or an object by key, got 5');
    await expect(cache.setMany({} as never)).rejects.toThrow('items must be an array');
    await expect(cache.setMany([null as never])).rejects.toThrow('items[0] must be an object');
    await turn();
    expect(await cache.has('k')).toBe(false);
  });
});

onServer('C11', (backend) => {
  test.each<[string, (key: string) => (string | number)[]]>([
    ['text', (key) => ['SET', key, 'something else']],
    ['JSON of an older version of the application', (key) => ['SET', key, '{"data":1}']],
    ['an empty string', (key) => ['SET', key, '']],
    ['binary', (key) => ['SET', key, '\u0001\u0000\u00ff']],
    ['a hash', (key) => ['HSET', key, 'f', 'v']],
    ['a set', (key) => ['SADD', key, 'm']],
    ['a list', (key) => ['RPUSH', key, 'x']],
  ])('%s at an entry’s key is a miss and is replaced by the next store', async (_, command) => {
    const cache = backend.cache();
    const key = `${cache.prefix}:k`;
    await backend.server.command(...command(key));
    expect(await cache.get('k')).toBeNull();
    expect(await cache.has('k')).toBe(false);
    expect(await cache.getMany(['k'])).toEqual([null]);
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await cache.get('k')).toBe('loaded');
    await backend.server.command('DEL', key);
    await backend.server.command(...command(key));
    await cache.set('k', 'set');
    expect(await cache.get('k')).toBe('set');
    await backend.server.command('DEL', key);
    await backend.server.command(...command(key));
    await cache.delete('k');
    expect(await backend.server.command('EXISTS', key)).toBe(0);
  });
});
