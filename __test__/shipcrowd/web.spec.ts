/**
 * The page of examples/shipcrowd in real browsers: people of one company, each on another instance of the backend. This is the short form; all of it is in
 * `browser/`, which `npm test -- --only example-browser` runs.
 */
import type { Response } from 'playwright-core';
import { nowMs } from '../helpers/clock';
import { Proxy } from '../helpers/proxy';
import { browsersOf, createOrder, firstOrder, keeps, live, rowOf, stackForPages, tokenOf, until } from './browsers';
import { ORDER } from './stack';

jest.setTimeout(300_000);

const { server, stack } = stackForPages();
const { open } = browsersOf(stack);

test('an order that is created in one browser appears in the other one, through another instance, without polling', async () => {
  const [{ page: a }, { page: b }] = await Promise.all([open('/orders', 'owner', 1), open('/orders', 'manager', 2)]);
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
  const first = await firstOrder(page);
  await until(() => keeps(page, first), 'the list in IndexedDB');
  await context.setOffline(true);
  await page.reload();
  await rowOf(page, first).waitFor();
  await page.getByRole('status', { name: /^Live updates: (Offline|Reconnecting)$/ }).waitFor();
  await page.goto(`${stack.url}/wallet`);
  await page.getByRole('heading', { name: 'Wallet' }).waitFor();
  await page.goto(`${stack.url}/orders`);
  const { body: order } = await stack.ask('/api/orders', { token: await stack.signIn('owner'), body: { ...ORDER, customer: 'While offline' }, instance: 1 });
  expect(await rowOf(page, order.id).count()).toBe(0);
  await context.setOffline(false);
  await rowOf(page, order.id).waitFor();
});

test('a stream that was cut loses nothing: what was created meanwhile appears', async () => {
  const proxy = await Proxy.start({ port: Number(new URL(stack.url).port) });
  try {
    const { page } = await open('/orders', 'manager', 2, { base: `http://127.0.0.1:${proxy.port}` });
    await page.getByRole('table', { name: 'Orders' }).waitFor();
    proxy.reception = 'refuse';
    proxy.cutAll();
    await page.getByRole('status', { name: 'Live updates: Reconnecting' }).waitFor();
    const { body: order } = await stack.ask('/api/orders', { token: await stack.signIn('owner'), body: { ...ORDER, customer: 'While cut' }, instance: 1 });
    expect(await rowOf(page, order.id).count()).toBe(0);
    proxy.reception = 'pass';
    await rowOf(page, order.id).waitFor();
    await live(page);
  } finally {
    await proxy.stop();
  }
});

test('a permission that is revoked is gone from both browsers and their disks, and both instances refuse', async () => {
  const [{ page: a }, { page: b }, { page: admin }] = await Promise.all([open('/shipments', 'manager', 1), open('/shipments', 'manager', 2), open('/admin/roles', 'admin', 1)]);
  const tables = [a, b].map((page) => page.getByRole('table', { name: 'Shipments' }));
  await Promise.all(tables.map((table) => table.waitFor()));
  const parcel = (await tables[0].getByRole('link').first().textContent())!;
  for (const page of [a, b]) await until(() => keeps(page, parcel), 'the parcels in IndexedDB');
  const box = admin.getByRole('checkbox', { name: 'Manager: shipments.read' });
  await box.click();
  await Promise.all(tables.map((table) => table.waitFor({ state: 'detached' })));
  for (const [i, page] of [a, b].entries()) {
    await page.getByText('You have no access to this page').waitFor();
    await until(async () => !(await keeps(page, parcel)), 'a disk without parcels');
    expect((await stack.ask('/api/shipments', { token: await tokenOf(page), instance: i + 1 })).status).toBe(403);
  }
  await box.click();
  await Promise.all(tables.map((table) => table.waitFor()));
});

test('the switch of the operations page moves a service of an instance to the old code and back', async () => {
  const [{ page: admin }, { page: viewer }] = await Promise.all([open('/operations', 'admin', 1), open('/operations', 'viewer', 1)]);
  const old = async (): Promise<boolean> => String(await server.command('CLIENT', 'LIST')).includes('name=shipcrowd:pricing-cache.service ');
  for (const page of [admin, viewer]) await page.getByRole('group', { name: 'Figures of' }).getByRole('button', { name: 'Instance 2' }).click();
  const [control, seen] = [admin, viewer].map((page) => page.getByRole('switch', { name: 'Pricing on instance 2' }));
  await control.click();
  for (const one of [control, seen]) await until(async () => !(await one.isChecked()), 'the switch shows the old code');
  await until(old, 'a connection of the old code');
  // Only those who may.
  expect(await seen.isDisabled()).toBe(true);
  expect((await stack.ask('/balancer/instances/2/flags', { method: 'PUT', token: await tokenOf(viewer), body: { services: { PRICING: true } } })).status).toBe(403);
  await until(() => control.isEnabled(), 'an instance that is up');
  await control.click();
  for (const one of [control, seen]) await until(() => one.isChecked(), 'the switch shows the new code');
  await until(async () => !(await old()), 'no connection of the old code');
});

test('signing out takes what was kept from the disk, and the token is refused by the other instance', async () => {
  const { page, context } = await open('/orders', 'owner', 1);
  const first = await firstOrder(page);
  await until(() => keeps(page, first), 'the list in IndexedDB');
  const token = await tokenOf(page);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await until(async () => !(await keeps(page, first)), 'an empty cache');
  const answer = await context.request.get(`${stack.url}/api/auth/me`, { headers: { authorization: `Bearer ${token}`, 'x-instance': '2' } });
  expect(answer.status()).toBe(401);
});
