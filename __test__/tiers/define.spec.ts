/** Definitions of tiers: what is accepted, what errors say, and the table. */
import { CachedService, CacheRepository, defineTiers, presetTiers, tierTable } from '../../lib/facade';

const browser = { staleTime: 30 };

test('a tier has its name, its times, and the defaults of the browser', () => {
  const tiers = defineTiers({ orders: { ttl: 300, staleAfter: 60, tags: ['all', 'all'], target: 0.75, browser }, wallet: { direct: true } });
  expect(Object.keys(tiers)).toEqual(['orders', 'wallet']);
  expect(tiers.orders).toMatchObject({ name: 'orders', ttl: 300, staleAfter: 60, tags: ['all'], target: 0.75, direct: false });
  expect(tiers.orders.browser).toEqual({ staleTime: 30, gcTime: 300, persist: false });
  expect(tiers.wallet).toMatchObject({ name: 'wallet', ttl: undefined, direct: true, browser: undefined });
  // @ts-expect-error -- names are checked by the compiler
  expect(tiers.order).toBeUndefined();
});

test('a tier does not change with the object that defined it', () => {
  const options = { ttl: 300, tags: ['a'], browser: { staleTime: 1 } };
  const { t } = defineTiers({ t: options });
  options.ttl = 1;
  options.tags.push('b');
  options.browser.staleTime = 2;
  expect([t.ttl, t.tags, t.browser?.staleTime]).toEqual([300, ['a'], 1]);
  expect(() => ((t as { ttl?: number }).ttl = 1)).toThrow(TypeError);
});

test('names of Object.prototype are names like others', () => {
  const tiers = defineTiers({ ['__proto__']: { ttl: 1 }, constructor: { ttl: 2 } });
  expect(Object.values(tiers).map(({ ttl }) => ttl)).toEqual([1, 2]);
});

test.each<[definition: unknown, says: string]>([
  [null, 'tiers must be an object, got null'],
  [[], 'tiers must be an object, got an array'],
  [{ orders: 300 }, 'tiers.orders must be an object, got 300'],
  [{ orders: {} }, 'tiers.orders.ttl must be a number of seconds from 0.001 to ten years, got undefined'],
  [{ orders: { ttl: -5 } }, 'tiers.orders.ttl must be a number of seconds from 0.001 to ten years, got -5'],
  [{ orders: { ttl: '300' } }, 'tiers.orders.ttl must be a number of seconds from 0.001 to ten years, got a string'],
  [{ orders: { ttl: NaN } }, 'tiers.orders.ttl must be a number of seconds from 0.001 to ten years, got NaN'],
  [{ orders: { ttl: 300, staleAfter: 301 } }, 'tiers.orders.staleAfter must be a number of seconds from 0 to tiers.orders.ttl (300), got 301'],
  [{ orders: { ttl: 300, staleIfError: Infinity } }, 'tiers.orders.staleIfError must be a number of seconds from 0 to ten years, got Infinity'],
  [{ orders: { ttl: 300, tags: 'orders' } }, 'tiers.orders.tags must be an array of strings, got a string'],
  [{ orders: { ttl: 300, tags: ['a', 7] } }, 'tiers.orders.tags[1] must be a non-empty string, got 7'],
  [{ orders: { ttl: 300, target: 75 } }, 'tiers.orders.target must be a share from 0 to 1, got 75'],
  [{ orders: { ttl: 300, nearCache: { maxBytes: 0 } } }, 'tiers.orders.nearCache.maxBytes must be a positive number of bytes, got 0'],
  [{ orders: { ttl: 300, nearCache: { maxBytes: 1, share: 'all' } } }, "tiers.orders.nearCache.share must be 'copy' or 'frozen', got a string"],
  [{ orders: { ttl: 300, browser: {} } }, 'tiers.orders.browser.staleTime must be a number of seconds from 0, or Infinity, got undefined'],
  [{ orders: { ttl: 300, browser: { staleTime: 60, gcTime: 30 } } }, 'tiers.orders.browser.gcTime must be a number of seconds from tiers.orders.browser.staleTime (60), or Infinity, got 30'],
  [{ orders: { ttl: 300, browser: { staleTime: 1, persist: 'yes' } } }, 'tiers.orders.browser.persist must be true or false, got a string'],
  [{ orders: { ttl: 300, tll: 1 } }, 'tiers.orders.tll is not an option; there are: ttl, direct, staleAfter, staleIfError, tags, nearCache, target, browser'],
  [{ wallet: { direct: true, ttl: 1 } }, 'tiers.wallet.ttl must be absent in a tier that is direct, got 1'],
  [{ wallet: { direct: 'yes' } }, 'tiers.wallet.direct must be true or false, got a string'],
])('%j is refused', (definition, says) => {
  expect(() => defineTiers(definition as never)).toThrow(expect.objectContaining({ message: says, code: 'E_BAD_OPTION' }) as Error);
});

test('a repository refuses what defineTiers has not made', () => {
  for (const tier of ['orders', { name: 'orders', ttl: 300 }, null, defineTiers({ a: { ttl: 1 } })]) {
    expect(() => new CacheRepository('x', { tier: tier as never })).toThrow('cache.tier must be a tier of defineTiers');
  }
  class Orders extends CachedService {
    protected serviceName = 'orders';
    protected override tier = 'orders' as never;
    read(): unknown {
      return this.cache;
    }
  }
  expect(() => new Orders().read()).toThrow('cache.tier must be a tier of defineTiers');
});

test('the preset has the times of lists, dashboards, prices, permissions and balances', () => {
  const times = Object.values(presetTiers).map(({ name, ttl, staleAfter, direct, browser }) => [name, direct ? 'direct' : ttl, staleAfter, browser?.staleTime]);
  expect(times).toEqual([
    ['orders', 300, undefined, 30],
    ['analytics', 900, 300, 300],
    ['pricing', 3600, undefined, Infinity],
    ['permissions', 300, undefined, 300],
    ['wallet', 'direct', undefined, 10],
  ]);
});

test('the table has a row for each tier', () => {
  const lines = tierTable(presetTiers).split('\n');
  expect(lines).toHaveLength(6);
  expect(lines[0]).toMatch(/^tier +ttl +stale after +/);
  expect(lines[2]).toMatch(/^analytics +900 s +300 s +.* 90 % +300 s +300 s +-$/);
  expect(lines[3]).toMatch(/for ever +for ever +yes$/);
  expect(lines[5]).toMatch(/^wallet +direct +- /);
  expect(() => tierTable({ orders: { ttl: 1 } } as never)).toThrow('tiers.orders must be a tier of defineTiers, got an object');
});
