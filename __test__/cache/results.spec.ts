/** Tags that come with a result, the value that a load replaces, and "not modified". */
import { CacheMetrics, RedisManager, type LoaderContext } from '../../lib/facade';
import type { Redis } from '../../lib';
import { until } from '../helpers/until';
import { gate, onEveryTopology, onServer } from './backends';

interface User {
  id: number;
  etag: string;
}

const tagsFrom = ({ id }: User): string[] => [`user:${id}`];

/** A source that answers when the test says so. */
function slow<T>(value: T): { loader: () => Promise<T>; asked: Promise<void>; answer: () => void } {
  const asked = gate();
  const answer = gate();
  const loader = async (): Promise<T> => {
    asked.open();
    await answer.promise;
    return value;
  };
  return { loader, asked: asked.promise, answer: answer.open };
}

onEveryTopology('Tags taken from the value', (backend) => {
  test('a cold value is stored under them, and they invalidate it', async () => {
    const cache = backend.cache({ tagsFrom });
    const loader = jest.fn(() => ({ id: 7, etag: 'a' }));
    await cache.getOrSet('k', loader);
    expect(await cache.get('k')).toEqual({ id: 7, etag: 'a' });
    expect(await cache.invalidateTags(['user:8'])).toBe(0);
    await cache.getOrSet('k', loader);
    await cache.invalidateTags(['user:7']);
    expect(await cache.get('k')).toBeNull();
    await cache.getOrSet('k', loader);
    expect(await cache.invalidateTags(['user:7'])).toBe(1);
    expect(await cache.get('k')).toBeNull();
  });

  test('an invalidation during the load keeps the value out, whether the tag had a version or not', async () => {
    const cache = backend.cache({ tagsFrom });
    for (const known of [false, true]) {
      if (known) await cache.set('other', 1).then(() => cache.setWithTags('tagged', 1, { tags: ['user:7'] }));
      const source = slow({ id: 7, etag: 'a' });
      const call = cache.getOrSet('k', source.loader);
      await source.asked;
      await cache.invalidateTags(['user:7']);
      // This caller began after the invalidation: what the load brings is not for it.
      const late = cache.getOrSet('k', () => ({ id: 7, etag: 'b' }));
      source.answer();
      expect(await call).toEqual({ id: 7, etag: 'a' });
      expect(await late).toEqual({ id: 7, etag: 'b' });
      await until(async () => (await cache.get<User>('k'))?.etag !== 'a');
      await cache.delete('k');
    }
    expect(CacheMetrics.snapshot().unproven).toBeGreaterThan(0);
  });

  test('an invalidation of another tag during the load does not keep a value out whose tags are known', async () => {
    const cache = backend.cache({ tagsFrom, ttl: 60, staleAfter: 0 });
    await cache.getOrSet('k', () => ({ id: 7, etag: 'a' }));
    const source = slow({ id: 7, etag: 'b' });
    await cache.getOrSet('k', source.loader);
    await source.asked;
    await cache.invalidateTags(['user:8']);
    source.answer();
    await until(async () => (await cache.get<User>('k'))?.etag === 'b');
    await cache.invalidateTags(['user:9']);
    expect(await cache.get<User>('k')).toMatchObject({ etag: 'b' });
  });

  test('setTags does the same from within the loader, from the second load on', async () => {
    const cache = backend.cache();
    const loader = (n: number) => (ctx: LoaderContext): number => (ctx.setTags(['t']), n);
    expect(await cache.getOrSet('k', loader(1))).toBe(1);
    expect(await cache.get('k')).toBeNull();
    expect(await cache.getOrSet('k', loader(2))).toBe(2);
    expect(await cache.get('k')).toBe(2);
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
    // The mark is captured from now on: unknown tags are stored at once.
    expect(await cache.getOrSet('other', (ctx) => (ctx.setTags(['unknown']), 3))).toBe(3);
    expect(await cache.get('other')).toBe(3);
  });

  test('groups: tags by key, tags of the loader by key, tags of the values', async () => {
    const cache = backend.cache();
    const load = (): Promise<unknown> =>
      cache.getOrSetMany(
        ['1', '2'],
        async (keys, ctx) => {
          if (keys.includes('1')) await ctx.addTags('1', ['first']);
          await ctx.addTags(['all']);
          return new Map(keys.map((key) => [key, { id: Number(key), etag: '' }]));
        },
        { tags: (key) => [`key:${key}`] },
      );
    for (const [tag, gone] of [['key:1', '1'], ['first', '1'], ['key:2', '2']] as const) {
      await load();
      expect(await cache.getMany(['1', '2'])).toEqual([{ id: 1, etag: '' }, { id: 2, etag: '' }]);
      await cache.invalidateTags([tag]);
      expect(await cache.get(gone)).toBeNull();
      expect(await cache.get(gone === '1' ? '2' : '1')).not.toBeNull();
    }
    await load();
    await cache.invalidateTags(['all']);
    expect(await cache.getMany(['1', '2'])).toEqual([null, null]);
    await cache.getOrSetMany(['3', '4'], (keys) => new Map(keys.map((key) => [key, { id: Number(key), etag: '' }])), { tagsFrom });
    await cache.invalidateTags(['user:4']);
    expect(await cache.get('4')).toBeNull();
    await expect(cache.getOrSetMany(['1'], () => ({}), { tags: () => [''] })).rejects.toThrow(TypeError);
    await expect(cache.getOrSetMany(['1'], (_, ctx) => (ctx.of('2'), {}))).rejects.toThrow(TypeError);
  });

  test('an entry may have 64 tags, wherever they come from', async () => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0 });
    const tags = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);
    const loader = jest.fn(() => 1);
    for (const [own, taken] of [[64, 0], [40, 24], [0, 64]] as const) {
      const options = { tags: tags(own, 'own'), tagsFrom: () => tags(taken, 'taken') };
      // On a cluster, the first result of a process that brings unknown tags needs room for marks as well.
      await cache.getOrSet('first', loader, options);
      await cache.getOrSet('k', loader, options);
      expect(await cache.get('k')).toBe(1);
      await cache.invalidateTags([taken === 0 ? 'own63' : `taken${taken - 1}`]);
      expect(await cache.get('k')).toBeNull();
    }
    // What a loader has added counts where its value is kept.
    const added = gate();
    await cache.getOrSet('added', async (ctx) => (await ctx.addTags(tags(24, 'added')), 2), { tags: tags(40, 'own') });
    await cache.getOrSet('added', (ctx) => (added.open(), ctx.keep()), { tags: tags(40, 'own'), ttl: 50 });
    await added.promise;
    await until(async () => (await cache.explain('added') as { ttl?: number }).ttl === 50);
    await cache.invalidateTags(['added23']);
    expect(await cache.get('added')).toBeNull();
  });

  test('an exception of tagsFrom is the callers\' error, and nothing is stored', async () => {
    const cache = backend.cache();
    const error = new Error('no tags');
    const fail = (): string[] => {
      throw error;
    };
    await expect(cache.getOrSet('k', () => 1, { tagsFrom: fail })).rejects.toBe(error);
    await expect(cache.getOrSet('k', () => 1, { tagsFrom: () => [''] })).rejects.toThrow(TypeError);
    expect(await cache.has('k')).toBe(false);
  });
});

