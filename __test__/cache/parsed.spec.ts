/** Parsed values: hits that copy a value parsed before. */
import { isDeepStrictEqual } from 'node:util';
import { copyOf, isCopyable, isPlain } from '../../lib/cache/copy';
import { codecOf, ParsedValue, ParsedValues } from '../../lib/cache/parsed';
import { JSON_SERIALIZER } from '../../lib/cache/serializer';
import { CacheRepository, type Serializer } from '../../lib/facade';
import { cacheDriver } from '../../lib/manager/connections';
import { onEveryStore, onServer } from './backends';

/** A generator of random JSON texts, by a seed. */
function texts(seed: number): () => string {
  let state = seed;
  const below = (n: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const NAMES = ['__proto__', 'constructor', 'toString', 'a', 'b', '', '0', '1', '10', '-1', '01', 'length', '\\u005f_proto__', 'ü', '\\ud800', 'hasOwnProperty', 'then'];
  const NUMBERS = ['0', '-0', '1', '-1', '1e400', '-1e400', '1E-400', '0.1', '123456789012345678901234567890', '5e-324', '4294967295', '-0.0', '1e21'];
  const text = (depth: number): string => {
    switch (below(depth > 0 ? 9 : 5)) {
      case 0:
        return pick(NUMBERS);
      case 1:
        return pick(['null', 'true', 'false']);
      case 2:
        return `"${pick(NAMES)}"`;
      case 3:
        return '"' + 'x'.repeat(below(100)) + '"';
      case 4:
        return String(below(1e9));
      case 5:
      case 6:
        return `[${Array.from({ length: pick([0, 1, 3, 3, depth < 2 ? 60 : 2]) }, () => text(depth - 1 - below(3))).join()}]`;
      default: {
        // Names that occur twice, and sometimes more than fifty of them.
        const wide = below(20) === 0;
        const name = (i: number): string => (wide ? `k${i}` : pick(NAMES));
        return `{${Array.from({ length: wide ? 40 + below(100) : below(6) }, (_, i) => `"${name(i)}":${text(wide ? 0 : depth - 1 - below(2))}`).join()}}`;
      }
    }
  };
  return () => {
    // Deep ones and broad ones.
    if (below(50) === 0) return '['.repeat(300) + text(2) + ']'.repeat(300);
    if (below(50) === 0) return '{"a":'.repeat(120) + text(2) + '}'.repeat(120);
    return text(below(7));
  };
}

/** Like isDeepStrictEqual, and the order of the keys, -0 and the kind of each property count too. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return Object.is(a, b);
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || !isDeepStrictEqual(Reflect.ownKeys(a), Reflect.ownKeys(b))) return false;
  return Reflect.ownKeys(a).every((key) => {
    const [one, other] = [Object.getOwnPropertyDescriptor(a, key), Object.getOwnPropertyDescriptor(b, key)];
    return one?.writable === other?.writable && one?.enumerable === other?.enumerable && isSame(one?.value, other?.value);
  });
}

/** Changes everything in a value. */
function spoil(value: unknown): void {
  const open = [value];
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    if (typeof item !== 'object' || item === null) continue;
    for (const key of Object.keys(item)) {
      open.push((item as Record<string, unknown>)[key]);
      Object.defineProperty(item, key, { value: 'spoilt', writable: true, enumerable: true, configurable: true });
    }
    (item as Record<string, unknown>).added = 'spoilt';
  }
}

test('the copy of a parsed value is what JSON.parse gives, and no caller changes that of another', () => {
  const next = texts(20_261_126);
  let copied = 0;
  for (let i = 0; i < 3000; i++) {
    const text = next();
    const parsed = JSON.parse(text) as unknown;
    if (isCopyable(parsed)) {
      copied++;
      expect(isSame(copyOf(parsed), JSON.parse(text))).toBe(true);
    }
    const value = new ParsedValue(text);
    for (let read = 0; read < 4; read++) {
      const own = value.read(JSON_SERIALIZER, codecOf(undefined));
      if (!isSame(own, JSON.parse(text))) throw new Error(`read ${read} of ${text}`);
      spoil(own);
    }
  }
  expect(copied).toBeGreaterThan(1000);
  expect(copied).toBeLessThan(3000); // Some are too deep or too wide.
});

test('a value of a megabyte, a long array and a value that is no object are copied', () => {
  for (const value of ['x'.repeat(1 << 20), Array.from({ length: 200_000 }, (_, i) => (i % 7 === 0 ? { i } : i / 3)), -0, null, '', true]) {
    const text = Object.is(value, -0) ? '-0' : JSON.stringify(value);
    const parsed = new ParsedValue(text);
    for (let read = 0; read < 3; read++) expect(isSame(parsed.read(JSON_SERIALIZER, codecOf(undefined)), JSON.parse(text))).toBe(true);
  }
});

