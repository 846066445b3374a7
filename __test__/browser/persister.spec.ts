/** The persister, with TanStack's own core and an implementation of IndexedDB in memory. */
import 'fake-indexeddb/auto';
import { QueryClient } from '@tanstack/query-core';
import * as persistCore from '@tanstack/query-persist-client-core';
// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- its types say that it is an ES module alone
// @ts-ignore
import { IDBFactory } from 'fake-indexeddb';
// eslint-disable-next-line @typescript-eslint/ban-ts-comment -- its types say that it is an ES module alone
// @ts-ignore
import { createStore, set } from 'idb-keyval';
import { defineTiers, queryDefaults } from '../../lib/browser';
import { indexedDbPersister, persistOptions } from '../../lib/browser/persister';
import { until } from '../helpers/until';

// It may bring a core of its own version, whose classes have private members.
type Props = { queryClient: QueryClient } & ReturnType<typeof persistOptions>;
const persistQueryClientSave = persistCore.persistQueryClientSave as unknown as (props: Props) => Promise<void>;
const persistQueryClientRestore = persistCore.persistQueryClientRestore as unknown as (props: Props) => Promise<void>;

const tiers = defineTiers({ orders: { ttl: 300, browser: { staleTime: 30 } }, prices: { ttl: 3600, browser: { staleTime: Infinity, persist: true } } });
const defaults = queryDefaults(tiers);
const clients: QueryClient[] = [];
const page = globalThis as { indexedDB?: unknown };

function newClient(): QueryClient {
  const client = new QueryClient();
  clients.push(client);
  return client;
}

async function filled(): Promise<QueryClient> {
  const client = newClient();
  await client.fetchQuery({ ...defaults.orders, queryKey: ['orders'], queryFn: () => 'o' });
  await client.fetchQuery({ ...defaults.prices, queryKey: ['prices'], queryFn: () => new Date(0) });
  return client;
}

beforeEach(() => {
  page.indexedDB = new IDBFactory();
});
afterEach(() => {
  for (const client of clients.splice(0)) client.clear();
});

const quick = { throttleMs: 0 };

test('queries of tiers that persist survive a new page, others do not', async () => {
  await persistQueryClientSave({ queryClient: await filled(), ...persistOptions(quick) });
  const next = newClient();
  await persistQueryClientRestore({ queryClient: next, ...persistOptions(quick) });
  // IndexedDB keeps what JSON does not.
  expect(next.getQueryData(['prices'])).toEqual(new Date(0));
  expect(next.getQueryData(['orders'])).toBeUndefined();
});

test('another buster, and time, drop what is stored', async () => {
  const save = async (): Promise<void> => persistQueryClientSave({ queryClient: await filled(), ...persistOptions({ ...quick, buster: 'v1' }) });
  await save();
  await persistQueryClientRestore({ queryClient: newClient(), ...persistOptions({ ...quick, buster: 'v2' }) });
  expect(await indexedDbPersister().restoreClient()).toBeUndefined();
  await save();
  const stored = await indexedDbPersister({ buster: 'v1' }).restoreClient();
  expect(stored?.clientState).toMatchObject({ queries: [{ queryKey: ['prices'] }] });
  const late = indexedDbPersister({ maxAge: 1_000 });
  const now = Date.now();
  const clock = jest.spyOn(Date, 'now').mockReturnValue(now + 2_000);
  expect(await late.restoreClient()).toBeUndefined();
  clock.mockRestore();
  expect(await indexedDbPersister().restoreClient()).toBeUndefined();
});

test('many changes are one write, of the latest', async () => {
  const persister = indexedDbPersister({ throttleMs: 20 });
  await Promise.all([1, 2, 3].map((n) => persister.persistClient({ timestamp: Date.now(), buster: '', clientState: { n } })));
  expect((await persister.restoreClient())?.clientState).toEqual({ n: 3 });
});

test('a cache that is removed stays removed, also if a write was waiting', async () => {
  const persister = indexedDbPersister({ throttleMs: 20 });
  const writing = persister.persistClient({ timestamp: Date.now(), buster: '', clientState: {} });
  await persister.removeClient();
  await writing;
  expect(await persister.restoreClient()).toBeUndefined();
});

test('users and databases have caches of their own', async () => {
  const client = { timestamp: Date.now(), buster: '', clientState: 1 };
  await indexedDbPersister({ ...quick, key: 'user:1' }).persistClient(client);
  expect(await indexedDbPersister({ key: 'user:2' }).restoreClient()).toBeUndefined();
  expect(await indexedDbPersister({ key: 'user:1', database: 'other' }).restoreClient()).toBeUndefined();
  expect(await indexedDbPersister({ key: 'user:1' }).restoreClient()).toEqual(client);
});

test('a browser that refuses is told to the application, which goes on', async () => {
  const errors: unknown[] = [];
  const persister = indexedDbPersister({ ...quick, onError: (error) => errors.push(error) });
  page.indexedDB = { open: () => { throw new DOMException('no', 'SecurityError'); } };
  expect(await persister.restoreClient()).toBeUndefined();
  await persister.persistClient({ timestamp: 1, buster: '', clientState: {} });
  await persister.removeClient();
  await until(() => errors.length === 3);
  expect(errors).toContainEqual(expect.objectContaining({ name: 'SecurityError' }));
});

test('what is stored by somebody else is dropped', async () => {
  await set('queries', 'text', createStore('hawser', 'queries'));
  expect(await indexedDbPersister().restoreClient()).toBeUndefined();
});

test.each<[string, object]>([
  ['options.maxAge must be a number of milliseconds from 0, got -1', { maxAge: -1 }],
  ['options.buster must be a string, got 5', { buster: 5 }],
  ['options.key must be a non-empty string, got an empty string', { key: '' }],
  ['options.max is not an option; there are: database, key, buster, maxAge, throttleMs, shouldPersist, onError', { max: 1 }],
])('%s', (message, options) => {
  expect(() => persistOptions(options)).toThrow(expect.objectContaining({ message, code: 'E_BAD_OPTION' }));
  expect(() => indexedDbPersister(options)).toThrow(message);
});
