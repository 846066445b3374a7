/**
 * C3, C4, C9: the cost of invalidation, the keys that remain, and the keys that deletePattern touches. The server itself counts commands.
 */
import { CacheRepository } from '../../lib/facade';
import { onEveryStore, onServer } from './backends';

const LONGEST = 2 * (3600 + 60) * 1000 + 1000;

onServer('C3', (backend) => {
  async function commandsToInvalidate(entries: number, tags: string[]): Promise<Record<string, number>> {
    const cache = backend.cache();
    await cache.setMany(Array.from({ length: entries }, (_, i) => ({ key: `k${i}`, value: i, tags })));
    // Answered after all that belongs to the writes.
    await cache.get('none');
    const counted = await backend.server.countCommands(() => cache.invalidateTags(tags));
    expect(await cache.getMany(['k0', `k${entries - 1}`])).toEqual([null, null]);
    return counted;
  }

  test('invalidateTags sends the same commands for ten entries and for ten thousand', async () => {
    const few = await commandsToInvalidate(10, ['t']);
    const many = await commandsToInvalidate(10_000, ['t']);
    expect(many).toEqual(few);
    expect(Object.values(few).reduce((sum, calls) => sum + calls)).toBeLessThanOrEqual(4);
  });

  test('the number of commands grows linearly with the number of tags', async () => {
    const one = await commandsToInvalidate(10, ['t']);
    const three = await commandsToInvalidate(10, ['t', 'u', 'v']);
    for (const [name, calls] of Object.entries(three)) expect(calls).toBeLessThanOrEqual(3 * one[name]);
  });
});

onEveryStore('one call that names thousands of tags', (backend) => {
  test('invalidates them all, in portions: others are served meanwhile, and the event loop turns', async () => {
    const cache = backend.cache();
    const tags = Array.from({ length: 5_000 }, (_, n) => `tag ${n}`);
    await cache.setMany(tags.filter((_, n) => n % 100 === 0).map((tag) => ({ key: tag, value: tag, tags: [tag] })));
    await cache.setWithTags('other', 'kept', { tags: ['other'] });
    let turns = 0;
    let isDone = false;
    const turn = (): void => {
      turns++;
      if (!isDone) setImmediate(turn);
    };
    turn();
    const invalidating = cache.invalidateTags([...tags, ...tags]).finally(() => (isDone = true));
    expect(await cache.get('other')).toBe('kept');
    expect(await invalidating).toBe(50);
    if (backend.kind !== 'memory') expect(turns).toBeGreaterThan(1);
    expect(await cache.getMany(tags)).toEqual(tags.map(() => null));
    expect(await cache.get('other')).toBe('kept');
  });
});

onServer('one call that names thousands of tags', (backend) => {
  test('sends two commands for each, and nothing else', async () => {
    const cache = backend.cache();
    const tags = Array.from({ length: 5_000 }, (_, n) => `tag ${n}`);
    await cache.get('none');
    const counted = await backend.server.countCommands(() => cache.invalidateTags(tags));
    // Beside the tags, the mark that says that any of them was invalidated.
    expect(counted).toEqual({ pfcount: 5_001, del: 5_001 });
  });
});

onEveryStore('the number that invalidateTags returns', (backend) => {
  test('is the number of entries: exact for a few, approximate for thousands', async () => {
    const cache = backend.cache();
    await cache.setMany(Array.from({ length: 5 }, (_, i) => ({ key: `few${i}`, value: i, tags: ['few'] })));
    expect(Math.abs((await cache.invalidateTags(['few'])) - 5)).toBeLessThanOrEqual(1);
    await cache.setMany(Array.from({ length: 5000 }, (_, i) => ({ key: `many${i}`, value: i, tags: ['many', 'also'] })));
    const both = await cache.invalidateTags(['many', 'also']);
    expect(both).toBeGreaterThan(2 * 5000 * 0.95);
    expect(both).toBeLessThan(2 * 5000 * 1.05);
    expect(await cache.invalidateTags(['many'])).toBe(0);
    expect(await cache.invalidateTags(['never used'])).toBe(0);
  });
});

