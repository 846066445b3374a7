/** Values that are bytes: stored as they are, and the same type and bytes for every reader, on memory of its own. */
import { CacheMetrics, CacheRepository, type CacheRepositoryOptions } from '../../lib/facade';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer } from './backends';

const never = (): never => {
  throw new Error('it was cached');
};

/** Bytes by a seed. */
function bytesOf(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

const CONTENTS: Buffer[] = [
  Buffer.alloc(0),
  Buffer.from([0]),
  Buffer.from([0xff, 0xfe, 0x80, 0xc0]),
  Buffer.from('"a text": {}\r\n$3\r\n\n'),
  Buffer.from('hw2e aaaaaaaaaaaa 00000000 000000 1 1 1 - 0\n1'),
  Buffer.from('ü😀'),
  Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
  bytesOf(1, 20_000),
  bytesOf(2, 300_000),
];

const asArray = (bytes: Buffer): Uint8Array => new Uint8Array(bytes);
const KINDS: [kind: string, make: (bytes: Buffer) => Uint8Array][] = [['Buffer', (bytes) => bytes], ['Uint8Array', asArray]];

/** The type and the bytes are the same, and the memory belongs to this value alone. */
function expectSame(value: unknown, expected: Uint8Array): void {
  const bytes = value as Uint8Array;
  expect(Object.getPrototypeOf(bytes)).toBe(Buffer.isBuffer(expected) ? Buffer.prototype : Uint8Array.prototype);
  expect(Buffer.compare(bytes, expected)).toBe(0);
  expect([bytes.byteOffset, bytes.buffer.byteLength]).toEqual([0, expected.length]);
}

const OPTIONS: [name: string, options: CacheRepositoryOptions | undefined][] = [
  ['as it is', undefined],
  ['with a near cache', { nearCache: { maxBytes: 16 << 20 } }],
  ['with a frozen near cache', { nearCache: { maxBytes: 16 << 20, share: 'frozen' } }],
  ['with strict values', { strictValues: true }],
];

onEveryStore('bytes', (backend) => {
  describe.each(KINDS)('in a %s', (_kind, make) => {
    test.each(OPTIONS)('come back as they were from every kind of read, %s', async (_name, options) => {
      const cache = backend.cache(options);
      for (const [i, content] of CONTENTS.entries()) {
        const value = make(content);
        const [set, loaded, many, tagged] = ['set', 'loaded', 'many', 'tagged'].map((name) => `${name} ${i}`);
        await cache.set(set, value);
        await cache.setMany([{ key: many, value }]);
        await cache.setWithTags(tagged, value, { tags: ['t'] });
        expect(await cache.getOrSet(loaded, () => value)).toBe(value); // The loader's own object.
        // Several rounds: the first read brings the bytes, later ones copy what is held by then.
        for (let round = 0; round < 4; round++) {
          for (const key of [set, loaded, many, tagged]) {
            expectSame(await cache.get(key), value);
            expectSame(await cache.getOrSet(key, never), value);
          }
          for (const found of await cache.getMany([set, many, set])) expectSame(found, value);
          for (const found of await cache.getOrSetMany([loaded, set], never)) expectSame(found, value);
          expectSame(await cache.getOrSet(tagged, never, { tags: ['t'] }), value);
        }
      }
    });

    test('are nobody else\'s: changes by one reader or writer reach no other', async () => {
      for (const [, options] of OPTIONS) {
        const cache = backend.cache(options);
        const content = bytesOf(3, 50_000);
        const given = make(Buffer.from(content));
        const written = cache.set('k', given);
        given.fill(0); // What `set` stores was read when it was called.
        await written;
        for (let round = 0; round < 5; round++) {
          const found = await Promise.all([cache.get<Uint8Array>('k'), cache.getOrSet<Uint8Array>('k', never), cache.get<Uint8Array>('k')]);
          for (const value of found) expectSame(value, make(content));
          for (const value of found) value?.fill(round);
        }
      }
    });

    test('reach those who joined a load as copies of their own', async () => {
      const cache = backend.cache();
      for (const options of [{}, { ttl: 60, tags: ['t'] }]) {
        const { loader, started, finish } = heldLoader<Uint8Array>();
        const own = cache.getOrSet('joined', loader, options);
        await started;
        const others = Array.from({ length: 5 }, () => cache.getOrSet('joined', loader, options));
        await until(async () => (await cache.has('joined')) === false);
        const value = make(Buffer.from(CONTENTS[6]));
        finish.open(value);
        expect(await own).toBe(value);
        value.fill(1);
        for (const other of await Promise.all(others)) {
          expectSame(other, make(CONTENTS[6]));
          other.fill(2);
        }
        expectSame(await cache.get('joined'), make(CONTENTS[6]));
        await cache.delete('joined');
      }
    });

    test('that are not stored reach those who joined as copies too', async () => {
      const cache = backend.cache();
      const { loader, started, finish } = heldLoader<Uint8Array>();
      const own = cache.getOrSet('skipped', async ({ skip }) => {
        const value = await loader();
        skip();
        return value;
      });
      await started;
      const others = [1, 2, 3].map(() => cache.getOrSet('skipped', never));
      const group = cache.getOrSetMany(['skipped'], never);
      await until(async () => (await cache.has('skipped')) === false);
      const value = make(Buffer.from(CONTENTS[6]));
      finish.open(value);
      expect(await own).toBe(value);
      value.fill(0);
      const found = [...(await Promise.all(others)), ...(await group)] as Uint8Array[];
      for (const other of found) {
        expectSame(other, make(CONTENTS[6]));
        other.fill(9);
      }
      expect(await cache.has('skipped')).toBe(false);
    });

    test('are served stale, kept for a loader that fails, refreshed, and kept by their loader', async () => {
      const cache = backend.cache();
      for (const content of [CONTENTS[0], CONTENTS[6], CONTENTS[7]]) {
        const [old, fresh] = [make(content), make(Buffer.concat([content, Buffer.from([255])]))];
        await cache.set('stale', old);
        const before = CacheMetrics.snapshot().refreshes;
        expectSame(await cache.getOrSet('stale', () => fresh, { staleAfter: 0 }), old);
        await until(() => CacheMetrics.snapshot().refreshes > before);
        await until(async () => (await cache.get<Uint8Array>('stale'))?.length === fresh.length);
        expectSame(await cache.get('stale'), fresh);

        const kept = { ttl: 0.02, staleIfError: 60 };
        await cache.setMany([{ key: 'kept', value: old, ...kept }]);
        await until(async () => (await cache.get('kept')) === null);
        expectSame(await cache.getOrSet('kept', () => Promise.reject(new Error('down')), kept), old);
        await cache.delete('kept');

        // Once as it was read, once as a copy of what the process holds.
        for (let round = 0; round < 3; round++) {
          await cache.setMany([{ key: 'same', value: old, ttl: 60, staleAfter: 0 }]);
          for (let i = 0; i < round; i++) await cache.get('same');
          let seen: unknown;
          const runs = CacheMetrics.snapshot().refreshes;
          const load = (context: { stale: unknown; keep: () => never }): Uint8Array => {
            seen = context.stale;
            return context.keep();
          };
          expectSame(await cache.getOrSet('same', load, { ttl: 600, staleAfter: 0 }), old);
          await until(() => CacheMetrics.snapshot().refreshes > runs && seen !== undefined);
          expectSame(seen, old);
          (seen as Uint8Array).fill(7);
          expectSame(await cache.get('same'), old);
        }
      }
    });
  });

  test('random bytes of random lengths come back as they were', async () => {
    const cache = backend.cache();
    const values = Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? bytesOf(i, (i * i) % 5_000) : asArray(bytesOf(i, (i * 37) % 400))));
    await cache.setMany(values.map((value, i) => ({ key: `k${i}`, value })));
    for (let round = 0; round < 3; round++) {
      for (const [i, found] of (await cache.getMany(values.map((_, i) => `k${i}`))).entries()) expectSame(found, values[i]);
    }
  });

  test('a view is stored as what it shows of its memory', async () => {
    const cache = backend.cache();
    const memory = bytesOf(4, 100);
    await cache.set('buffer', memory.subarray(10, 20));
    await cache.set('array', new Uint8Array(memory.buffer, memory.byteOffset + 30, 5));
    await cache.set('shared', new Uint8Array(new SharedArrayBuffer(3)));
    expectSame(await cache.get('buffer'), Buffer.from(memory.subarray(10, 20)));
    expectSame(await cache.get('array'), asArray(memory.subarray(30, 35)));
    expectSame(await cache.get('shared'), new Uint8Array(3));
  });

  const OTHERS: [kind: string, value: unknown][] = [
    ['ArrayBuffer', new ArrayBuffer(3)], ['SharedArrayBuffer', new SharedArrayBuffer(3)], ['DataView', new DataView(new ArrayBuffer(3))],
    ['Uint8ClampedArray', new Uint8ClampedArray(3)], ['Int8Array', new Int8Array(3)], ['Uint16Array', new Uint16Array(3)],
    ['Float64Array', new Float64Array(3)], ['BigInt64Array', new BigInt64Array(3)],
  ];
  test.each(OTHERS)('a value of type %s is refused before anything is written', async (kind, value) => {
    const cache = backend.cache();
    await cache.set('k', 'before');
    const refused = { name: 'TypeError', code: 'E_BAD_OPTION', message: expect.stringContaining(kind) as string };
    await expect(cache.set('k', value)).rejects.toMatchObject(refused);
    await expect(cache.setMany([{ key: 'k', value }])).rejects.toMatchObject(refused);
    await expect(cache.getOrSet('loaded', () => value)).rejects.toMatchObject(refused);
    expect([await cache.get('k'), await cache.has('loaded')]).toEqual(['before', false]);
  });

  test('inside another value bytes are what JSON makes of them, which strictValues refuses; so is an instance of a class of bytes', async () => {
    class Digest extends Uint8Array {}
    const cache = backend.cache();
    await cache.set('k', { buffer: Buffer.from([1]), list: [new Uint8Array([2])] });
    expect(await cache.get('k')).toEqual({ buffer: { type: 'Buffer', data: [1] }, list: [{ 0: 2 }] });
    await cache.set('digest', new Digest([1, 2]));
    expectSame(await cache.get('digest'), new Uint8Array([1, 2]));
    const strict = backend.cache({ strictValues: true });
    for (const value of [{ a: Buffer.from([1]) }, [new Uint8Array(1)], new Digest(1), new Uint16Array(1)]) {
      await expect(strict.set('k', value)).rejects.toMatchObject({ name: 'TypeError', code: 'E_BAD_OPTION' });
    }
    await strict.set('k', Buffer.from([1]));
    expectSame(await strict.get('k'), Buffer.from([1]));
  });

  test('a serializer of the application gets them, and cannot read what was stored without it', async () => {
    const plain = backend.cache();
    const seen: unknown[] = [];
    for (const copyable of [false, true]) {
      const serializer = {
        copyable,
        serialize: (value: unknown) => (seen.push(value), (value as Buffer).toString('hex')),
        deserialize: (text: string) => Buffer.from(text, 'hex'),
      };
      for (const options of [{ serializer }, { serializer, nearCache: { maxBytes: 1 << 20 } }]) {
        const own = new CacheRepository(plain.prefix, options);
        const value = Buffer.from([1, 2]);
        await own.set('own', value);
        expect(seen.pop()).toBe(value);
        for (let i = 0; i < 3; i++) expect(await own.get('own')).toEqual(value);
        await plain.set('bytes', value);
        for (let i = 0; i < 3; i++) expect(await own.get('bytes')).toBeNull();
        expect(await own.getOrSet('bytes', () => Buffer.from([3]))).toEqual(Buffer.from([3]));
        expect(await own.get('bytes')).toEqual(Buffer.from([3]));
      }
    }
    expect(backend.warnings.join()).toContain('could not be read and counts as a miss: TypeError');
  });

  test('the bound for values counts bytes', async () => {
    await backend.reopen({ cache: { maxValueBytes: 1000 } });
    const cache = backend.cache();
    await cache.set('k', Buffer.alloc(1000, 255));
    expect(await cache.get('k')).toHaveLength(1000);
    await expect(cache.set('k', new Uint8Array(1001))).rejects.toMatchObject({ code: 'E_TOO_LARGE', message: expect.stringContaining('1001 bytes') as string });
    const value = Buffer.alloc(1001);
    const values = await Promise.all([cache.getOrSet('long', () => Promise.resolve(value)), cache.getOrSet('long', () => Promise.resolve(value))]);
    for (const found of values) expectSame(found, Buffer.alloc(1001));
    expect(await cache.has('long')).toBe(false);
  });

  test('what `set` stores was read when it was called, also where the server is asked for its limit first', async () => {
    const cache = backend.cache();
    const [one, other] = [Buffer.alloc(3 << 20, 1), new Uint8Array(2 << 20).fill(2)];
    const written = [cache.set('one', one), cache.setMany([{ key: 'other', value: other }, { key: 'small', value: one.subarray(0, 10) }])];
    one.fill(9);
    other.fill(9);
    await Promise.all(written);
    expectSame(await cache.get('one'), Buffer.alloc(3 << 20, 1));
    expectSame(await cache.get('other'), new Uint8Array(2 << 20).fill(2));
    expectSame(await cache.get('small'), Buffer.alloc(10, 1));
  });
});