test('properties that somebody gave to Object.prototype are not copied into values', () => {
  const polluted = Object.prototype as Record<string, unknown>;
  polluted.leak = { from: 'elsewhere' };
  try {
    expect(Object.keys(copyOf({ a: { b: 1 } }) as object)).toEqual(['a']);
  } finally {
    delete polluted.leak;
  }
});

test('of the values of another deserializer, only those that are as plain as JSON are copied', () => {
  const twice = {};
  const cycle: unknown[] = [];
  cycle.push(cycle);
  const sparse = new Array<number>(2);
  sparse[1] = 2;
  const plain = [{ a: [1, { b: null }] }, 'text', undefined, 5n, { a: undefined }];
  const others = [
    new Date(0), new Map(), Buffer.from('x'), Object.create(null), [twice, twice], cycle, sparse, Object.freeze({ a: 1 }), { get a() { return 1; } },
    { [Symbol('s')]: 1 }, () => 1, { deep: [new Set()] }, Object.assign([1], { extra: 1 }), Object.defineProperty({}, 'hidden', { value: 1 }),
    new (class Own {})(), /x/,
  ];
  for (const value of plain) expect(isPlain(value)).toBe(true);
  for (const value of others) expect(isPlain(value)).toBe(false);
});

describe('the store of parsed values', () => {
  const kept = (maxBytes: number): { values: ParsedValues; dropped: number[] } => {
    const dropped: number[] = [];
    return { values: new ParsedValues(maxBytes, (id) => dropped.push(id)), dropped };
  };

  test('it holds twice the length of the texts, at most maxBytes, and drops the least recently used first', () => {
    const { values, dropped } = kept(10_000);
    for (let id = 1; id <= 3; id++) values.keep(id, JSON.stringify('x'.repeat(1000)));
    expect(values.bytes).toBeGreaterThan(6000);
    values.get(1);
    for (let id = 4; id <= 5; id++) values.keep(id, JSON.stringify('x'.repeat(1000)));
    expect(values.bytes).toBeLessThanOrEqual(10_000);
    expect(dropped).toEqual([2]);
    values.keep(6, 'x'.repeat(5000));
    expect(dropped).toContain(6);
  });

  test('what was dropped is there until the engine knows it', () => {
    const { values } = kept(1000);
    values.keep(1, '[1]');
    values.keep(2, JSON.stringify('x'.repeat(300)));
    values.keep(3, JSON.stringify('x'.repeat(300)));
    expect(values.get(2)?.read(JSON_SERIALIZER, codecOf(undefined))).toHaveLength(300);
    values.release();
    expect([values.get(2), values.get(3)?.read(JSON_SERIALIZER, codecOf(undefined))]).toEqual([undefined, 'x'.repeat(300)]);
  });

  test('with 0 bytes nothing is kept', () => {
    const { values, dropped } = kept(0);
    values.keep(1, '1');
    expect([values.size, dropped]).toEqual([0, [1]]);
  });
});

/** How many parsed values the process has. */
const count = (): number => cacheDriver().parsed.size;

onEveryStore('parsed values', (backend) => {
  test('later hits copy the value of the first, and no caller changes that of another', async () => {
    const cache = backend.cache();
    const parse = jest.spyOn(JSON_SERIALIZER, 'deserialize');
    try {
      await cache.set('k', { list: [{ n: 1 }] });
      const before = count();
      for (let i = 0; i < 6; i++) {
        const value = (await (i % 2 ? cache.get('k') : cache.getOrSet('k', () => 'not asked'))) as { list: { n: number }[] };
        expect(value).toEqual({ list: [{ n: 1 }] });
        value.list[0].n = 2;
        value.list.push({ n: 3 });
      }
      expect(parse).toHaveBeenCalledTimes(2); // The first value is its caller's, the second stays.
      expect(count()).toBe(before + 1);
    } finally {
      parse.mockRestore();
    }
  });

  test('callers of one tick get a value each', async () => {
    const cache = backend.cache();
    await cache.set('k', [[1]]);
    const values = await Promise.all(Array.from({ length: 10 }, () => cache.get<number[][]>('k')));
    for (const value of values) value?.[0].push(2);
    expect(values).toEqual(Array.from({ length: 10 }, () => [[1, 2]]));
    expect(await cache.getMany(['k', 'k'])).toEqual([[[1]], [[1]]]);
  });

  test('a value that was stored, deleted or invalidated meanwhile is not served from here', async () => {
    const cache = backend.cache();
    for (let i = 0; i < 3; i++) {
      await cache.setWithTags('k', { i }, { tags: ['t'] });
      for (let read = 0; read < 3; read++) expect(await cache.get('k')).toEqual({ i });
    }
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
    await cache.set('k', 'again');
    expect(await cache.get('k')).toBe('again');
    await cache.delete('k');
    expect(await cache.get('k')).toBeNull();
  });

  test('joiners get a value each, and the loader\'s caller its own object', async () => {
    const cache = backend.cache();
    const own = { list: [1] };
    const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => cache.getOrSet('k', () => own)));
    expect(first).toBe(own);
    for (const other of others) {
      expect(other).toEqual({ list: [1] });
      other.list.push(2);
    }
    own.list.push(3);
    expect(await cache.get('k')).toEqual({ list: [1] });
  });
});

