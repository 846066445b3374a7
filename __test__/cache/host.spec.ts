/** The cache within its process: async context, fake timers, many calls, many openings. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { PubSubService, RedisManager } from '../../lib/facade';
import { until } from '../helpers/until';
import { onEveryStore } from './backends';

onEveryStore('the cache in its process', (backend) => {
  test('a loader runs in the async context of its caller, whichever tick the reply arrives in', async () => {
    const cache = backend.cache();
    const context = new AsyncLocalStorage<number>();
    const read = (i: number): Promise<(string | number | undefined)[]> =>
      context.run(i, async () => {
        const inLoader = await cache.getOrSet(`k${i}`, () => String(context.getStore()), { tags: ['t'] });
        return [inLoader, context.getStore()];
      });
    const results = await Promise.all(Array.from({ length: 50 }, (_, i) => read(i)));
    expect(results).toEqual(results.map((_, i) => [String(i), i]));
    const many = await context.run(7, () => cache.getOrSetMany(['m'], (keys) => new Map(keys.map((key) => [key, context.getStore()]))));
    expect(many).toEqual([7]);
  });

  describe('with fake timers', () => {
    afterEach(() => jest.useRealTimers());

    test('reads, loads, writes and waits for a lease work as usual', async () => {
      const cache = backend.cache();
      jest.useFakeTimers();
      await cache.setWithTags('k', 1, { tags: ['t'] });
      expect(await cache.getOrSet('k', () => 2)).toBe(1);
      expect(await cache.invalidateTags(['t'])).toBe(1);
      let finish = (_: string): void => undefined;
      const slow = cache.getOrSet('slow', () => new Promise<string>((resolve) => (finish = resolve)));
      expect(await cache.getOrSet('slow', () => 'own', { lockTimeoutMs: 30 })).toBe('own');
      finish('slow');
      expect(await slow).toBe('slow');
      await RedisManager.closeAll();
    });
  });

  test('fifty thousand calls in one tick are all answered', async () => {
    const cache = backend.cache();
    const n = 50_000;
    await cache.setMany(Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: i, tags: ['t'] })));
    const values = await Promise.all(Array.from({ length: n }, (_, i) => cache.getOrSet(`k${i % 100}`, () => -1, { tags: ['t'], ttl: 60 })));
    // The cache answers, or past the budget the loader does, because the machine may be busy.
    expect(values.every((value, i) => value === i % 100 || value === -1)).toBe(true);
    expect(values.filter((value) => value !== -1).length).toBeGreaterThan(0);
  });

  test('a value of 20 MB is stored and read', async () => {
    await backend.reopen({ cache: { commandTimeoutMs: 20_000, writeTimeoutMs: 20_000 } });
    const cache = backend.cache();
    const value = { text: 'x'.repeat(10_000_000), umlauts: 'ü'.repeat(5_000_000) };
    await cache.set('k', value);
    const back = await cache.get<typeof value>('k');
    expect(back?.text === value.text && back.umlauts === value.umlauts).toBe(true);
    await cache.delete('k');
  });

  test('a hundred openings and closings leave nothing behind', async () => {
    const cache = backend.cache();
    const round = async (): Promise<void> => {
      await PubSubService.initialize();
      await cache.getOrSet('k', () => 1, { tags: ['t'] });
      await cache.invalidateTags(['t']);
      await PubSubService.publish({ type: 'key', target: 'k' });
      await RedisManager.closeAll();
    };
    const sockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
    const left = (): number[] => [process.listenerCount('exit'), process.listenerCount('SIGTERM'), sockets()];
    await round();
    const before = left();
    for (let i = 0; i < 100; i++) await round();
    // On a busy machine the first round's sockets may still have been closing when they were counted.
    await until(() => left().every((count, i) => count <= before[i]), { deadlineMs: 10_000 });
    if (backend.kind === 'redis') await until(async () => (await backend.server.clientIds()).length === 0);
  });
});
