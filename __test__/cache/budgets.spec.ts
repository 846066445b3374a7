/** C5, the other half: budgets count the server's silence. Whatever a healthy server needs time for is cached all the same. */
import { CacheMetrics, RedisManager, type CacheRepository } from '../../lib/facade';
import { nowMs } from '../helpers/clock';
import { Proxy } from '../helpers/proxy';
import { until } from '../helpers/until';
import { onServer, type Backend } from './backends';

// Bursts of 50,000 and 100,000 calls take some ten seconds on a machine with nothing else to do.
jest.setTimeout(120_000);

const MEGABYTE = 'x'.repeat(1 << 20);

/** Blocks the JavaScript thread. */
function busy(ms: number): void {
  const end = nowMs() + ms;
  while (nowMs() < end);
}

async function expectAll(cache: CacheRepository, keys: readonly string[]): Promise<void> {
  const values = await cache.getMany(keys);
  expect(values.filter((value) => value === null)).toHaveLength(0);
}

onServer('a burst', (backend) => {
  function listen(cache: CacheRepository): string[] {
    const said: string[] = [];
    cache.on('breaker', ({ message }) => said.push(message));
    cache.on('warning', ({ message }) => said.push(message));
    return said;
  }

  test.each([12_000, 50_000])('of %i tagged misses is stored and opens no breaker', async (count) => {
    // On a busy machine the burst may take longer than a lease lives by default.
    await backend.reopen({ cache: { leaseMs: 120_000 } });
    const cache = backend.cache();
    const said = listen(cache);
    const keys = Array.from({ length: count }, (_, i) => `k${i}`);
    await Promise.all(keys.map((key, i) => cache.getOrSet(key, () => i, { tags: [`t${i % 97}`, `u${i}`] })));
    expect(said).toEqual([]);
    await expectAll(cache, keys);
  });

  test('of 100,000 reads finds everything', async () => {
    const cache = backend.cache();
    const said = listen(cache);
    const keys = Array.from({ length: 100_000 }, (_, i) => `k${i}`);
    await cache.setMany(keys.map((key, value) => ({ key, value })));
    await expectAll(cache, keys);
    const loaded: string[][] = [];
    await cache.getOrSetMany(keys, (missing) => (loaded.push(missing), {}));
    expect([loaded, said]).toEqual([[], []]);
  });

  test('of 50,000 writes with tags is stored', async () => {
    const cache = backend.cache();
    const items = Array.from({ length: 50_000 }, (_, i) => ({ key: `k${i}`, value: i, tags: [`t${i % 10}`] }));
    await cache.setMany(items);
    await expectAll(cache, items.map(({ key }) => key));
    expect(await cache.deleteMany(items.map(({ key }) => key))).toBe(items.length);
  });

  test('leaves room for the commands of the application on the same connection', async () => {
    const cache = backend.cache();
    await cache.get('warm');
    const client = await RedisManager.getMainClient();
    const burst = Promise.all(Array.from({ length: 60_000 }, (_, i) => cache.getOrSet(`k${i}`, () => i, { tags: ['t', `u${i}`] })));
    await new Promise((resolve) => setImmediate(resolve));
    expect(await client.set('own', 'value')).toBe('OK');
    await burst;
  });

  test('of any size on a frozen server is over within one budget', async () => {
    const cache = backend.cache();
    const breaker: string[] = [];
    cache.on('breaker', ({ message }) => breaker.push(message));
    await cache.get('warm');
    backend.server.freeze();
    // How long so many calls take by themselves is measured when the breaker is open.
    const run = async (count: number): Promise<number> => {
      const start = nowMs();
      await Promise.all(Array.from({ length: count }, (_, i) => cache.getOrSet(`k${i}`, () => i, { tags: ['t', `u${i}`] })));
      return nowMs() - start;
    };
    const small = await run(10);
    const large = await run(30_000);
    // Five silences in a row would open it, and these were two.
    expect(breaker).toEqual([]);
    const open = await until(async () => {
      await cache.get('k');
      return breaker.some((text) => text.includes('open')) && (await run(30_000));
    }, { deadlineMs: 20_000 });
    expect(large).toBeLessThan(3 * Number(open) + small + 1500);
  });
});