onServer('parsed values', (backend) => {
  const base64: Serializer = {
    serialize: (value) => Buffer.from(JSON.stringify(value)).toString('base64'),
    deserialize: (text) => JSON.parse(Buffer.from(text, 'base64').toString()) as unknown,
  };

  test('a serializer of the application takes part only if it says that its values may be copied', async () => {
    const deserialize = jest.fn((text: string) => base64.deserialize(text));
    for (const [copyable, calls] of [[undefined, 4], [false, 4], [true, 2]] as const) {
      const cache = backend.cache({ serializer: { ...base64, deserialize, copyable } });
      await cache.set('k', { a: [1] });
      deserialize.mockClear();
      for (let i = 0; i < 4; i++) {
        const value = await cache.get<{ a: number[] }>('k');
        expect(value).toEqual({ a: [1] });
        value?.a.push(2);
      }
      expect(deserialize).toHaveBeenCalledTimes(calls);
    }
    expect(() => backend.cache({ serializer: { ...base64, copyable: 'yes' as unknown as boolean } })).toThrow(
      expect.objectContaining({ code: 'E_BAD_OPTION', message: expect.stringContaining('cache.serializer.copyable') as string }),
    );
  });

  test('values that are not plain are deserialized for each caller, also where the serializer says that they may be copied', async () => {
    const cache = backend.cache({ serializer: { serialize: (value) => String((value as Date).getTime()), deserialize: (text) => new Date(Number(text)), copyable: true } });
    await cache.set('k', new Date(5));
    const dates = [];
    for (let i = 0; i < 4; i++) dates.push(await cache.get<Date>('k'));
    expect(dates).toEqual([new Date(5), new Date(5), new Date(5), new Date(5)]);
    expect(new Set(dates).size).toBe(4);
  });

  test('repositories with one prefix and several serializers each get what theirs makes of the text', async () => {
    const prefix = 'shared';
    const upper: Serializer = { serialize: String, deserialize: (text) => text.toUpperCase(), copyable: true };
    const raw: Serializer = { serialize: String, deserialize: (text) => text };
    const caches = [undefined, upper, raw].map((serializer) => new CacheRepository(prefix, { serializer }));
    await caches[0].set('k', ['x']);
    for (let i = 0; i < 4; i++) {
      expect(await Promise.all(caches.map((cache) => cache.get('k')))).toEqual([['x'], '["X"]', '["x"]']);
      for (const [n, cache] of caches.entries()) expect(await cache.get('k')).toEqual([['x'], '["X"]', '["x"]'][n]);
    }
  });

  test('a value that cannot be decoded is replaced by the loader\'s', async () => {
    const broken: Serializer = {
      serialize: (value) => String(value),
      deserialize: (text) => {
        if (text === 'broken') throw new SyntaxError('broken');
        return text;
      },
      copyable: true,
    };
    const cache = backend.cache({ serializer: broken });
    await cache.set('k', 'broken');
    for (let i = 0; i < 2; i++) expect(await cache.get('k')).toBeNull();
    expect(await cache.getOrSet('k', () => 'whole')).toBe('whole');
    for (let i = 0; i < 3; i++) expect(await cache.get('k')).toBe('whole');
  });

  test('they are bounded, and 0 switches them off', async () => {
    await backend.reopen({ cache: { parsedBytes: 100_000 } });
    const cache = backend.cache();
    const value = (i: number): string => `${i}`.padEnd(5000, 'x');
    await cache.setMany(Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, value: value(i) })));
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 40; i++) expect(await cache.get(`k${i}`)).toBe(value(i));
      expect(await cache.getMany(Array.from({ length: 40 }, (_, i) => `k${i}`))).toEqual(Array.from({ length: 40 }, (_, i) => value(i)));
      expect(cacheDriver().parsed.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(count()).toBeGreaterThan(5);
    await backend.reopen({ cache: { parsedBytes: 0 } });
    for (let i = 0; i < 3; i++) expect(await backend.cache().getOrSet('k', () => ({ i: 0 }))).toEqual({ i: 0 });
    expect(count()).toBe(0);
    for (const parsedBytes of [-1, 0.5, NaN, '1' as unknown as number]) {
      await expect(backend.reopen({ cache: { parsedBytes } })).rejects.toThrow(/manager\.cache\.parsedBytes/);
    }
  });
});
