/** The tags of an entry: those of its callers, up to a limit, and those that its own loader added. Leases on a server that evicts. */
import { serverForAll } from '../helpers/lifetimes';
import { RedisManager, CacheRepository } from '../../lib/facade';
import { until } from '../helpers/until';
import { onEveryTopology, onServer } from './backends';

onEveryTopology('tags of an entry', (backend) => {
  test('tags that a loader added belong to its load: neither a later load nor a refresh inherits them', async () => {
    const cache = backend.cache({ ttl: 600 });
    const read = (name: string): Promise<string> =>
      cache.getOrSet('k', async ({ addTags }) => {
        await addTags([`of:${name}`]);
        return name;
      }, { tags: ['caller'] });
    expect(await read('first')).toBe('first');
    // The number is an estimate; the reads show what was invalidated.
    await cache.invalidateTags(['of:first']);
    expect(await read('second')).toBe('second');
    expect(await cache.invalidateTags(['of:first'])).toBe(0);
    expect(await read('third')).toBe('second');
    await cache.invalidateTags(['of:second']);
    expect(await read('fourth')).toBe('fourth');
    await cache.invalidateTags(['caller']);
    expect(await read('fifth')).toBe('fifth');
  });

  test('a refresh carries the tags of the callers and those that its own loader adds', async () => {
    const cache = backend.cache({ ttl: 600, staleAfter: 0.02 });
    let run = 0;
    const read = (): Promise<number> =>
      cache.getOrSet('k', async ({ addTags }) => {
        const own = ++run;
        await addTags([`of:${own}`]);
        return own;
      }, { tags: ['caller'] });
    await read();
    await until(async () => (await read()) >= 3);
    const now = await read();
    await cache.invalidateTags(['of:1']);
    expect(await cache.get('k')).toBeGreaterThanOrEqual(now);
    expect(await cache.invalidateTags(['caller'])).toBe(1);
    expect(await read()).toBeGreaterThan(now);
  });

  test('the tags of an entry stay within the limit when callers name different tags for one key, and the overflow is reported once', async () => {
    const cache = backend.cache({ ttl: 600 });
    let loads = 0;
    for (let n = 0; n < 200; n++) await cache.getOrSet('k', () => ++loads, { tags: [`t${n}`, `u${n}`] });
    expect(await cache.getOrSet('k', () => 'again', { tags: ['t199', 'u199'] })).toBe(loads);
    await cache.invalidateTags(['t0']);
    expect(await cache.get('k')).toBe(loads);
    await cache.invalidateTags(['t199']);
    expect(await cache.getOrSet('k', () => 'again', { tags: ['t199'] })).toBe('again');
    expect(backend.warnings.filter((line) => line.includes('different tags for one key'))).toHaveLength(1);
  });

  test('when the tags of callers in one tick exceed the limit together, each caller gets a value that its own tags invalidate', async () => {
    const cache = backend.cache();
    const tags = (name: string): string[] => Array.from({ length: 40 }, (_, n) => `${name}${n}`);
    const read = (name: string): Promise<string> => cache.getOrSet('k', () => name, { tags: tags(name) });
    for (const value of await Promise.all([read('a'), read('b')])) expect(['a', 'b']).toContain(value);
    await cache.invalidateTags(['a39', 'b39']);
    expect(await cache.getOrSet('k', () => 'new', { tags: tags('b') })).toBe('new');
  });

  test('tags that a loader adds take precedence over inherited ones', async () => {
    const cache = backend.cache();
    const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);
    await cache.getOrSet('k', () => 1, { tags: many('old', 60) });
    await cache.getOrSet('k', async ({ addTags }) => {
      await addTags(many('added', 30));
      return 2;
    }, { tags: ['mine'] });
    let loads = 0;
    expect(await cache.getOrSet('k', () => ++loads, { tags: ['mine'] })).toBe(2);
    expect(await cache.invalidateTags(['added29'])).toBe(1);
    expect(await cache.getOrSet('k', () => ++loads, { tags: ['mine'] })).toBe(1);
  });

  test('an inherited tag that the loader names as well is not given up for others', async () => {
    const cache = backend.cache();
    const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);
    for (const [key, order] of [['one call', [['old7', ...many('added', 30)]]], ['two calls', [['old7'], many('added', 30)]]] as const) {
      await cache.getOrSet(key, () => 1, { tags: many('old', 40) });
      await cache.getOrSet(key, async ({ addTags }) => {
        for (const tags of order) await addTags([...tags]);
        return 2;
      }, { tags: many('mine', 20) });
      expect(await cache.get(key)).toBe(2);
      await cache.invalidateTags(['old7']);
      expect(await cache.get(key)).toBeNull();
    }
  });

  test('tags that are added at the same time stay within the bound together', async () => {
    const cache = backend.cache();
    const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);
    await cache.getOrSet('k', () => 1, { tags: many('old', 20) });
    await cache.getOrSet('k', async ({ addTags }) => {
      await Promise.all([addTags(many('a', 20)), addTags(many('b', 20))]);
      return 2;
    }, { tags: many('mine', 20) });
    expect(await cache.explain('k')).toHaveProperty('tags.length', 60);
  });

  test.each([20, 44])('%d tags of a result take precedence over inherited ones', async (count) => {
    const cache = backend.cache();
    const many = (name: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${name}${n}`);
    const tagsFrom = (): string[] => ['old7', ...many('result', count - 1)];
    for (let n = 0; n < 3; n++) {
      // The tags of a result are known to the process from the second load on, on a cluster too.
      await cache.getOrSet(`first${n}`, () => 0, { tagsFrom });
      await cache.getOrSet('k', () => 1, { tags: many('old', 40) });
      await cache.getOrSet('k', () => 2, { tags: many('mine', 20), tagsFrom });
      let loads = 0;
      expect(await cache.getOrSet('k', () => ++loads, { tags: many('mine', 20) })).toBe(2);
      await cache.invalidateTags(['old7']);
      expect(await cache.get('k')).toBeNull();
    }
  });
});

onServer('tags of an entry', (backend) => {
  test('after hundreds of loads with different tags, a hit costs as much as the first one', async () => {
    const cache = backend.cache();
    const load = (n: number): Promise<number> => cache.getOrSet('k', async ({ addTags }) => {
      await addTags([`own${n}`]);
      return n;
    }, { tags: ['t'] });
    const commands = async (): Promise<number> => {
      const processed = async (): Promise<number> => Number((await backend.server.info('stats')).total_commands_processed);
      const before = await processed();
      await cache.getOrSet('k', () => -1, { tags: ['t'] });
      return (await processed()) - before;
    };
    await load(0);
    const first = await commands();
    for (let n = 1; n < 300; n++) {
      await cache.invalidateTags([`own${n - 1}`]);
      expect(await load(n)).toBe(n);
    }
    expect(await commands()).toBeLessThanOrEqual(first + 1);
  });
});

describe('leases on a server that evicts the keys that expire first', () => {
  const server = serverForAll({ args: ['--maxmemory', '6mb', '--maxmemory-policy', 'volatile-ttl'] });
  afterEach(() => RedisManager.closeAll());

  test('a load under way is stored although other keys fill the memory meanwhile', async () => {
    RedisManager.configure({ url: server.url });
    const cache = new CacheRepository('evicted', { ttl: 3600 });
    let stored = 0;
    for (let n = 0; n < 12; n++) {
      await cache.getOrSet(`k${n}`, async () => {
        const redis = await RedisManager.getMainClient();
        const fill = redis.pipeline();
        for (let m = 0; m < 300; m++) fill.set(`fill:${n}:${m}`, 'x'.repeat(2000), 'EX', 600 + m);
        await fill.exec();
        return n;
      });
      if (await cache.has(`k${n}`)) stored++;
    }
    expect(stored).toBe(12);
  });
});
