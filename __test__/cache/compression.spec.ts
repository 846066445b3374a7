/** Compressed values: the same for every reader whatever its own settings, in the order of the calls, and damage is a miss. */
import { randomBytes } from 'node:crypto';
import { CacheMetrics, CacheRepository, RedisManager, type CacheRepositoryOptions, type Compression } from '../../lib/facade';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore, onServer } from './backends';

jest.setTimeout(60_000);

const never = (): never => {
  throw new Error('it was cached');
};

interface Row {
  id: number;
  name: string;
}

/** JSON of about so many bytes. */
const rows = (bytes: number, seed = 0): Row[] => Array.from({ length: Math.ceil(bytes / 600) }, (_, id) => ({ id, name: `the row ${id + seed} of a report `.padEnd(580, 'and so on, ') }));

const ALGORITHMS = ['zstd', 'lz4'] as const;
/** Below what is packed at all, packed at once, unpacked at once, and neither. */
const SIZES = [500, 5_000, 60_000, 400_000, 2_000_000];

const SETTINGS: [name: string, options: CacheRepositoryOptions][] = [
  ['zstd', { compression: 'zstd' }],
  ['lz4', { compression: 'lz4' }],
  ['zstd at a slow level', { compression: { algorithm: 'zstd', level: 9, minBytes: 1 } }],
  ['with a near cache', { compression: 'lz4', nearCache: { maxBytes: 64 << 20 } }],
  ['with a frozen near cache', { compression: 'zstd', nearCache: { maxBytes: 64 << 20, share: 'frozen' } }],
  ['with a serializer of its own', { compression: 'zstd', serializer: { serialize: (value) => JSON.stringify(value), deserialize: (text) => JSON.parse(text) as unknown } }],
];

const counted = (cache: CacheRepository): { before: number; after: number } => {
  const { bytesBeforeCompression, bytesAfterCompression } = CacheMetrics.snapshot().repositories[cache.prefix] ?? { bytesBeforeCompression: 0, bytesAfterCompression: 0 };
  return { before: bytesBeforeCompression, after: bytesAfterCompression };
};

