/** C1: a read that starts after a write has resolved never returns a value whose load started before the write. */
import type { CacheRepository } from '../../lib/facade';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore } from './backends';

/** `tags`: the tags of a later reader. A reader that names a tag which the entry lacks loads. */
const WRITES: [name: string, write: (cache: CacheRepository) => Promise<unknown>, left: unknown, tags?: string[]][] = [
  ['invalidateTags', (cache) => cache.invalidateTags(['t']), null],
  ['delete', (cache) => cache.delete('k'), null],
  ['deleteMany', (cache) => cache.deleteMany(['x', 'k']), null],
  ['deletePattern', (cache) => cache.deletePattern('k*'), null],
  ['set', (cache) => cache.set('k', 'set'), 'set', []],
  ['setWithTags', (cache) => cache.setWithTags('k', 'set', { tags: ['t', 'u'] }), 'set'],
  ['setMany', (cache) => cache.setMany([{ key: 'k', value: 'set', tags: ['t'] }]), 'set'],
];

onEveryStore('C1', (backend) => {
  describe.each(WRITES)('%s during a load', (_name, write, left, tags = ['t']) => {
    test('wins over the value that the load returns', async () => {
      const cache = backend.cache();
      const old = heldLoader<string>();
      const reading = cache.getOrSet('k', old.loader, { tags: ['t'] });
      await old.started;
      await write(cache);
      expect(await cache.get('k')).toBe(left);
      old.finish.open('old');
      expect(await reading).toBe('old'); // It began before the write.
      expect(await cache.get('k')).toBe(left);
      expect(await cache.getOrSet('k', () => 'new', { tags })).toBe(left ?? 'new');
    });

    test('a read that starts after it does not join the load', async () => {
      const cache = backend.cache();
      const old = heldLoader<string>();
      const reading = cache.getOrSet('k', old.loader, { tags: ['t'] });
      await old.started;
      await write(cache);
      expect(await cache.getOrSet('k', () => 'new', { tags })).toBe(left ?? 'new');
      old.finish.open('old');
      await reading;
      expect(await cache.get('k')).toBe(left ?? 'new');
    });

    test('wins over the refresh of a stale value', async () => {
      const cache = backend.cache();
      await cache.setWithTags('k', 'stale', { ttl: 60, staleAfter: 0, tags: ['t'] });
      const old = heldLoader<string>();
      expect(await cache.getOrSet('k', old.loader, { ttl: 60, staleAfter: 0, tags: ['t'] })).toBe('stale');
      await old.started;
      await write(cache);
      old.finish.open('old');
      // The refresh has ended when another load may run. Its value must not appear, whatever its outcome.
      for (let i = 0; i < 20; i++) expect(await cache.get('k')).toBe(left);
      expect(await cache.getOrSet('k', () => 'new', { tags })).toBe(left ?? 'new');
    });
  });

  test('an entry under several tags is unusable as soon as one of them is invalidated', async () => {
    const cache = backend.cache();
    for (const tag of ['a', 'b', 'c']) {
      await cache.setWithTags('k', tag, { tags: ['a', 'b', 'c'] });
      expect(await cache.get('k')).toBe(tag);
      await cache.invalidateTags([tag]);
      expect(await cache.get('k')).toBeNull();
      expect(await cache.has('k')).toBe(false);
      expect(await cache.getMany(['k'])).toEqual([null]);
    }
  });

  test('tags that a loader names take effect at once', async () => {
    const cache = backend.cache();
    const held = heldLoader<string>();
    const reading = cache.getOrSet('k', async ({ addTags }) => {
      await addTags(['late']);
      return held.loader();
    });
    await held.started;
    await cache.invalidateTags(['late']);
    held.finish.open('old');
    expect(await reading).toBe('old');
    expect(await cache.get('k')).toBeNull();
    expect(await cache.getOrSet('k', async ({ addTags }) => (await addTags(['late']), 'new'))).toBe('new');
    expect(await cache.get('k')).toBe('new');
    await cache.invalidateTags(['late']);
    expect(await cache.get('k')).toBeNull();
  });

  test('a reader that names a tag which the entry lacks does not get the entry', async () => {
    const cache = backend.cache();
    await cache.setWithTags('k', 'one tag', { tags: ['a'] });
    expect(await cache.getOrSet('k', () => 'two tags', { tags: ['a', 'b'] })).toBe('two tags');
    await cache.invalidateTags(['b']);
    expect(await cache.get('k')).toBeNull();
  });

  test('holds for a hundred writes and reads in any order', async () => {
    const cache = backend.cache();
    let version = 0;
    const read = async (): Promise<void> => {
      const least = version;
      const got = await cache.getOrSet('k', async () => {
        const seen = version;
        await new Promise((resolve) => setImmediate(resolve));
        return seen;
      }, { tags: ['t'] });
      expect(got).toBeGreaterThanOrEqual(least);
    };
    const readers: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) {
      for (let j = 0; j < 4; j++) readers.push(read());
      if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      // The source changes, then the cache is told. Reads that start afterwards see the new version.
      const next = version + 1;
      await (async () => {
        const told = version;
        version = next;
        void told;
        await (i % 2 === 0 ? cache.invalidateTags(['t']) : cache.delete('k'));
      })();
    }
    await Promise.all(readers);
  });

  test('an invalidated entry stays invalid until it is loaded again', async () => {
    const cache = backend.cache();
    await cache.setWithTags('k', 1, { tags: ['t'] });
    await cache.invalidateTags(['t']);
    await cache.setWithTags('other', 1, { tags: ['t'] });
    expect(await cache.get('k')).toBeNull();
    expect(await cache.get('other')).toBe(1);
    await until(async () => (await cache.getOrSet('k', () => 2, { tags: ['t'] })) === 2);
  });
});
