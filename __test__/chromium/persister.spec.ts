/** The persister on a browser's own IndexedDB, with the oldest and the newest peers, and the times of tiers in TanStack Query. */
import type { BrowserContext, Page } from 'playwright-core';
import { until } from '../helpers/until';
import { withBrowser } from './chromium';
import { has, inPage, Site, type Peers } from './site';

jest.setTimeout(60_000);

const { context, page: newPage } = withBrowser();

/** The keys and counts of the queries that are stored, read without the package. */
function stored(page: Page, key = 'queries'): Promise<Record<string, number> | undefined> {
  return page.evaluate(async (at) => {
    const { indexedDB } = globalThis as any;
    // Opening would make an empty one.
    const databases: { name: string }[] = await indexedDB.databases();
    if (!databases.some(({ name }) => name === 'hawser')) return undefined;
    const database: any = await new Promise((resolve, reject) => {
      const opening = indexedDB.open('hawser');
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => resolve(opening.result);
    });
    const value: any = await new Promise((resolve) => {
      const request = database.transaction('queries').objectStore('queries').get(at);
      request.onsuccess = () => resolve(request.result);
    });
    database.close();
    return value && Object.fromEntries(value.clientState.queries.map(({ queryKey, state }: any) => [queryKey[0], state.data.n]));
  }, key);
}

const holds = (page: Page, what: object | undefined, key?: string): Promise<unknown> =>
  until(async () => JSON.stringify(await stored(page, key)) === JSON.stringify(what), { deadlineMs: 20_000, everyMs: 20, what: `${JSON.stringify(what)} in IndexedDB` });

describe.each<Peers>(['newest', 'oldest'])('%s peers', (peers) => {
  let site: Site;
  beforeAll(async () => {
    site = await Site.start(peers);
  });
  afterAll(() => site.stop());

  async function open(profile?: BrowserContext, options: object = {}): Promise<Page> {
    const page = await newPage(profile);
    await page.goto(site.url);
    await inPage(page, (app, given) => app.persist(given), options);
    return page;
  }

  async function show(page: Page, name: string): Promise<number> {
    await inPage(page, (app, key) => app.show(key, key === 'orders' ? 'orders' : 'prices', []), name);
    return until(() => inPage(page, (app, key) => app.data(key)?.n, name), { deadlineMs: 20_000 });
  }

  test('queries of tiers that persist survive a reload, with their types, and are fresh as long as their tier says', async () => {
    const page = await open();
    const prices = await show(page, 'prices');
    const orders = await show(page, 'orders');
    await holds(page, { prices });
    await page.reload();
    await inPage(page, (app) => app.persist());
    expect(await inPage(page, (app) => [app.data('prices'), app.data('orders')])).toEqual([{ n: prices, at: true }, undefined]);
    // What is fresh for ever is not fetched; what is not stored is.
    await show(page, 'prices');
    expect(await show(page, 'orders')).toBe(orders + 1);
    expect(site.fetches.prices).toBe(prices);
    expect(await inPage(page, (app) => [app.options('orders')?.staleTime, app.options('orders')?.gcTime])).toEqual([30_000, 300_000]);
  });

  test('another buster drops what is stored', async () => {
    const profile = await context();
    const page = await open(profile, { buster: 'v1' });
    await holds(page, { prices: await show(page, 'prices') });
    await page.close();
    const next = await open(profile, { buster: 'v2' });
    expect(await inPage(next, (app) => app.data('prices'))).toBeUndefined();
  });

  test('what is older than maxAge is dropped', async () => {
    const profile = await context();
    const page = await open(profile);
    await holds(page, { prices: await show(page, 'prices') });
    await page.close();
    await profile.addInitScript(() => {
      const now = Date.now;
      Date.now = () => now() + 25 * 3_600_000;
    });
    const late = await open(profile);
    expect(await inPage(late, (app) => app.data('prices'))).toBeUndefined();
  });

  test('tabs of one browser share what is stored, each can write, and users have caches of their own', async () => {
    const profile = await context();
    const [a, b] = await Promise.all([open(profile), open(profile)]);
    await Promise.all([show(a, 'prices'), show(b, 'prices')]);
    for (let n = 1; n <= 20; n++) {
      await Promise.all([inPage(a, (app, i) => app.set('prices', 1000 + i), n), inPage(b, (app, i) => app.set('prices', 2000 + i), n)]);
    }
    await until(async () => [1020, 2020].includes((await stored(a))?.prices ?? 0), { deadlineMs: 20_000, everyMs: 20 });
    await inPage(a, (app) => app.set('prices', 3000));
    await holds(b, { prices: 3000 });
    await b.reload();
    await inPage(b, (app) => app.persist());
    await has(b, 'prices', 3000);
    const other = await open(profile, { key: 'user:2' });
    expect(await inPage(other, (app) => app.data('prices'))).toBeUndefined();
    await holds(other, { prices: await show(other, 'prices') }, 'user:2');
    await holds(other, { prices: 3000 });
  });

  test('a database that the browser has closed, because its data was cleared, is opened again', async () => {
    const page = await open();
    await holds(page, { prices: await show(page, 'prices') });
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Storage.clearDataForOrigin', { origin: new URL(site.url).origin, storageTypes: 'indexeddb' });
    await inPage(page, (app) => app.set('prices', 500));
    await holds(page, { prices: 500 });
    expect(await inPage(page, (app) => app.seen.errors)).toEqual([]);
  });

  test('a browser without IndexedDB is told to the application, which goes on', async () => {
    const profile = await context();
    await profile.addInitScript(() => {
      Object.defineProperty(globalThis, 'indexedDB', { get: () => ({ open: () => { throw new DOMException('denied', 'SecurityError'); } }) });
    });
    const page = await open(profile);
    expect(await show(page, 'prices')).toBe(site.fetches.prices);
    await until(async () => (await inPage(page, (app) => app.seen.errors)).length >= 2, { deadlineMs: 20_000 });
    expect((await inPage(page, (app) => app.seen.errors))[0]).toContain('denied');
  });
});