onServer('C4', (backend) => {
  const keys = async (): Promise<string[]> => (await backend.server.command('KEYS', '*')) as string[];

  test('every written key has a time to live of at most twice the longest need', async () => {
    const cache = backend.cache();
    await cache.setWithTags('a', 1, { ttl: 3600, tags: ['t', 'u'] });
    await cache.getOrSet('b', () => 1, { ttl: 0.5, tags: ['t'] });
    await cache.getOrSet('c', async ({ addTags }) => (await addTags(['late']), 1));
    await cache.set('stale', 1);
    await cache.getOrSet('stale', () => Promise.reject(new Error('x')), { staleAfter: 0 });
    await cache.getOrSet('failed', () => Promise.reject(new Error('x'))).catch(() => undefined);
    await cache.invalidateTags(['u']);
    const all = await keys();
    expect(all.length).toBeGreaterThanOrEqual(6);
    for (const key of all) {
      const ttl = Number(await backend.server.command('PTTL', key));
      expect([key, ttl > 0 && ttl <= LONGEST]).toEqual([key, true]);
    }
  });

  test('a thousand rounds of storing and invalidating leave as many keys as one round', async () => {
    const cache = backend.cache();
    const round = async (i: number): Promise<void> => {
      await cache.setWithTags(`k${i % 3}`, i, { tags: ['t', 'u'] });
      await cache.getOrSet(`l${i % 3}`, () => i, { tags: ['t'] });
      await cache.invalidateTags(['t', 'u']);
    };
    for (let i = 0; i < 30; i++) await round(i);
    const few = (await keys()).length;
    for (let i = 0; i < 300; i++) await round(i);
    // Entries of other tests may have expired meanwhile.
    expect((await keys()).length).toBeLessThanOrEqual(few);
  });

  test('an entry with a short ttl does not shorten the life of a tag that a longer-lived entry carries', async () => {
    const cache = backend.cache();
    await cache.setWithTags('long', 1, { ttl: 3600, tags: ['t'] });
    const [before] = await lives(cache);
    await cache.setWithTags('short', 1, { ttl: 1, tags: ['t'] });
    const [after] = await lives(cache);
    expect(after).toBeGreaterThan(3600 * 1000);
    expect(after).toBeLessThanOrEqual(before);
  });

  async function lives(cache: CacheRepository): Promise<number[]> {
    const internal = (await keys()).filter((key) => key.startsWith(`${cache.prefix}#v`));
    expect(internal).toHaveLength(1);
    return Promise.all(internal.map(async (key) => Number(await backend.server.command('PTTL', key))));
  }

  test('a tag does not keep expired members: no set grows', async () => {
    const cache = backend.cache();
    await cache.setMany(Array.from({ length: 2000 }, (_, i) => ({ key: `k${i}`, value: 1, ttl: 0.01, tags: ['t'] })));
    for (const key of (await keys()).filter((name) => name.startsWith(`${cache.prefix}#`))) {
      expect(await backend.server.command('TYPE', key)).toBe('string');
      expect(Number(await backend.server.command('MEMORY', 'USAGE', key))).toBeLessThan(16_384);
    }
  });
});

onEveryStore('C9', (backend) => {
  test.each([
    ['*', ['a', 'ab', 'abc', 'b', 'a*b', 'a:b', '[x]']],
    ['a*', ['a', 'ab', 'abc', 'a*b', 'a:b']],
    ['a?', ['ab']],
    ['[ab]', ['a', 'b']],
    ['a\\*b', ['a*b']],
    ['a:*', ['a:b']],
    ['\\[x\\]', ['[x]']],
    ['none*', []],
  ])('deletePattern(%p) deletes what matches, says how many, and leaves the rest', async (glob, gone) => {
    const cache = backend.cache();
    const keys = ['a', 'ab', 'abc', 'b', 'a*b', 'a:b', '[x]'];
    await cache.setMany(keys.map((key) => ({ key, value: key, tags: ['t'] })));
    expect(await cache.deletePattern(glob)).toBe(gone.length);
    expect(await cache.getMany(keys)).toEqual(keys.map((key) => (gone.includes(key) ? null : key)));
    // The pattern does not apply to tags.
    await cache.set('kept', 1);
    await cache.setWithTags('tagged', 1, { tags: ['t'] });
    expect(await cache.invalidateTags(['t'])).toBeGreaterThan(0);
  });

  test('touches only entries of its repository, whatever characters the prefixes have', async () => {
    const base = backend.cache().prefix;
    const prefixes = [base, `${base}x`, `${base}*`, `${base}?`, `${base}[a]`, `${base}:`, `${base}\\`];
    for (const prefix of prefixes) {
      const repositories = prefixes.map((name) => new CacheRepository(name));
      for (const cache of repositories) await cache.setWithTags('k', cache.prefix, { tags: ['t'] });
      expect(await new CacheRepository(prefix).deletePattern('*')).toBe(1);
      for (const cache of repositories) expect(await cache.get('k')).toBe(cache.prefix === prefix ? null : cache.prefix);
    }
    for (const prefix of prefixes) await new CacheRepository(prefix).deletePattern('*');
  });

  test('deletes thousands of entries, including those that are being loaded', async () => {
    const cache = backend.cache();
    await cache.setMany(Array.from({ length: 3000 }, (_, i) => ({ key: `k${i}`, value: i })));
    expect(await cache.deletePattern('k*')).toBe(3000);
    expect(await cache.has('k2999')).toBe(false);
    expect(await cache.deletePattern('k*')).toBe(0);
  });
});

onServer('C9', (backend) => {
  test('walks with SCAN and never uses KEYS', async () => {
    const cache = backend.cache();
    await cache.setMany(Array.from({ length: 5000 }, (_, i) => ({ key: `k${i}`, value: i })));
    const commands = await backend.server.countCommands(() => cache.deletePattern('*'));
    expect(commands.scan).toBeGreaterThan(1);
    expect(commands.keys).toBeUndefined();
    expect(commands.flushdb).toBeUndefined();
  });

  test('keys of other programs in the same database stay', async () => {
    const cache = backend.cache();
    await backend.server.command('SET', `${cache.prefix}other`, 'x');
    await backend.server.command('SET', 'elsewhere', 'x');
    await cache.set('k', 1);
    await cache.deletePattern('*');
    expect(await backend.server.command('EXISTS', `${cache.prefix}other`, 'elsewhere')).toBe(2);
  });
});
