/** The page of examples/shipcrowd in real browsers: two people of one company, each on another instance of the backend. */
import type { BrowserContext, Page, Response } from 'playwright-core';
import { withBrowser } from '../chromium/chromium';
import { nowMs } from '../helpers/clock';
import { serverForAll } from '../helpers/lifetimes';
import { Proxy } from '../helpers/proxy';
import { until as untilWithin } from '../helpers/until';
import { FROM, NEAR, stackForAll } from './stack';

jest.setTimeout(300_000);

const until = <T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> => untilWithin(condition, { deadlineMs: 120_000, everyMs: 50, what });

const { context: newContext } = withBrowser();
const server = serverForAll({ args: ['--maxmemory-policy', 'noeviction'] });
const stack = stackForAll(() => ['--redis', server.url, '--instances', '2'], { RATE_LIMIT_PER_MINUTE: '100000' });

/** Opens a path as somebody with a role, of one company or of Shipcrowd itself, in a browser that stays at one instance. */
async function open(path: string, role: string, instance: number, { base = stack.url, settled = false } = {}): Promise<{ page: Page; context: BrowserContext }> {
  const context = await newContext();
  await context.addCookies([{ name: 'instance', value: String(instance), url: base }]);
  const page = await context.newPage();
  await page.goto(base);
  await page.getByLabel('Work email').fill(role === 'admin' ? 'admin@shipcrowd.example' : `${role}@c1.example`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(page);
  // Under Playwright, a service worker whose page is left while it starts may stay paused.
  if (settled) await until(() => hasWorker(page), 'a service worker');
  await page.goto(base + path);
  await live(page);
  return { page, context };
}

const live = (page: Page): Promise<void> => page.getByRole('status', { name: 'Live updates: Live' }).waitFor();

/** Fills the form of a new order and sends it. Returns the order's id, and when its answer arrived. */
async function createOrder(page: Page, customer: string, before: () => void = () => undefined): Promise<{ id: string; at: number }> {
  await page.getByRole('link', { name: 'New order' }).click();
  await page.getByLabel('Customer').fill(customer);
  await page.getByLabel('Pickup pincode').fill(FROM);
  await page.getByLabel('Delivery pincode').fill(NEAR);
  await page.getByLabel('Weight in grams').fill('750');
  await page.getByLabel('Value in rupees').fill('1499');
  const answer = page.waitForResponse((response) => response.request().method() === 'POST' && response.url().endsWith('/api/orders'));
  before();
  await page.getByRole('button', { name: 'Create order' }).click();
  const response = await answer;
  const at = nowMs();
  const { id } = (await response.json()) as { id: string };
  return { id, at };
}

const rowOf = (page: Page, id: string) => page.getByRole('table', { name: 'Orders' }).getByRole('link', { name: id, exact: true });

test('an order that is created in one browser appears in the other one, through another instance, without polling', async () => {
  const { page: a } = await open('/orders', 'owner', 1);
  const { page: b } = await open('/orders', 'manager', 2);
  await b.getByRole('table', { name: 'Orders' }).waitFor();
  const lists: Response[] = [];
  b.on('response', (response) => {
    if (/\/api\/orders\?/.test(response.url())) lists.push(response);
  });
  let asked: number | undefined;
  const { id, at } = await createOrder(a, 'Across instances', () => (asked = lists.length));
  await rowOf(b, id).waitFor();
  const ms = Math.round(nowMs() - at);
  console.log(`an order of instance 1 was on the screen of instance 2 after ${ms} ms`);
  // While the other one filled in the form, this page asked for nothing; then it was told, and its own instance answered.
  expect(asked).toBe(0);
  expect(lists.length).toBeGreaterThan(0);
  expect(lists.every((response) => response.headers()['x-instance'] === '2')).toBe(true);
  expect(ms).toBeLessThan(10_000);
});

test('a reload without a network shows what the browser has kept, and what is new as soon as the network is back', async () => {
  const { page, context } = await open('/orders', 'manager', 2, { settled: true });
  const first = await page.getByRole('table', { name: 'Orders' }).getByRole('link').first().textContent();
  await until(() => kept(page, first!), 'the list in IndexedDB');
  await context.setOffline(true);
  await page.reload();
  await rowOf(page, first!).waitFor();
  await page.getByRole('status', { name: /^Live updates: (Offline|Reconnecting)$/ }).waitFor();
  await page.goto(`${stack.url}/wallet`);
  await page.getByRole('heading', { name: 'Wallet' }).waitFor();
  await page.goto(`${stack.url}/orders`);
  const { page: a } = await open('/orders', 'owner', 1);
  const { id } = await createOrder(a, 'While offline');
  expect(await rowOf(page, id).count()).toBe(0);
  await context.setOffline(false);
  await rowOf(page, id).waitFor();
});

/** Whether the page's service worker runs. A browser that does not say so within a second is asked again. */
function hasWorker(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const asked = (globalThis as any).navigator.serviceWorker.getRegistration().then((registration: any) => registration?.active?.state === 'activated');
    return Promise.race([asked, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000))]);
  });
}

