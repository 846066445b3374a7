/** What reaches the clients of a stream, on every store. */
import { invalidationStream, RedisManager } from '../../lib/facade';
import { onEveryTopology } from '../cache/backends';
import { until } from '../helpers/until';
import { reader, serve } from './reading';

jest.setTimeout(60_000);

onEveryTopology('a stream of invalidations', (backend) => {
  test('tells tags and deleted keys after they are invalidated, and resets for what has no tags', async () => {
    const cache = backend.cache();
    const other = backend.cache();
    const stream = await reader(await serve(invalidationStream(cache))).ready();
    await other.invalidateTags(['of another repository']);
    await cache.invalidateTags(['a', 'b\n{"}']);
    await cache.delete('k:1');
    await cache.deleteMany(['k:2', 'k:3']);
    await stream.sees('a', 'b\n{"}', `${cache.prefix}:k:1`, `${cache.prefix}:k:2`, `${cache.prefix}:k:3`);
    expect(stream.seen).toEqual(['a', 'b\n{"}', `${cache.prefix}:k:1`, `${cache.prefix}:k:2`, `${cache.prefix}:k:3`]);
    await cache.clear();
    await stream.sees('reset:clear');
    await cache.deletePattern('x*');
    await until(() => stream.seen.filter((name) => name === 'reset:clear').length === 2);
  });

  test('a client that hears of an invalidation reads the new value', async () => {
    const cache = backend.cache();
    const stream = await reader(await serve(invalidationStream(cache))).ready();
    for (let round = 0; round < 20; round++) {
      await cache.set('k', 'old');
      await cache.setWithTags('k', 'old', { tags: ['t'] });
      const before = stream.seen.length;
      const invalidating = cache.invalidateTags(['t']);
      await until(() => stream.seen.length > before, { everyMs: 1, deadlineMs: 20_000 });
      expect(await cache.get('k')).toBeNull();
      await invalidating;
    }
  });

  test('a client that comes back gets what it missed, and is told to fetch everything where that is not known', async () => {
    const cache = backend.cache();
    const url = await serve(invalidationStream(cache, { heartbeatMs: 50 }));
    const first = await reader(url).ready();
    await cache.invalidateTags(['a']);
    await first.sees('a');
    const { cursor } = first;
    first.close();
    await cache.invalidateTags(['b', 'c']);
    const again = await reader(url, { headers: { 'last-event-id': cursor } }).ready();
    await again.sees('b', 'c');
    expect(again.seen).toEqual(['b', 'c']);
    const byParameter = await reader(`${url}?lastEventId=${cursor}`).ready();
    await byParameter.sees('c');
    const unknown = await reader(url, { headers: { 'last-event-id': '1700000000000-7' } }).ready();
    expect(unknown.seen).toEqual(['reset:cursor']);
    // A heartbeat moves the cursor of a client that sees nothing.
    await until(() => unknown.events.some(({ type, id }) => type === 'heartbeat' && id === again.cursor));
  });

  test('a client whose data is older than its connection gets what was invalidated since', async () => {
    const cache = backend.cache();
    const url = await serve(invalidationStream(cache));
    await reader(url).ready();
    await cache.invalidateTags(['a']);
    const young = await reader(`${url}?age=5000`).ready();
    await young.sees('a');
    const old = await reader(`${url}?age=86400000`).ready();
    expect(old.seen).toEqual(['reset:cursor']);
    expect((await reader(url).ready()).seen).toEqual([]);
  });

  test('closeAll ends it with a reason, and it can be used again', async () => {
    const cache = backend.cache();
    const stream = invalidationStream(cache);
    const url = await serve(stream);
    const first = await reader(url).ready();
    expect(stream.connections).toBe(1);
    await RedisManager.closeAll();
    await first.ends();
    expect(first.events.pop()).toMatchObject({ type: 'closing', data: '{"reason":"shutdown"}' });
    expect(stream.connections).toBe(0);
    await backend.reopen();
    const second = await reader(url).ready();
    await cache.invalidateTags(['x']);
    await second.sees('x');
  });
});
