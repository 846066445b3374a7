/** What the pages show is what the API says; and they work by keyboard, on a telephone, and for those who see them by a screen reader. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { browsersOf, rowOf, stackForPages, tokenOf, until } from '../browsers';

jest.setTimeout(300_000);

const { stack } = stackForPages();
const { open } = browsersOf(stack);

const whole = new Intl.NumberFormat('en-IN');
const text = async (page: Page, selector: string): Promise<string> => (await page.locator(selector).first().textContent()) ?? '';

const PAGES = [
  ['owner', '/dashboard', 'Dashboard'],
  ['owner', '/orders', 'Orders'],
  ['owner', '/orders/new', 'New order'],
  ['owner', '/orders/ORD-000001', undefined],
  ['owner', '/shipments', 'Shipments'],
  ['owner', '/wallet', 'Wallet'],
  ['admin', '/admin/rates', 'Rate cards'],
  ['admin', '/admin/roles', 'Roles and permissions'],
  ['admin', '/operations', 'Operations'],
] as const;

/** An order of the company c1. */
async function anOrder(token: string): Promise<string> {
  const { body } = await stack.ask<{ items: { id: string }[] }>('/api/orders?limit=1', { token });
  return body.items[0].id;
}

async function settled(page: Page, path: string, title: string | undefined): Promise<void> {
  await page.goto(stack.url + path);
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
  await until(async () => (await page.getByRole('status', { name: 'Loading' }).count()) === 0, `data of ${path}`);
}

/** Rules of WCAG 2.2, levels A and AA, as far as a program can check them. Returns what breaks them. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  return page.evaluate(async () => {
    const { violations: found } = await (globalThis as any).axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return found.flatMap(({ id, nodes }: any) => nodes.map(({ html, failureSummary }: any) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
  });
}

test.each(['owner', 'admin'] as const)('the pages of the %s: nothing is cut off on a telephone, and no rule of accessibility is broken on either screen', async (role) => {
  const { page } = await open('/', role, 1);
  const token = await tokenOf(page);
  for (const [, path, title] of PAGES.filter((one) => one[0] === role)) {
    const place = path === '/orders/ORD-000001' ? `/orders/${await anOrder(token)}` : path;
    for (const viewport of [{ width: 1280, height: 860 }, { width: 390, height: 780 }]) {
      await page.setViewportSize(viewport);
      await settled(page, place, title);
      expect({ path, width: await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth) }).toEqual({ path, width: viewport.width });
      expect({ path, violations: await violations(page) }).toEqual({ path, violations: [] });
      expect(await page.title()).toMatch(/ · Shipcrowd$/);
    }
  }
  // By keyboard alone, on the telephone.
  await page.getByRole('button', { name: 'Open the menu' }).press('Enter');
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Operations' }).press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Operations' }).waitFor();
});

test('the first page breaks no rule either', async () => {
  const { page } = await open('/', 'viewer', 1);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in', level: 1 }).waitFor();
  await page.getByRole('button', { name: /^Sign in as/ }).first().waitFor();
  expect(await violations(page)).toEqual([]);
});

test('the list of orders: filters, search, sort and pages are in the address, and the rows are those of the API', async () => {
  const { page } = await open('/orders', 'owner', 1);
  const token = await tokenOf(page);
  const ids = async (): Promise<string[]> => page.getByRole('table', { name: 'Orders' }).locator('tbody th a').allTextContents();
  /** The rows become those that the API has for the page's address. */
  const agrees = async (): Promise<string[]> => {
    const expected = await until(async () => {
      const { search } = new URL(page.url());
      const { body } = await stack.ask<{ items: { id: string }[] }>(`/api/orders${search === '' ? '?' : `${search}&`}limit=20`, { token });
      const wanted = body.items.map(({ id }) => id);
      return String(await ids()) === String(wanted) ? wanted : undefined;
    }, 'the rows of the API');
    return expected;
  };
  const all = await agrees();
  await page.getByRole('button', { name: 'Next page' }).click();
  await page.waitForURL(/page=2/);
  expect(await agrees()).not.toEqual(all);
  await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'Delivered' }).click();
  await page.waitForURL((url) => url.search === '?status=delivered');
  await agrees();
  await page.getByLabel('Courier').selectOption('Xpress');
  await page.waitForURL(/courier=Xpress/);
  const narrowed = await agrees();
  await page.getByLabel('Sort').selectOption('-value');
  await page.waitForURL(/sort=-value/);
  await agrees();
  // A reload, or a colleague who gets the address, sees the same.
  await page.reload();
  expect(new Set(narrowed).size).toBeGreaterThan(0);
  await agrees();
  await page.getByLabel('From', { exact: true }).fill('2020-01-01');
  await page.getByLabel('to', { exact: true }).fill('2020-01-02');
  await page.getByRole('heading', { name: 'No order matches' }).waitFor();
  await page.getByRole('button', { name: 'Clear the filters' }).click();
  expect(await agrees()).toEqual(all);
  await page.getByLabel('Search orders').fill(all[3].toLowerCase());
  await until(async () => String(await ids()) === all[3], 'the order that was searched');
  await rowOf(page, all[3]).click();
  await page.getByRole('heading', { level: 1, name: all[3] }).waitFor();
});