/** Whether the text is in the stored cache of the signed-in user. */
function kept(page: Page, text: string): Promise<boolean> {
  return page.evaluate(
    (wanted) =>
      new Promise<boolean>((resolve) => {
        const opening = (globalThis as any).indexedDB.open('shipcrowd');
        opening.onsuccess = () => {
          const request = opening.result.transaction('queries').objectStore('queries').getAll();
          request.onsuccess = () => {
            opening.result.close();
            resolve(JSON.stringify(request.result).includes(wanted));
          };
        };
      }),
    text,
  );
}

test('a stream that was cut loses nothing: what was created meanwhile appears', async () => {
  const proxy = await Proxy.start({ port: Number(new URL(stack.url).port) });
  try {
    const { page } = await open('/orders', 'manager', 2, { base: `http://127.0.0.1:${proxy.port}` });
    await page.getByRole('table', { name: 'Orders' }).waitFor();
    proxy.reception = 'refuse';
    proxy.cutAll();
    await page.getByRole('status', { name: 'Live updates: Reconnecting' }).waitFor();
    const { page: a } = await open('/orders', 'owner', 1);
    const { id } = await createOrder(a, 'While cut');
    expect(await rowOf(page, id).count()).toBe(0);
    proxy.reception = 'pass';
    await rowOf(page, id).waitFor();
    await live(page);
  } finally {
    await proxy.stop();
  }
});

test('a permission that is revoked is gone from both browsers, and both instances refuse', async () => {
  const [{ page: a }, { page: b }, { page: admin }] = [await open('/orders', 'manager', 1), await open('/orders', 'manager', 2), await open('/admin/roles', 'admin', 1)];
  const buttons = [a, b].map((page) => page.getByRole('link', { name: 'New order' }));
  await Promise.all(buttons.map((button) => button.waitFor()));
  const box = admin.getByRole('checkbox', { name: 'Manager: orders.write' });
  await box.click();
  await Promise.all(buttons.map((button) => button.waitFor({ state: 'detached' })));
  for (const page of [a, b]) {
    expect(await refusal(page)).toBe(403);
  }
  await box.click();
  await Promise.all(buttons.map((button) => button.waitFor()));
});

/** What the page's instance answers to an order of this user. */
function refusal(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { token } = JSON.parse((globalThis as any).localStorage.getItem('shipcrowd.session')) as { token: string };
    const response = await fetch('/api/orders', { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: '{}' });
    return response.status;
  });
}

test('signing out takes what was kept from the disk, and the token is refused by the other instance', async () => {
  const { page, context } = await open('/orders', 'owner', 1);
  const first = await page.getByRole('table', { name: 'Orders' }).getByRole('link').first().textContent();
  await until(() => kept(page, first!), 'the list in IndexedDB');
  const { token } = await page.evaluate(() => JSON.parse((globalThis as any).localStorage.getItem('shipcrowd.session')) as { token: string });
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await until(async () => !(await kept(page, first!)), 'an empty cache');
  const answer = await context.request.get(`${stack.url}/api/auth/me`, { headers: { authorization: `Bearer ${token}`, 'x-instance': '2' } });
  expect(answer.status()).toBe(401);
});

const PAGES = [
  ['owner', '/dashboard', 'Dashboard'],
  ['owner', '/orders', 'Orders'],
  ['owner', '/orders/new', 'New order'],
  ['owner', '/shipments', 'Shipments'],
  ['owner', '/wallet', 'Wallet'],
  ['admin', '/admin/rates', 'Rate cards'],
  ['admin', '/admin/roles', 'Roles and permissions'],
  ['admin', '/operations', 'Operations'],
] as const;

test('every page works on a telephone and by keyboard: nothing is cut off, fields and buttons have names', async () => {
  for (const role of ['owner', 'admin'] as const) {
    const { page } = await open('/', role, 1);
    await page.setViewportSize({ width: 390, height: 780 });
    for (const [, path, title] of PAGES.filter((one) => one[0] === role)) {
      await page.goto(stack.url + path);
      await page.getByRole('heading', { level: 1, name: title }).waitFor();
      await until(async () => (await page.getByRole('status', { name: 'Loading' }).count()) === 0, `data of ${path}`);
      expect({ path, width: await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth) }).toEqual({ path, width: 390 });
      expect({ path, nameless: await nameless(page) }).toEqual({ path, nameless: [] });
    }
    await page.getByRole('button', { name: 'Open the menu' }).press('Enter');
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Operations' }).press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Operations' }).waitFor();
  }
});

/** Controls that a screen reader could not name. */
function nameless(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const controls = [...(globalThis as any).document.querySelectorAll('button, a, input, select')] as any[];
    const named = (one: any): boolean => one.getAttribute('aria-label') || one.labels?.length > 0 || (!/^(INPUT|SELECT)$/.test(one.tagName) && one.textContent.trim() !== '');
    return controls.filter((one) => !named(one)).map((one) => one.outerHTML.slice(0, 120) as string);
  });
}
