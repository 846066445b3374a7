/** People at the page of examples/shipcrowd, each in a browser of their own, and what their browsers have stored. */
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { withBrowser } from '../chromium/chromium';
import { nowMs } from '../helpers/clock';
import type { RedisServer } from '../helpers/redis-server';
import { until as untilWithin } from '../helpers/until';
import { FROM, NEAR, stackOnRedis, type Stack } from './stack';

/** For browsers on a busy machine. */
export const until = <T>(condition: () => T | Promise<T>, what: string): Promise<NonNullable<T>> => untilWithin(condition, { deadlineMs: 120_000, everyMs: 50, what });

export interface OpenOptions {
  /** Default: the balancer. */
  base?: string;
  /** Waits for the service worker, without which nothing works offline. */
  settled?: boolean;
  /** The browser of somebody else, who has signed out. Default: a new one. */
  context?: BrowserContext;
}

export interface Opened {
  page: Page;
  context: BrowserContext;
}

/** Opens a path as somebody with a role, of the company c1 or of Shipcrowd itself, in a browser that stays at one instance while it is up. */
export type Open = (path: string, role: string, instance: number, options?: OpenOptions) => Promise<Opened>;

/** A server and two instances, which do not limit what pages ask. */
export const stackForPages = (env: Record<string, string> = {}): { server: RedisServer; stack: Stack } => stackOnRedis(['--instances', '2'], [], { RATE_LIMIT_PER_MINUTE: '100000', ...env });

export function browsersOf(stack: Stack): { open: Open } {
  const { context: newContext } = withBrowser();
  const open: Open = async (path, role, instance, { base = stack.url, settled = false, context } = {}) => {
    const own = context ?? (await newContext());
    await own.addCookies([{ name: 'instance', value: String(instance), url: base }]);
    const page = await own.newPage();
    await page.goto(base + path);
    await signIn(page, role);
    if (settled) {
      // Under Playwright, a service worker whose page is left while it starts may stay paused.
      await until(() => hasWorker(page), 'a service worker');
      await page.goto(base + path);
      await live(page);
    }
    return { page, context: own };
  };
  return { open };
}

export async function signIn(page: Page, role: string): Promise<void> {
  await page.getByLabel('Work email').fill(role === 'admin' ? 'admin@shipcrowd.example' : `${role}@c1.example`);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await live(page);
}

export const live = (page: Page): Promise<void> => page.getByRole('status', { name: 'Live updates: Live' }).waitFor();

/** Fills the form of a new order and sends it. Returns the order's id, and when its answer arrived. */
export async function createOrder(page: Page, customer: string, before: () => void = () => undefined): Promise<{ id: string; at: number }> {
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

export const rowOf = (page: Page, id: string): Locator => page.getByRole('table', { name: 'Orders' }).getByRole('link', { name: id, exact: true });

/** The id of the first order in the list. */
export async function firstOrder(page: Page): Promise<string> {
  return (await page.getByRole('table', { name: 'Orders' }).getByRole('link').first().textContent())!;
}

/** Whether the page's service worker runs. A browser that does not say so within a second is asked again. */
export function hasWorker(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const asked = (globalThis as any).navigator.serviceWorker.getRegistration().then((registration: any) => registration?.active?.state === 'activated');
    return Promise.race([asked, new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 1_000))]);
  });
}

/** The page's token. */
export function tokenOf(page: Page): Promise<string> {
  return page.evaluate(() => (JSON.parse((globalThis as any).localStorage.getItem('shipcrowd.session')) as { token: string }).token);
}

/** What is on the browser's disk, as JSON, by key: `user:u-c1-owner`. */
export function stored(page: Page): Promise<Record<string, string>> {
  return page.evaluate(async () => {
    const { indexedDB } = globalThis as any;
    // Opening would make an empty database.
    if (!(await indexedDB.databases()).some(({ name }: { name: string }) => name === 'shipcrowd')) return {};
    const database: any = await new Promise((resolve) => (indexedDB.open('shipcrowd').onsuccess = (event: any) => resolve(event.target.result)));
    const store = database.transaction('queries').objectStore('queries');
    const all = (request: any): Promise<any[]> => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const [keys, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())]);
    database.close();
    return Object.fromEntries(keys.map((key, i) => [key, JSON.stringify(values[i])]));
  });
}

/** Whether a text is on the browser's disk, for anybody. */
export const keeps = async (page: Page, text: string): Promise<boolean> => Object.values(await stored(page)).some((one) => one.includes(text));
