/** Permissions that are revoked: what is gone from the page and from the disk, also of a browser that was away. */
import type { Page } from 'playwright-core';
import { browsersOf, keeps, live, stackForPages, tokenOf, until } from '../browsers';

jest.setTimeout(300_000);

const { stack } = stackForPages();
const { open } = browsersOf(stack);

let admin = '';
beforeAll(async () => {
  admin = await stack.signIn('admin', null);
});

async function permissionsOf(role: string): Promise<string[]> {
  const { body } = await stack.ask<{ role: string; permissions: string[] }[]>('/api/admin/roles', { token: admin });
  return body.find((one) => one.role === role)!.permissions;
}

/** Sets them through instance 1. Returns the permissions of before. */
async function set(role: string, change: (permissions: string[]) => string[]): Promise<string[]> {
  const before = await permissionsOf(role);
  const { status } = await stack.ask(`/api/admin/roles/${role}/permissions`, { method: 'PUT', token: admin, body: { permissions: change(before) }, instance: 1 });
  expect(status).toBe(200);
  return before;
}

const without = (gone: string) => (permissions: string[]) => permissions.filter((one) => one !== gone);

/** Orders and shipments of the manager, both on the disk. */
async function kept(): Promise<{ page: Page; context: Awaited<ReturnType<typeof open>>['context']; order: string; parcel: string }> {
  const { page, context } = await open('/orders', 'manager', 2, { settled: true });
  const order = (await page.getByRole('table', { name: 'Orders' }).getByRole('link').first().textContent())!;
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Shipments' }).click();
  const parcel = (await page.getByRole('table', { name: 'Shipments' }).getByRole('link').first().textContent())!;
  await until(async () => (await keeps(page, order)) && (await keeps(page, parcel)), 'both lists in IndexedDB');
  return { page, context, order, parcel };
}

const refused = (page: Page): Promise<void> => page.getByText('You have no access to this page').waitFor();

test('revoked while the browser was offline: gone from the page and the disk when it is back, and the rest stays', async () => {
  const { page, context, order, parcel } = await kept();
  await context.setOffline(true);
  await page.reload();
  await page.getByRole('link', { name: parcel }).waitFor();
  const before = await set('manager', without('shipments.read'));
  await context.setOffline(false);
  await refused(page);
  await until(async () => !(await keeps(page, parcel)), 'a disk without parcels');
  expect(await keeps(page, order)).toBe(true);
  // Offline again, it stays away.
  await context.setOffline(true);
  await page.reload();
  await refused(page);
  expect(await page.getByText(parcel).count()).toBe(0);
  await context.setOffline(false);
  await live(page);
  await set('manager', () => before);
  await page.getByRole('link', { name: parcel }).waitFor();
});

test('revoked while the page was closed: the next page has neither the link nor the data', async () => {
  const { page, context, order, parcel } = await kept();
  await page.close();
  const before = await set('manager', without('shipments.read'));
  const next = await context.newPage();
  await next.goto(`${stack.url}/shipments`);
  await refused(next);
  await next.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Orders' }).waitFor();
  expect(await next.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Shipments' }).count()).toBe(0);
  await until(async () => !(await keeps(next, parcel)), 'a disk without parcels');
  expect(await keeps(next, order)).toBe(true);
  await set('manager', () => before);
});

test('another role takes effect at once in both browsers, and so does what that role loses later', async () => {
  const [{ page: a }, { page: b }] = [await open('/orders', 'agent', 1), await open('/orders', 'agent', 2)];
  const pages = [a, b];
  await Promise.all(pages.map((page) => page.getByRole('link', { name: 'New order' }).waitFor()));
  await stack.ask('/api/admin/users/u-c1-agent/role', { method: 'PUT', token: admin, body: { role: 'viewer' }, instance: 1 });
  await Promise.all(pages.map((page) => page.getByRole('link', { name: 'New order' }).waitFor({ state: 'detached' })));
  const before = await set('viewer', without('orders.read'));
  await Promise.all(pages.map(refused));
  for (const [i, page] of pages.entries()) expect((await stack.ask('/api/orders', { token: await tokenOf(page), instance: i + 1 })).status).toBe(403);
  await set('viewer', () => before);
  await Promise.all(pages.map((page) => page.getByRole('table', { name: 'Orders' }).waitFor()));
  await stack.ask('/api/admin/users/u-c1-agent/role', { method: 'PUT', token: admin, body: { role: 'agent' }, instance: 1 });
  await Promise.all(pages.map((page) => page.getByRole('link', { name: 'New order' }).waitFor()));
});

test('two administrators see each other’s changes of roles', async () => {
  const [{ page: a }, { page: b }] = [await open('/admin/roles', 'admin', 1), await open('/admin/roles', 'admin', 2)];
  const [own, other] = [a, b].map((page) => page.getByRole('checkbox', { name: 'Viewer: shipments.read' }));
  const is = await own.isChecked();
  await own.click();
  await until(async () => (await other.isChecked()) === !is, 'the other one sees it');
  await other.click();
  await until(async () => (await own.isChecked()) === is, 'and the other way round');
});