test('the dashboard’s figures and charts are those of the API, for each period', async () => {
  const { page } = await open('/dashboard', 'owner', 1);
  const token = await tokenOf(page);
  for (const days of [7, 30, 90]) {
    await page.getByRole('group', { name: 'Period' }).getByRole('button', { name: `${days} days` }).click();
    const { body } = await stack.ask(`/api/analytics/dashboard?days=${days}`, { token });
    await until(async () => (await text(page, '.total:has(dt:text-is("Orders")) dd')).startsWith(whole.format(body.totals.orders)), 'the number of orders');
    expect(await text(page, '.total:has(dt:text-is("Delivered")) dd')).toContain(whole.format(body.totals.delivered));
    const chart = page.getByRole('img', { name: /^Orders by day/ });
    // No more days than were asked for, and none is missing between the first and the last.
    const [, shown] = /(\d+) days/.exec((await chart.getAttribute('aria-label')) ?? '')!;
    const [first, last] = [body.byDay[0].day, body.byDay.at(-1).day];
    expect(Number(shown)).toBe(Math.round((Date.parse(last) - Date.parse(first)) / 86_400_000) + 1);
    expect(Number(shown)).toBeLessThanOrEqual(days);
    const rows = await page.getByRole('table', { name: 'Orders by status' }).getByRole('row').all();
    expect(await Promise.all(rows.map(async (row) => (await row.getByRole('cell').last().textContent()) ?? ''))).toEqual(body.byStatus.map(({ count }: { count: number }) => whole.format(count)));
  }
  const chart = page.getByRole('img', { name: /^Orders by day/ });
  await chart.press('ArrowLeft');
  expect(await text(page, '.chart figcaption')).toMatch(/^\d+ \w+: \d+$/);
});

/** The samples of an instance's /metrics, by name and labels. */
async function metrics(instance: number): Promise<Map<string, number>> {
  const { body } = await stack.ask<string>('/metrics', { instance });
  return new Map(body.split('\n').flatMap((line) => (/^[a-z]/.test(line) ? [[line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))] as const] : [])));
}

test.each([1, 2])('the operations page shows the figures of instance %i, and they are those of its /metrics and of the balancer', async (instance) => {
  // The page's own requests go to the other one.
  const { page } = await open('/operations', 'admin', 3 - instance);
  const manager = await stack.signIn('manager');
  for (let n = 0; n < 4 * instance; n++) await stack.ask('/api/orders', { token: manager, instance });
  await page.getByRole('group', { name: 'Figures of' }).getByRole('button', { name: `Instance ${instance}` }).click();
  await until(async () => (await text(page, '.page-head p')).startsWith(`Instance ${instance},`), 'the figures of this instance');

  const table = page.getByRole('table', { name: 'Hit rates by tier' });
  for (const [tier, name] of [['orders', 'Orders'], ['permissions', 'Permissions'], ['shipments', 'Shipments'], ['analytics', 'Analytics'], ['zones', 'Zones'], ['rateCards', 'Rate cards']]) {
    const row = table.getByRole('row').filter({ has: page.getByRole('rowheader', { name, exact: true }) });
    await until(async () => {
      const now = await metrics(instance);
      const of = (result: string): number => now.get(`hawser_cache_tier_reads_total{tier="${tier}",result="${result}"}`) ?? 0;
      const reads = of('hit') + of('stale') + of('miss');
      const share = reads === 0 ? 'No reads' : `${Math.round((100 * (of('hit') + of('stale'))) / reads)}%`;
      const cells = await row.getByRole('cell').allTextContents();
      const target = now.get(`hawser_cache_tier_target_ratio{tier="${tier}"}`);
      return cells[0].includes(share) && cells.at(-1) === whole.format(reads) && (target === undefined || cells[1].startsWith(`${100 * target}%`));
    }, `${name}: reads, hit rate and target of /metrics`);
  }

  await until(async () => {
    const samples = [...(await metrics(instance))];
    const open = samples.filter(([name]) => /^hawser_connections\{role="(main|subscriber|publisher)",state="ready"\}/.test(name)).reduce((sum, [, value]) => sum + value, 0);
    return (await text(page, '.total:has(dt:text-is("Connections")) dd')).startsWith(`${open}of`);
  }, 'the connections of /metrics');
  await until(async () => {
    const queries = (await metrics(instance)).get('shipcrowd_database_queries_total')!;
    return (await text(page, '.total:has(dt:text-is("Database")) dd')).startsWith(`${whole.format(queries)}queries`);
  }, 'the queries of /metrics');
  // Its requests, as the balancer counts them; the pages ask all the time.
  const shown = async (): Promise<number> => Number(/([\d,]+) requests/.exec((await page.getByRole('article', { name: `Instance ${instance}` }).textContent()) ?? '')![1].replaceAll(',', ''));
  const requests = async (): Promise<number> => ((await stack.instances())[instance - 1] as unknown as { requests: number }).requests;
  const before = await requests();
  await until(async () => (await shown()) >= before, 'the requests that the balancer has counted');
  expect(await shown()).toBeLessThanOrEqual(await requests());
});
