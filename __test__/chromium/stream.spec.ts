/** `subscribeInvalidations` in a browser, on its own EventSource and on its fetch, against a real stream that reads a real server. */
import type { Page } from 'playwright-core';
import { CacheRepository, invalidationStream, RedisManager, type InvalidationStream } from '../../lib/facade';
import { RedisServer } from '../helpers/redis-server';
import { until as untilWithin } from '../helpers/until';
import { withBrowser } from './chromium';
import { has, inPage, Site } from './site';

jest.setTimeout(60_000);

const until = <T>(condition: () => T | Promise<T>, what?: string): Promise<NonNullable<T>> => untilWithin(condition, { deadlineMs: 20_000, everyMs: 20, what });

const { page: newPage } = withBrowser({ keepsPages: true });
let server: RedisServer;
let cache: CacheRepository;
let stream: InvalidationStream;
let site: Site;

beforeAll(async () => {
  server = await RedisServer.start();
  RedisManager.configure({ url: server.url });
  cache = new CacheRepository('orders');
});
beforeEach(async () => {
  stream = invalidationStream(cache, { heartbeatMs: 500, filter: (tag) => !tag.startsWith('secret') });
  site = await Site.start('newest', stream);
});
afterEach(async () => {
  stream.close();
  await site.stop();
});
afterAll(async () => {
  await RedisManager.closeAll();
  await server.stop();
});

/** A page that shows `a` and `b`, which carry tags of their names. */
async function shown(): Promise<Page> {
  const page = await newPage();
  await page.goto(site.url);
  await inPage(page, (app) => {
    app.show('a', 'orders', ['a']);
    app.show('b', 'prices', ['b']);
  });
  await until(() => inPage(page, (app) => app.data('a') !== undefined && app.data('b') !== undefined), 'data in the page');
  return page;
}

const isOpen = (page: Page): Promise<unknown> => until(async () => (await inPage(page, (app) => app.state())) === 'open', 'a subscription that is open');

describe.each(['eventsource', 'fetch'] as const)('%s', (transport) => {
  async function subscribed(options: object = {}): Promise<Page> {
    const page = await shown();
    await inPage(page, (app, given) => app.subscribe(given), { transport, ...options });
    await isOpen(page);
    return page;
  }

  test('a burst of invalidations is one refetch of what carries the tags, and unsubscribing closes the connection', async () => {
    const page = await subscribed({ burstMs: 1_000 });
    for (let n = 0; n < 50; n++) await cache.invalidateTags(['a', `other ${n}`, 'secret']);
    await has(page, 'a', 2);
    const bursts = await inPage(page, (app) => app.seen.bursts);
    expect(bursts).toHaveLength(1);
    expect(bursts[0]).toEqual(expect.arrayContaining(['a', 'other 0', 'other 49']));
    expect(bursts[0]).not.toContain('secret');
    expect(site.fetches).toEqual({ a: 2, b: 1 });
    expect(stream.connections).toBe(1);
    await inPage(page, (app) => app.unsubscribe());
    await until(() => stream.connections === 0, 'a place that is free');
    expect(await inPage(page, (app) => app.state())).toBe('closed');
  });

  test('a connection that is cut goes on where it was: what was invalidated meanwhile is fetched, and nothing else', async () => {
    const page = await subscribed();
    await cache.invalidateTags(['a']);
    await has(page, 'a', 2);
    site.proxy.reception = 'refuse';
    site.proxy.cutAll();
    await until(() => stream.connections === 0);
    await cache.invalidateTags(['a']);
    site.proxy.reception = 'pass';
    await has(page, 'a', 3);
    expect(site.fetches).toEqual({ a: 3, b: 1 });
    expect(site.resumes.at(-1)?.parameter).toMatch(/^\d+-\d+$/);
    expect(await inPage(page, (app) => app.seen.bursts)).toEqual([['a'], ['a']]);
  });

  test('after a gap in the journal, everything with tags is fetched', async () => {
    const page = await subscribed();
    site.proxy.reception = 'refuse';
    site.proxy.cutAll();
    await server.command('FLUSHALL');
    site.proxy.reception = 'pass';
    await Promise.all([has(page, 'a', 2), has(page, 'b', 2)]);
    expect(await inPage(page, (app) => app.seen.bursts)).toContain(null);
  });

  test('a page that is closed, or left for another one, frees its place, and goes on when the browser brings it back', async () => {
    const [closed, left] = [await subscribed(), await subscribed()];
    await until(() => stream.connections === 2);
    await closed.close();
    await until(() => stream.connections === 1, 'the place of a page that was closed');
    await left.goto('about:blank');
    await until(() => stream.connections === 0, 'the place of a page that was left');
    await cache.invalidateTags(['a']);
    const { a, b } = site.fetches;
    await left.goBack({ waitUntil: 'commit' });
    await has(left, 'a', a + 1);
    await isOpen(left);
    // The page itself came back, with what it had.
    expect(await inPage(left, (app) => app.seen.states)).toEqual(['connecting', 'open', 'waiting', 'connecting', 'open']);
    expect(site.fetches.b).toBe(b);
  });

  test('a page that is hidden frees its place, and has what it missed when it is shown', async () => {
    const page = await subscribed({ hiddenMs: 50 });
    await seen(page, 'hidden');
    await until(() => stream.connections === 0, 'the place of a page that is hidden');
    await cache.invalidateTags(['a']);
    await seen(page, 'visible');
    await has(page, 'a', 2);
    expect(site.fetches.b).toBe(1);
    await until(() => stream.connections === 1);
  });
});

/** Playwright keeps all pages visible, so the page is told by its own event. */
function seen(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  return page.evaluate((visibilityState) => {
    const { document, Event } = globalThis as any;
    Object.defineProperty(document, 'visibilityState', { configurable: true, value: visibilityState });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
}

test('an EventSource without the package resumes by the header Last-Event-ID', async () => {
  const page = await newPage();
  await page.goto(site.url);
  await page.evaluate(() => {
    const seen: string[] = ((globalThis as any).events = []);
    const source = new (globalThis as any).EventSource('/stream');
    for (const type of ['ready', 'invalidate', 'reset']) source.addEventListener(type, (event: { data: string }) => seen.push(`${type} ${event.data}`));
  });
  const events = (): Promise<string[]> => page.evaluate(() => (globalThis as any).events as string[]);
  await until(async () => (await events()).length === 1);
  site.proxy.cutAll();
  await until(() => stream.connections === 0);
  await cache.invalidateTags(['a']);
  await until(async () => (await events()).includes('invalidate {"tags":["a"]}'), 'the invalidation that was missed');
  expect(site.resumes.at(-1)?.header).toMatch(/^\d+-\d+$/);
  expect((await events()).filter((event) => event.startsWith('reset'))).toEqual([]);
});
