/** The cache's diagnostics channels: what they say, in which order, and that they change nothing. */
import { channel, tracingChannel, type TracingChannelSubscribers } from 'node:diagnostics_channel';
import type { CacheCallMessage } from '../../lib/observe/cache_messages';
import { until } from '../helpers/until';
import { heldLoader, onEveryStore } from './backends';

type Said = [event: string, message: Record<string, unknown>];

/** Listens to a tracing channel while a function runs. */
async function hearing(name: string, run: () => Promise<unknown>): Promise<Said[]> {
  const said: Said[] = [];
  const note = (event: string) => (message: unknown) => void said.push([event, { ...(message as object) }]);
  const subscribers = Object.fromEntries(['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => [event, note(event)])) as unknown as TracingChannelSubscribers<object>;
  const traced = tracingChannel<unknown, object>(name);
  traced.subscribe(subscribers);
  try {
    await run();
  } finally {
    traced.unsubscribe(subscribers);
  }
  return said;
}

const outcomesOf = (said: Said[]): unknown[] => said.filter(([event]) => event === 'asyncEnd').map(([, { outcome }]) => outcome);

onEveryStore('Diagnostics channels', (backend) => {
  test('hawser:cache:getOrSet says what a read came to, and hawser:cache:load that a loader ran', async () => {
    const cache = backend.cache();
    let loads: Said[] = [];
    const calls = await hearing('hawser:cache:getOrSet', async () => {
      loads = await hearing('hawser:cache:load', async () => {
        expect(await cache.getOrSet('k', () => 1)).toBe(1);
        expect(await cache.getOrSet('k', () => 2)).toBe(1);
      });
    });
    expect(calls.map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd', 'start', 'end', 'asyncStart', 'asyncEnd']);
    expect(calls[3][1]).toEqual({ operation: 'getOrSet', repository: cache.prefix, keys: ['k'], outcome: 'miss', outcomes: { miss: 1 }, result: 1 });
    expect(outcomesOf(calls)).toEqual(['miss', 'remote_hit']);
    expect(loads.map(([event]) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    expect(loads[3][1]).toEqual({ repository: cache.prefix, keys: ['k'], result: 1 });
    // Nobody listens any more.
    await cache.getOrSet('k', () => 3);
    expect(calls).toHaveLength(8);
  });

  test('errors come with the error of the loader, which the caller gets unchanged', async () => {
    const cache = backend.cache();
    const failure = new Error('source');
    const said = await hearing('hawser:cache:getOrSet', () => expect(cache.getOrSet('k', () => Promise.reject(failure))).rejects.toBe(failure));
    expect(said.map(([event]) => event)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
    expect(said[2][1]).toMatchObject({ outcome: 'error', error: failure });
  });

  test('groups, joined reads, gets and stale values have their outcomes', async () => {
    const cache = backend.cache();
    const held = heldLoader<number>();
    const said = await hearing('hawser:cache:getOrSet', async () => {
      const owner = cache.getOrSet('k', held.loader);
      await held.started;
      const joiner = cache.getOrSet('k', held.loader);
      await cache.get('other');
      held.finish.open(1);
      await Promise.all([owner, joiner]);
      await cache.getOrSetMany(['k', 'l'], () => ({ l: 2 }));
      await cache.set('s', 1);
      await cache.getOrSet('s', () => 2, { staleAfter: 0 });
    });
    expect(outcomesOf(said).sort()).toEqual(['joined', 'miss', 'stale', undefined]);
    const group = said.find(([event, { operation }]) => event === 'asyncEnd' && operation === 'getOrSetMany')![1];
    expect(group).toMatchObject({ keys: ['k', 'l'], outcomes: { remote_hit: 1, miss: 1 } });
    const gets = await hearing('hawser:cache:get', async () => {
      await cache.get('k');
      await cache.get('none');
      await cache.getMany(['k', 'none']);
    });
    expect(gets.filter(([event]) => event === 'asyncEnd').map(([, message]) => (message as unknown as CacheCallMessage).outcome ?? (message as unknown as CacheCallMessage).outcomes)).toEqual([
      'remote_hit', 'miss', { remote_hit: 1, miss: 1 },
    ]);
  });

  test('writes and invalidations name their method and what they are about', async () => {
    const cache = backend.cache();
    const ends = (said: Said[]): unknown[] => said.filter(([event]) => event === 'asyncEnd').map(([, message]) => message);
    const sets = await hearing('hawser:cache:set', async () => {
      await cache.set('a', 1);
      await cache.setWithTags('b', 1, { tags: ['t'] });
      await cache.setMany([{ key: 'c', value: 1 }, { key: 'd', value: 2 }]);
    });
    const { prefix: repository } = cache;
    expect(ends(sets)).toEqual([
      { operation: 'set', repository, keys: ['a'], result: undefined },
      { operation: 'setWithTags', repository, keys: ['b'], result: undefined },
      { operation: 'setMany', repository, keys: ['c', 'd'], result: undefined },
    ]);
    const invalidations = await hearing('hawser:cache:invalidate', async () => {
      await cache.delete('a');
      await cache.deleteMany(['c', 'd']);
      await cache.invalidateTags(['t']);
      await cache.deletePattern('*');
      await expect(cache.delete('')).rejects.toThrow(TypeError);
    });
    expect(ends(invalidations)).toEqual([
      { operation: 'delete', repository, keys: ['a'], result: undefined },
      { operation: 'deleteMany', repository, keys: ['c', 'd'], result: 2 },
      { operation: 'invalidateTags', repository, tags: ['t'], result: 1 },
      { operation: 'deletePattern', repository, pattern: '*', result: 1 },
      expect.objectContaining({ operation: 'delete', error: expect.any(TypeError) }),
    ]);
  });

  test('hawser:cache:evict names near copies that had to make room', async () => {
    const cache = backend.cache({ nearCache: { maxBytes: 3000 } });
    const evicted: unknown[] = [];
    const note = (message: unknown): void => void evicted.push(message);
    channel('hawser:cache:evict').subscribe(note);
    try {
      let n = 0;
      await until(async () => {
        const key = `k${++n % 20}`;
        await cache.set(key, n);
        await cache.get(key);
        return evicted.length > 0;
      });
    } finally {
      channel('hawser:cache:evict').unsubscribe(note);
    }
    expect(evicted[0]).toEqual({ repository: cache.prefix, store: 'near', key: expect.stringMatching(/^k\d+$/) });
  });
});
