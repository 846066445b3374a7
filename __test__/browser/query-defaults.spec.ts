/** Tiers in a browser: options of TanStack Query, and what errors say. */
import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { defineTiers, presetTiers, queryDefaults, withTags } from '../../lib/browser';
import * as backend from '../../lib/facade';

const tiers = defineTiers({
  orders: { ttl: 300, tags: ['all'], browser: { staleTime: 30 } },
  prices: { ttl: 3600, browser: { staleTime: Infinity, persist: true } },
  archive: { ttl: 3600, browser: { staleTime: 60, gcTime: 90 * 86_400 } },
  internal: { ttl: 5 },
});

test('times of a tier become those of its queries, in milliseconds', () => {
  const defaults = queryDefaults(tiers);
  expect(defaults.orders).toEqual({ staleTime: 30_000, gcTime: 300_000, meta: { tier: 'orders', tags: ['all'], persist: false } });
  expect(defaults.prices).toEqual({ staleTime: Infinity, gcTime: Infinity, meta: { tier: 'prices', tags: [], persist: true } });
  expect(defaults.internal).toEqual({ meta: { tier: 'internal', tags: [], persist: false } });
  expect(Object.keys(defaults)).toEqual(['orders', 'prices', 'archive', 'internal']);
});

test('data that is kept longer than a timer can wait is kept', () => {
  expect(queryDefaults(tiers).archive?.gcTime).toBe(Infinity);
});

test('tiers that the backend has defined are the same here', () => {
  expect(queryDefaults(backend.defineTiers({ a: { ttl: 1, browser: { staleTime: 1 } } })).a.staleTime).toBe(1000);
  expect(queryDefaults(backend.presetTiers)).toEqual(queryDefaults(presetTiers));
});

test('TanStack Query takes them over', async () => {
  const client = new QueryClient();
  client.mount();
  let fetches = 0;
  const options = { ...withTags(queryDefaults(tiers).orders, ['company:1']), queryKey: ['orders'], queryFn: () => ++fetches };
  await client.fetchQuery(options);
  await client.fetchQuery(options);
  expect(fetches).toBe(1);
  const [query] = client.getQueryCache().getAll();
  expect(query?.meta).toEqual({ tier: 'orders', tags: ['all', 'company:1'], persist: false });
  const observer = new QueryObserver(client, options);
  expect(observer.getCurrentResult().isStale).toBe(false);
  client.clear();
  client.unmount();
});

test('withTags changes nothing that it was given, and takes a tier as well', () => {
  const { orders } = queryDefaults(tiers);
  expect(withTags(orders, ['b', 'all', 'b']).meta.tags).toEqual(['all', 'b']);
  expect(orders.meta.tags).toEqual(['all']);
  expect(withTags(tiers.prices, ['p'])).toEqual({ ...queryDefaults(tiers).prices, meta: { tier: 'prices', tags: ['p'], persist: true } });
});

test.each<[string, () => unknown]>([
  ['tiers must be an object, got undefined', () => queryDefaults(undefined as never)],
  ['tiers.orders must be a tier of defineTiers, got an object', () => queryDefaults({ orders: { ttl: 1 } } as never)],
  ['defaults must be a tier of defineTiers, got 5', () => withTags(5 as never, [])],
  ['tags must be an array of strings, got a string', () => withTags(queryDefaults(tiers).orders, 'a' as never)],
  ['tags[1] must be a non-empty string, got an empty string', () => withTags(queryDefaults(tiers).orders, ['a', ''])],
])('%s', (message, run) => {
  expect(run).toThrow(expect.objectContaining({ message, code: 'E_BAD_OPTION' }));
});