onServer('a server behind a slow network', (backend) => {
  async function behindProxy(proxied: Backend, run: (proxy: Proxy, cache: CacheRepository) => Promise<void>): Promise<void> {
    const proxy = await Proxy.start(proxied.server);
    try {
      await proxied.reopen({ url: proxy.url });
      const cache = proxied.cache();
      await cache.set('warm', 1);
      await run(proxy, cache);
    } finally {
      await RedisManager.closeAll();
      await proxy.stop();
    }
  }
  const never = (): never => {
    throw new Error('it was cached');
  };

  test('a value of 4 MB at 10 MB/s is stored and is a hit, and so are small keys beside it', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      proxy.bytesPerSecond.toClient = proxy.bytesPerSecond.toServer = 10e6;
      const large = MEGABYTE.repeat(4);
      await cache.setMany([{ key: 'small', value: 1 }, { key: 'other', value: 2 }]);
      expect(await cache.getOrSet('large', () => large, { tags: ['t'] })).toBe(large);
      const reading = cache.getOrSet('large', never, { tags: ['t'] });
      await new Promise((resolve) => setImmediate(resolve));
      const beside = Promise.all([cache.getOrSet('small', never), cache.get('other'), cache.getMany(['small', 'large'])]);
      expect((await reading) === large).toBe(true);
      expect((await beside).flat().map((value) => (value === large ? 'large' : value))).toEqual([1, 2, 1, 'large']);
      expect(backend.warnings).toEqual([]);
    });
  });

  test('values of 8 MB at 5 MB/s are stored, in the time that they need to leave', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      proxy.bytesPerSecond.toServer = 5e6;
      const large = MEGABYTE.repeat(4);
      const storing = cache.getOrSet('large', () => large);
      await cache.setMany(Array.from({ length: 4 }, (_, i) => ({ key: `k${i}`, value: MEGABYTE })));
      await storing;
      expect(await cache.has('large')).toBe(true);
      expect(backend.warnings).toEqual([]);
    });
  });

  test('many large values at once arrive, each in its time', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      const keys = Array.from({ length: 12 }, (_, i) => `k${i}`);
      await cache.setMany(keys.map((key) => ({ key, value: MEGABYTE })));
      proxy.bytesPerSecond.toClient = 5e6;
      expect((await cache.getMany(keys)).map((value) => value === MEGABYTE)).toEqual(keys.map(() => true));
      expect(backend.warnings).toEqual([]);
    });
  });

  test('a round trip of 90 ms costs time and no hit', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      proxy.delayMs = 45;
      const load = async (): Promise<string> => cache.getOrSet('k', async ({ addTags }) => (await addTags(['late']), 'value'), { tags: ['t', 'u'] });
      expect(await load()).toBe('value');
      expect(await cache.getOrSet('k', never, { tags: ['t'] })).toBe('value');
      expect(await cache.get('k')).toBe('value');
      expect(await cache.getMany(['k', 'warm'])).toEqual(['value', 1]);
      await cache.setWithTags('w', 2, { tags: ['t'] });
      expect(await cache.invalidateTags(['t'])).toBe(2);
      expect(await cache.get('k')).toBeNull();
      expect(backend.warnings).toEqual([]);
    });
  });

  test('a round trip that eats the budget is said once, with the name of the option', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      const said: string[] = [];
      cache.on('warning', ({ message }) => said.push(message));
      proxy.delayMs = 160;
      await until(async () => {
        await cache.getOrSet('k', () => 1, { tags: ['t'] });
        return said.some((text) => text.includes('round trip'));
      }, { deadlineMs: 20_000 });
      for (let i = 0; i < 4; i++) await cache.getOrSet(`k${i}`, () => 1, { tags: ['t'] });
      const told = said.filter((text) => text.includes('round trip'));
      expect(told).toEqual([expect.stringContaining('commandTimeoutMs')]);
    });
  });

  test('a process that is busy again and again reads what is there, also through a slow network', async () => {
    await behindProxy(backend, async (proxy, cache) => {
      await cache.setWithTags('tagged', 'stored', { tags: ['t', 'u'] });
      proxy.delayMs = 10;
      const reading = cache.getOrSet('tagged', never, { tags: ['t'] });
      const blocks = setInterval(() => busy(350), 1);
      expect(await reading).toBe('stored');
      clearInterval(blocks);
      expect(CacheMetrics.snapshot().misses).toBe(0);
    });
  });
});