onEveryTopology('The value that is replaced', (backend) => {
  /** Reads an entry that is stale at once, and waits for the refresh behind it. */
  async function refreshed(cache: ReturnType<typeof backend.cache>, loader: (ctx: LoaderContext) => unknown, tags?: string[]): Promise<void> {
    const done = gate();
    await cache.getOrSet('k', async (ctx) => {
      try {
        return await loader(ctx);
      } finally {
        done.open();
      }
    }, { tags });
    await done.promise;
  }

  test('a refresh sees it, and keep gives it a new life under a new stamp', async () => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0 });
    await cache.setWithTags('k', { etag: 'a' }, { tags: ['t'] });
    const seen: unknown[] = [];
    await refreshed(cache, ({ stale, keep, setStaleAfter }) => {
      seen.push(stale);
      setStaleAfter(30);
      return keep();
    }, ['t']);
    expect(seen).toEqual([{ etag: 'a' }]);
    const loader = jest.fn(() => ({ etag: 'b' }));
    await until(async () => {
      const before = CacheMetrics.snapshot().hits;
      await cache.getOrSet('k', loader, { staleAfter: 30 });
      return CacheMetrics.snapshot().hits > before;
    });
    expect(await cache.get('k')).toEqual({ etag: 'a' });
    await cache.invalidateTags(['t']);
    expect(await cache.get('k')).toBeNull();
  });

  test('a load that waits returns the kept value to all its callers', async () => {
    const cache = backend.cache({ ttl: 60, staleIfError: 60 });
    await cache.set('k', { etag: 'a' });
    const started = gate();
    const go = gate();
    const loader = async (ctx: LoaderContext): Promise<unknown> => {
      started.open();
      await go.promise;
      return ctx.stale?.etag === 'a' ? ctx.keep() : { etag: 'lost' };
    };
    const old = { maxAge: 0.001 };
    await until(async () => {
      const call = cache.getOrSet('k', loader, old);
      return Promise.race([started.promise.then(() => true), call.then(() => false)]);
    });
    const joined = cache.getOrSet('k', loader, old);
    go.open();
    expect(await joined).toEqual({ etag: 'a' });
    expect(await cache.get('k')).toEqual({ etag: 'a' });
  });

  test('what was invalidated or deleted is not shown, and cannot be kept', async () => {
    const cache = backend.cache();
    const seen: unknown[] = [];
    const loader = (ctx: LoaderContext): unknown => {
      seen.push(ctx.stale);
      return ctx.keep();
    };
    await cache.setWithTags('k', 1, { tags: ['t'] });
    await cache.invalidateTags(['t']);
    await expect(cache.getOrSet('k', loader)).rejects.toMatchObject({ code: 'E_NOTHING_TO_KEEP' });
    await cache.set('k', 1);
    await cache.delete('k');
    await expect(cache.getOrSet('k', loader, { tags: ['t'] })).rejects.toMatchObject({ code: 'E_NOTHING_TO_KEEP' });
    expect(seen).toEqual([undefined, undefined]);
  });

  test.each(['its tag is invalidated', 'it is deleted', 'a tag of the former loader is invalidated'])('keep during which %s keeps nothing', async (event) => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0 });
    await cache.getOrSet('k', async ({ addTags }) => (await addTags(['inner']), 'old'), { tags: ['t'] });
    const go = gate();
    const asked = gate();
    const refreshing = refreshed(cache, async ({ keep }) => {
      asked.open();
      await go.promise;
      return keep();
    }, ['t']);
    await asked.promise;
    if (event === 'it is deleted') await cache.delete('k');
    else await cache.invalidateTags([event.startsWith('its') ? 't' : 'inner']);
    go.open();
    await refreshing;
    // Stored or not, it is no longer current.
    if (!event.startsWith('its')) await until(async () => CacheMetrics.snapshot().leaseLost + CacheMetrics.snapshot().unproven > 0);
    expect(await cache.get('k')).toBeNull();
  });

  test('a kept value keeps the tags that its loader had added', async () => {
    const cache = backend.cache({ ttl: 60, staleAfter: 0 });
    await cache.getOrSet('k', async ({ addTags }) => (await addTags(['inner']), 'old'));
    await refreshed(cache, ({ keep, setStaleAfter }) => (setStaleAfter(60), keep()));
    await until(async () => {
      const before = CacheMetrics.snapshot().hits;
      await cache.getOrSet('k', () => 'new', { staleAfter: 60 });
      return CacheMetrics.snapshot().hits > before;
    });
    expect(await cache.get('k')).toBe('old');
    await cache.invalidateTags(['inner']);
    expect(await cache.get('k')).toBeNull();
  });
});

onServer('Not modified', (backend) => {
  test('the payload does not travel', async () => {
    const cache = backend.cache({ ttl: 600, staleAfter: 0 });
    const value = { etag: 'a', text: 'x'.repeat(1 << 20) };
    await cache.set('k', value);
    const client = await RedisManager.getMainClient<Redis>();
    const received = async (): Promise<number> => Number(/total_net_input_bytes:(\d+)/.exec(await client.info('stats'))?.[1]);
    const before = await received();
    await cache.getOrSet('k', ({ stale, keep, setTtl, setStaleAfter }) => {
      if (stale?.etag !== 'a') return value;
      setTtl(3000);
      setStaleAfter(1000);
      return keep();
    });
    await until(async () => (await client.pttl(`${cache.prefix}:k`)) > 600_000);
    expect((await received()) - before).toBeLessThan(20_000);
    expect(await cache.get('k')).toEqual(value);
  });
});