onEveryStore('compression', (backend) => {
  test.each(SETTINGS)('values come back equal from every kind of read (%s)', async (_name, options) => {
    const cache = backend.cache(options);
    for (const bytes of SIZES) {
      const value = rows(bytes);
      const [set, loaded, tagged] = ['set', 'loaded', 'tagged'].map((name) => `${name} ${bytes}`);
      await cache.set(set, value);
      await cache.setWithTags(tagged, value, { tags: ['t'] });
      expect(await cache.getOrSet(loaded, () => Promise.resolve(value))).toBe(value);
      for (let round = 0; round < 3; round++) {
        expect(await cache.getMany([set, loaded, set])).toEqual([value, value, value]);
        expect(await cache.getOrSetMany([tagged, loaded], never)).toEqual([value, value]);
        expect(await cache.getOrSet(tagged, never, { tags: ['t'] })).toEqual(value);
        expect(await cache.has(set)).toBe(true);
      }
    }
    const { before, after } = counted(cache);
    expect(before).toBeGreaterThan(3 * 2_000_000);
    expect(before / after).toBeGreaterThan(3);
  });

  test.each(ALGORITHMS)('bytes come back as they were, and what does not get smaller is stored as it is (%s)', async (compression) => {
    const cache = backend.cache({ compression: { algorithm: compression, minBytes: 1 } });
    const contents = [Buffer.alloc(0), Buffer.from([1]), Buffer.alloc(100, 'ab'), Buffer.alloc(500_000, 'a pattern'), randomBytes(2_000), randomBytes(300_000)];
    for (const content of contents) {
      for (const value of [content, new Uint8Array(content)]) {
        const before = counted(cache);
        await cache.set('k', value);
        await cache.getOrSet(`loaded ${content.length} ${value.constructor.name}`, () => value);
        for (let round = 0; round < 3; round++) {
          for (const found of [await cache.get<Uint8Array>('k'), await cache.getOrSet<Uint8Array>(`loaded ${content.length} ${value.constructor.name}`, never)]) {
            expect(Object.getPrototypeOf(found)).toBe(Object.getPrototypeOf(value));
            expect(Buffer.compare(found!, value)).toBe(0);
            found!.fill(0);
          }
        }
        const packs = content.length >= 100 && content !== contents[4] && content !== contents[5];
        expect(counted(cache).before - before.before).toBe(packs ? 2 * content.length : 0);
      }
    }
  });

  test('readers and writers with different settings read each other\'s entries', async () => {
    const settings: Compression[] = [false, 'zstd', 'lz4', { algorithm: 'zstd', level: 19, minBytes: 100 }];
    const first = backend.cache({ compression: settings[0] });
    const all = [first, ...settings.slice(1).map((compression) => new CacheRepository(first.prefix, { compression }))];
    for (const bytes of [2_000, 200_000]) {
      for (const [i, writer] of all.entries()) {
        const value = rows(bytes, i);
        await writer.set('k', value);
        for (const reader of all) expect(await reader.get('k')).toEqual(value);
        for (const reader of all) expect(await reader.getOrSet('k', never)).toEqual(value);
      }
    }
  });

  test('calls for one key keep their order while a value is compressed', async () => {
    const cache = backend.cache({ compression: { algorithm: 'zstd', level: 6 } });
    // The server knows the scripts: what it has to be told again comes later.
    await cache.setWithTags('k', 'first', { tags: ['t'] });
    for (const bytes of [50_000, 500_000, 2_000_000]) {
      const [old, value] = [rows(bytes, 1), rows(bytes)];
      // Each line is a series of calls that nobody waits for, and what it leaves.
      const series: [left: unknown, calls: () => Promise<unknown>[]][] = [
        [null, () => [cache.set('k', value), cache.delete('k')]],
        [null, () => [cache.set('k', value), cache.deleteMany(['x', 'k'])]],
        [null, () => [cache.set('k', value), cache.deletePattern('k*')]],
        [null, () => [cache.setMany([{ key: 'x', value }, { key: 'k', value }]), cache.delete('k')]],
        ['last', () => [cache.set('k', value), cache.set('k', 'last')]],
        [value, () => [cache.set('k', 'first'), cache.set('k', value)]],
        [value, () => [cache.set('k', old), cache.delete('k'), cache.set('k', value)]],
        [null, () => [cache.setWithTags('k', value, { tags: ['t'] }), cache.invalidateTags(['t'])]],
      ];
      for (const [left, calls] of series) {
        await cache.delete('k');
        await Promise.all(calls());
        expect(await cache.get('k')).toEqual(left);
      }
      await cache.delete('k');
      const [, read, has] = await Promise.all([cache.set('k', value), cache.get('k'), cache.has('k')]);
      expect([read, has]).toEqual([value, true]);
    }
  });

  test('what was called before the process is asked to close is stored', async () => {
    const cache = backend.cache({ compression: { algorithm: 'zstd', level: 9 } });
    const value = rows(1_000_000);
    const written = cache.set('k', value);
    if (backend.kind === 'memory') return void (await written);
    await Promise.all([written, RedisManager.closeAll({ timeoutMs: 30_000 })]);
    expect(await cache.get('k')).toEqual(value);
  });

  test('those who joined a load get the value, and a delete in the meantime wins', async () => {
    const cache = backend.cache({ compression: { algorithm: 'zstd', level: 6 } });
    const value = rows(1_000_000);
    const { loader, started, finish } = heldLoader<Row[]>();
    const own = cache.getOrSet('k', loader);
    await started;
    const others = [1, 2, 3].map(() => cache.getOrSet('k', loader));
    finish.open(value);
    expect(await own).toBe(value);
    for (const other of others) expect(await other).toEqual(value);
    expect(await cache.get('k')).toEqual(value);

    const late = heldLoader<Row[]>();
    const loading = cache.getOrSet('late', late.loader);
    await late.started;
    late.finish.open(value);
    // The loader has ended and its value is being compressed, or has been.
    await new Promise((resolve) => setImmediate(resolve));
    await cache.delete('late');
    expect(await loading).toBe(value);
    expect(await cache.getOrSet('late', () => 'next')).toBe('next');
  });

  test('a value is served stale, kept for a loader that fails, and kept by its loader', async () => {
    const cache = backend.cache({ compression: 'lz4' });
    for (const bytes of [5_000, 500_000]) {
      const [old, fresh] = [rows(bytes), rows(bytes, 7)];
      await cache.set('k', old);
      expect(await cache.getOrSet('k', () => fresh, { staleAfter: 0 })).toEqual(old);
      await until(async () => (await cache.get<Row[]>('k'))![0].name === fresh[0].name);
      expect(await cache.get('k')).toEqual(fresh);
      let seen: unknown;
      expect(await cache.getOrSet('k', ({ stale, keep }) => ((seen = stale), keep()), { staleAfter: 0 })).toEqual(fresh);
      await until(() => seen !== undefined);
      expect(seen).toEqual(fresh);
      expect(await cache.get('k')).toEqual(fresh);
      const kept = { ttl: 0.02, staleIfError: 60 };
      await cache.setMany([{ key: 'kept', value: old, ...kept }]);
      await until(async () => (await cache.get('kept')) === null);
      expect(await cache.getOrSet('kept', () => Promise.reject(new Error('down')), kept)).toEqual(old);
      await cache.delete('kept');
    }
  });

  test('random values of random sizes come back equal', async () => {
    const cache = backend.cache({ compression: { algorithm: 'lz4', minBytes: 1 } });
    const zstd = new CacheRepository(cache.prefix, { compression: { algorithm: 'zstd', minBytes: 1 } });
    const values = Array.from({ length: 120 }, (_, i) => {
      const noise = randomBytes((i * i * 7) % 3_000).toString('base64');
      return { i, text: noise + 'ab'.repeat((i * 31) % 500), list: [noise.slice(0, 100), null, -0.5, { deep: '😀'.repeat(i) }] };
    });
    await Promise.all(values.map((value, i) => (i % 2 === 0 ? cache : zstd).set(`k${i}`, value)));
    for (let round = 0; round < 2; round++) expect(await cache.getMany(values.map((_, i) => `k${i}`))).toEqual(values);
  });

  test('the manager\'s setting is the default of its repositories, and the bound for values counts what they have', async () => {
    await backend.reopen({ cache: { compression: { algorithm: 'zstd', minBytes: 100 }, maxValueBytes: 10_000 } });
    const [packed, plain] = [backend.cache(), backend.cache({ compression: false })];
    const value = 'ab'.repeat(2_000);
    await Promise.all([packed.set('k', value), plain.set('k', value)]);
    expect([counted(packed).before, counted(plain).before]).toEqual([4_002, 0]);
    await expect(packed.set('k', 'ab'.repeat(6_000))).rejects.toMatchObject({ code: 'E_TOO_LARGE' });
    expect(await packed.get('k')).toBe(value);
    expect(CacheMetrics.prometheus()).toContain(`hawser_cache_compression_bytes_total{repository="${packed.prefix}",stage="before"} 4002`);
  });
});