onServer('bytes', (backend) => {
  const stored = async (cache: CacheRepository, key: string): Promise<Buffer> => {
    const hex = (await backend.server.command('EVAL', 'return (redis.call("GET", KEYS[1]):gsub(".", function(c) return string.format("%02x", string.byte(c)) end))', '1', `${cache.prefix}:${key}`)) as string;
    return Buffer.from(hex, 'hex');
  };

  test('are stored as they are, behind a header that names their type', async () => {
    const cache = backend.cache();
    for (const [word, value] of [['b', CONTENTS[6]], ['u', asArray(CONTENTS[6])]] as const) {
      await cache.set('k', value);
      const entry = await stored(cache, 'k');
      const header = entry.indexOf('\n') + 1;
      expect(entry.subarray(0, header).toString()).toMatch(new RegExp(`^hw2e .* 3600000 ${word} 0![\\w-]{12}\n$`));
      expect(entry.subarray(header).equals(CONTENTS[6])).toBe(true);
    }
  });

  test('an entry in a form that this version does not know is a miss, and replaced', async () => {
    const cache = backend.cache();
    await cache.set('k', 'text');
    const key = `${cache.prefix}:k`;
    const entry = (await backend.server.command('GET', key)) as string;
    await backend.server.command('SET', key, entry.replace(' - 0!', ' q17 0!'), 'PX', '60000');
    expect([await cache.get('k'), await cache.has('k'), await cache.getMany(['k'])]).toEqual([null, false, [null]]);
    expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
    expect(await cache.get('k')).toBe('loaded');
  });
});
