/** What the browser keeps on its disk: for whom, how long, and what becomes of it. */
import type { Page } from 'playwright-core';
import { browsersOf, firstOrder, keeps, live, rowOf, signIn, stackForPages, stored, tokenOf, until } from '../browsers';

jest.setTimeout(300_000);

const { stack } = stackForPages();
const { open } = browsersOf(stack);

const OWNER = 'user:u-c1-owner';
const GHOST = 'Ghost of another build';

/** A place of the page's origin where the page's program does not run. */
const leave = (page: Page): Promise<unknown> => page.goto(`${stack.url}/favicon.svg`);

/** Breaks the lists that are stored: their rows become a text. With another buster, they are another build's. */
function breakLists(page: Page, buster?: string): Promise<void> {
  return page.evaluate(
    async ([key, text, other]) => {
      const database: any = await new Promise((resolve) => ((globalThis as any).indexedDB.open('shipcrowd').onsuccess = (event: any) => resolve(event.target.result)));
      const done = (request: any): Promise<any> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
      const store = database.transaction('queries', 'readwrite').objectStore('queries');
      const client = await done(store.get(key));
      if (other !== undefined) client.buster = other;
      for (const { state } of client.clientState.queries) if (Array.isArray(state.data?.items)) state.data.items = text;
      await done(store.put(client, key));
      database.close();
    },
    [OWNER, GHOST, buster] as const,
  );
}

/** The owner's list, on the disk, and the page left. */
async function kept(): Promise<{ page: Page; first: string; context: Awaited<ReturnType<typeof open>>['context'] }> {
  const { page, context } = await open('/orders', 'owner', 1, { settled: true });
  const first = await firstOrder(page);
  await until(() => keeps(page, first), 'the list in IndexedDB');
  await leave(page);
  return { page, context, first };
}

test('within its stale time, data that was kept is shown without a request', async () => {
  const { page, first } = await kept();
  const asked: string[] = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/api/')) asked.push(pathname);
  });
  await page.goto(`${stack.url}/orders`);
  await rowOf(page, first).waitFor();
  await live(page);
  // The user's permissions and the stream are asked for each time. 30 seconds have not passed, unless the machine was asleep.
  expect(asked.filter((path) => path !== '/api/auth/me' && path !== '/api/stream')).toEqual([]);
});

test('what another build of the page has stored is dropped, and not shown: with a network and without', async () => {
  const { page, context, first } = await kept();
  await breakLists(page, 'another-build');
  expect(await keeps(page, GHOST)).toBe(true);
  await context.setOffline(true);
  await page.goto(`${stack.url}/orders`);
  await page.getByText('Not available without a connection').waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await until(async () => !(await keeps(page, GHOST)), 'a disk without the other build');
  await context.setOffline(false);
  await rowOf(page, first).waitFor();

  await until(() => keeps(page, first), 'the list in IndexedDB');
  await leave(page);
  await breakLists(page, 'another-build');
  await page.goto(`${stack.url}/orders`);
  await rowOf(page, first).waitFor();
  await until(async () => (await keeps(page, first)) && !(await keeps(page, GHOST)), 'a disk with the data of this build');
});

test('stored data of this build that cannot be drawn is fetched again', async () => {
  const { page, first } = await kept();
  await breakLists(page);
  await page.goto(`${stack.url}/orders`);
  await rowOf(page, first).waitFor();
  expect(await page.getByText('This page cannot be shown').count()).toBe(0);
  await until(async () => !(await keeps(page, GHOST)), 'a disk without what was broken');
});

test('somebody else who signs in on the same browser sees and keeps nothing of the former user, however their session ended', async () => {
  const { page, first } = await kept();
  // Not by signing out: the session is gone, the data is still there.
  await page.evaluate(() => (globalThis as any).localStorage.clear());
  expect(Object.keys(await stored(page))).toEqual([OWNER]);
  await page.goto(stack.url);
  await page.getByLabel('Work email').fill('owner@c2.example');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(page);
  await page.goto(`${stack.url}/orders`);
  const other = await firstOrder(page);
  expect(other).not.toBe(first);
  expect(await rowOf(page, first).count()).toBe(0);
  await until(() => keeps(page, other), 'the other list in IndexedDB');
  expect(Object.keys(await stored(page))).toEqual(['user:u-c2-owner']);
});

test('a session that was ended elsewhere while the page was closed leaves nothing on the disk', async () => {
  const { page, context, first } = await kept();
  const token = await tokenOf(page);
  await page.close();
  await stack.ask('/api/auth/logout', { method: 'POST', token, instance: 2 });
  const next = await context.newPage();
  await next.goto(`${stack.url}/orders`);
  await next.getByRole('heading', { name: 'Sign in' }).waitFor();
  await until(async () => !(await keeps(next, first)), 'an empty disk');
});

test('signing out in one tab ends the others, and none of them stores anything again', async () => {
  const { page: a, context } = await open('/orders', 'owner', 1);
  const b = await context.newPage();
  await b.goto(`${stack.url}/shipments`);
  const first = await firstOrder(a);
  await until(() => keeps(a, first), 'the list in IndexedDB');
  await b.getByRole('table', { name: 'Shipments' }).waitFor();
  // The other tab is just about to store what it fetches.
  await Promise.all([b.getByRole('button', { name: 'Delivered', exact: true }).click(), a.getByRole('button', { name: 'Sign out' }).click()]);
  for (const page of [a, b]) await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  // Long enough for every write that was on its way: somebody signs in, and their data is stored.
  await signIn(a, 'manager');
  await a.goto(`${stack.url}/orders`);
  await until(async () => (await stored(a))['user:u-c1-manager']?.includes(first), 'the manager’s list in IndexedDB');
  expect(Object.keys(await stored(a))).toEqual(['user:u-c1-manager']);
  // And the other tab is the manager's as well.
  await live(b);
});