test.each<[unknown, string]>([
  [true, 'cache.compression'], ['gzip', 'cache.compression'], [null, 'cache.compression'], [{}, 'cache.compression.algorithm'],
  [{ algorithm: 'zstd', level: 0 }, 'cache.compression.level'], [{ algorithm: 'zstd', level: 20 }, 'cache.compression.level'], [{ algorithm: 'zstd', level: 1.5 }, 'cache.compression.level'],
  [{ algorithm: 'lz4', level: 1 }, 'cache.compression.level'], [{ algorithm: 'zstd', minBytes: -1 }, 'cache.compression.minBytes'], [{ algorithm: 'zstd', minBytes: '1' }, 'cache.compression.minBytes'],
  [{ algorithm: 'zstd', quality: 1 }, 'cache.compression'],
])('the option %p is refused', (compression, path) => {
  const refused = expect.objectContaining({ code: 'E_BAD_OPTION', message: expect.stringContaining(path) as string }) as Error;
  expect(() => new CacheRepository('p', { compression: compression as Compression })).toThrow(refused);
  expect(() => RedisManager.configure({ cache: { compression: compression as Compression } })).toThrow(expect.objectContaining({ message: expect.stringContaining(`manager.${path}`) as string }));
});

onServer('compression', (backend) => {
  const command = (...args: (string | Buffer)[]): Promise<unknown> => backend.server.command(...args);
  const headerOf = async (cache: CacheRepository): Promise<string> => String(await command('EVAL', 'return string.match(redis.call("GET", KEYS[1]), "^[^\\n]*")', '1', `${cache.prefix}:k`));

  test('the header says how a value is stored, and its length before', async () => {
    const value = 'ab'.repeat(10_000);
    for (const [compression, word] of [['zstd', '-z20002'], ['lz4', '-l20002'], [false, '-'], [{ algorithm: 'zstd', minBytes: 20_003 }, '-'], [{ algorithm: 'zstd', minBytes: 20_000 }, '-z20002']] as [Compression, string][]) {
      const cache = backend.cache({ compression });
      await cache.set('k', value);
      expect(await headerOf(cache)).toMatch(new RegExp(` ${word} 0![\\w-]{12}$`));
      const length = Number(await command('STRLEN', `${cache.prefix}:k`));
      if (word === '-') expect(length).toBeGreaterThan(20_000);
      else expect(length).toBeLessThan(400);
      await cache.set('k', Buffer.from(value));
      expect(await headerOf(cache)).toMatch(new RegExp(` ${word === '-' ? 'b' : `b${word[1]}20000`} 0![\\w-]{12}$`));
    }
  });

  test.each(ALGORITHMS)('a payload that cannot be unpacked is a miss, and the next load replaces it (%s)', async (compression) => {
    for (const bytes of [5_000, 500_000]) {
      const cache = backend.cache({ compression });
      const key = `${cache.prefix}:k`;
      const spoilings: [name: string, script: string][] = [
        ['cut', 'return redis.call("SET", KEYS[1], string.sub(v, 1, -20), "PX", "60000")'],
        ['longer', 'return redis.call("SET", KEYS[1], v .. "more", "PX", "60000")'],
        ['another length', 'return redis.call("SET", KEYS[1], (string.gsub(v, " %-([zl])%d+ ", " -%17 ", 1)), "PX", "60000")'],
        ['a gigabyte', 'return redis.call("SET", KEYS[1], (string.gsub(v, " %-([zl])%d+ ", " -%11073741824 ", 1)), "PX", "60000")'],
        ['more than a number', 'return redis.call("SET", KEYS[1], (string.gsub(v, " %-([zl])%d+ ", " -%199999999999999999999999 ", 1)), "PX", "60000")'],
        ['noise', 'return redis.call("SET", KEYS[1], string.match(v, "^[^\\n]*\\n") .. string.rep("\\0\\255", 3000), "PX", "60000")'],
      ];
      for (const [name, script] of spoilings) {
        const value = rows(bytes);
        await cache.set('k', value);
        await command('EVAL', `local v = redis.call("GET", KEYS[1]) ${script}`, '1', key);
        expect([name, await cache.get('k')]).toEqual([name, null]);
        expect(await cache.getMany(['k'])).toEqual([null]);
        expect(await cache.getOrSet('k', () => Promise.resolve(`loaded ${name}`))).toBe(`loaded ${name}`);
        expect(await cache.get('k')).toBe(`loaded ${name}`);
      }
    }
  });

  test('a long value is packed and unpacked while the event loop turns', async () => {
    const cache = backend.cache({ compression: { algorithm: 'zstd', level: 9 } });
    const value = 'x'.repeat(100) + randomBytes(1_500_000).toString('hex');
    let turns = 0;
    let isDone = false;
    const written = cache.set('k', value).finally(() => (isDone = true));
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turns++;
    }
    await written;
    expect(turns).toBeGreaterThan(100);
    expect(await cache.get('k')).toBe(value);
  });

  test('a value that is being compressed when the process exits is stored, and a worker may be terminated meanwhile', async () => {
    const cache = backend.cache();
    const value = 'ab'.repeat(1_500_000);
    const use = `
      const { CacheRepository, RedisManager } = require('hawser');
      RedisManager.configure({ url: '${backend.server.url}' });
      const cache = new CacheRepository('${cache.prefix}', { compression: { algorithm: 'zstd', level: 9 } });
      const value = 'ab'.repeat(1_500_000);`;
    const { code, stderr } = await runNode(`${use} cache.set('warm', value).then(() => { cache.set('k', value); setImmediate(() => process.exit()); });`);
    expect([code, stderr]).toEqual([0, '']);
    expect(await cache.get('k')).toBe(value);
    const inside = `${use} cache.set('w', value); setImmediate(() => require('node:worker_threads').parentPort.postMessage(1)); setInterval(() => {}, 1000);`;
    const ended = await runNode(`
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(${JSON.stringify(inside)}, { eval: true });
      worker.on('message', () => worker.terminate().then(() => console.log('ended')));`);
    expect([ended.code, ended.stdout.trim()]).toEqual([0, 'ended']);
  });

  test('a read that waits for unpacking has been answered in time: budgets count the server\'s silence alone', async () => {
    await backend.reopen({ cache: { commandTimeoutMs: 20, writeTimeoutMs: 20, compression: { algorithm: 'zstd', level: 12 } } });
    const cache = backend.cache();
    const value = rows(5_000_000);
    await warm(cache);
    await cache.set('k', value);
    expect(await cache.getOrSet('k', never)).toEqual(value);
    expect(await cache.getOrSet('loaded', () => value)).toBe(value);
    expect(await cache.getOrSet('loaded', never)).toEqual(value);
    expect(CacheMetrics.snapshot()).toMatchObject({ givenUp: 0, notStored: 0, leaseLost: 0 });
  });

  test('a compressed value of which the process has a copy is not moved again', async () => {
    const cache = backend.cache({ compression: 'lz4' });
    const value = { text: randomBytes(200_000).toString('hex') };
    await cache.set('k', value);
    const sent = async (): Promise<number> => Number((await backend.server.info('stats')).total_net_output_bytes);
    expect(await cache.get('k')).toEqual(value);
    const before = await sent();
    for (let i = 0; i < 3; i++) expect(await cache.get('k')).toEqual(value);
    expect((await sent()) - before).toBeLessThan(20_000);
  });
});

/** The connection is there, and the server's limit is known. */
async function warm(cache: CacheRepository): Promise<void> {
  await until(() => cache.set('warm', 'x'.repeat(1_000_000)).then(() => true, () => false));
}

