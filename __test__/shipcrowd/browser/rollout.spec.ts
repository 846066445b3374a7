/** The rollout from the operations page: what it switches, who may, and what others see of it. */
import type { Page } from 'playwright-core';
import { browsersOf, createOrder, live, rowOf, stackForPages, tokenOf, until } from '../browsers';
import { FROM, NEAR } from '../stack';

jest.setTimeout(300_000);

const { server, stack } = stackForPages();
const { open } = browsersOf(stack);

/** Connections of the old code, by file, of all instances. */
async function oldConnections(): Promise<string[]> {
  const list = String(await server.command('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=shipcrowd:(\S+) /g)].map(([, file]) => file).sort();
}

const switchOf = (page: Page, name: string) => page.getByRole('switch', { name });
const figuresOf = (page: Page, instance: number): Promise<void> => page.getByRole('group', { name: 'Figures of' }).getByRole('button', { name: `Instance ${instance}` }).click();

/** Turns a switch and waits until the instance is up again with what was chosen. */
async function turn(page: Page, name: string, on: boolean): Promise<void> {
  const control = switchOf(page, name);
  await until(() => control.isEnabled(), `${name} can be switched`);
  await control.click();
  await until(async () => (await control.isChecked()) === on && (await control.isEnabled()), `${name} is switched`);
}

let weight = 600;
/** The answer of an instance to a quote for a weight that nobody has asked for. */
async function quote(token: string, instance: number): Promise<{ grams: number; zone: string; count: number; from: string | null }> {
  const grams = weight++;
  const { status, body, headers } = await stack.ask(`/api/pricing/quote?from=${FROM}&to=${NEAR}&weightGrams=${grams}&paymentMode=prepaid`, { token, instance });
  expect(status).toBe(200);
  return { grams, zone: body.zone, count: body.quotes.length, from: headers.get('x-instance') };
}

/** Whether the old code of the pricing service has stored that quote: it has an entry for each weight, the new code one for each zone. */
const isOldEntry = async ({ zone, grams }: { zone: string; grams: number }): Promise<boolean> => (await server.command('EXISTS', `pricing:${zone}:${grams}:false`)) === 1;

test('a service that is switched off is served by the old code on that instance alone, and by the new one when it is switched on', async () => {
  const [{ page: admin }, { page: owner }] = [await open('/operations', 'admin', 1), await open('/operations', 'owner', 2)];
  const token = await tokenOf(owner);
  for (const page of [admin, owner]) await figuresOf(page, 2);
  expect(await isOldEntry(await quote(token, 2))).toBe(false);

  await turn(admin, 'Pricing on instance 2', false);
  // The other browser, which only looks, shows the same.
  await until(async () => !(await switchOf(owner, 'Pricing on instance 2').isChecked()), 'the owner sees it');
  expect((await stack.instances()).map(({ flags }) => flags.PRICING)).toEqual(['after', 'before']);
  await until(async () => (await oldConnections()).includes('pricing-cache.service'), 'the old connection');
  const [old, own] = [await quote(token, 2), await quote(token, 1)];
  expect([old.from, own.from, old.count]).toEqual(['2', '1', own.count]);
  expect([await isOldEntry(old), await isOldEntry(own)]).toEqual([true, false]);
  // The page names the connection, with its library.
  await admin.getByRole('list', { name: 'Connections to Redis' }).getByText('pricing-cache.service').waitFor();

  await turn(admin, 'Pricing on instance 2', true);
  await until(() => switchOf(owner, 'Pricing on instance 2').isChecked(), 'the owner sees it');
  await until(async () => (await oldConnections()).length === 0, 'no old connection');
  expect(await isOldEntry(await quote(token, 2))).toBe(false);
});

test('an instance is rolled back and on again while somebody works on it: nothing is lost, and the page says what is live', async () => {
  const [{ page: admin }, { page: owner }] = [await open('/operations', 'admin', 1), await open('/orders', 'owner', 2)];
  const first = await createOrder(owner, 'Before the rollback');
  await admin.getByRole('button', { name: 'Roll back instance 2' }).click();
  await until(async () => !(await switchOf(admin, 'hawser on instance 2').isChecked()) && (await switchOf(admin, 'hawser on instance 2').isEnabled()), 'a rollback');
  expect(await oldConnections()).toHaveLength(11);
  await admin.getByText('Canary: 1 of 2 instances runs hawser').waitFor();
  // Somebody who stays at the old code is told that there is no stream; what they do works.
  await owner.goto(`${stack.url}/orders`);
  await owner.getByRole('status', { name: 'Live updates: Not live' }).waitFor();
  await rowOf(owner, first.id).waitFor();
  const second = await createOrder(owner, 'On the old code');
  await owner.goto(`${stack.url}/orders`);
  await rowOf(owner, second.id).waitFor();
  await admin.getByRole('button', { name: 'Roll out to instance 2' }).click();
  await admin.getByText('Done: all 2 instances run hawser').waitFor();
  await live(owner);
  await until(async () => (await oldConnections()).length === 0, 'no old connection');
  const third = await createOrder(owner, 'On the new code again');
  await owner.goto(`${stack.url}/orders`);
  for (const { id } of [first, second, third]) await rowOf(owner, id).waitFor();
});

test('only those with ops.rollout can switch: the page offers it to nobody else, and the server refuses', async () => {
  const change = (token: string | undefined) => stack.ask('/balancer/instances/1/flags', { method: 'PUT', token, body: { services: { WALLET: false } } }).then(({ status }) => status);
  for (const role of ['owner', 'manager', 'agent', 'viewer']) {
    const { page, context } = await open('/operations', role, 1);
    await switchOf(page, 'hawser on instance 1').waitFor();
    for (const one of await page.getByRole('switch').all()) expect(await one.isDisabled()).toBe(true);
    expect(await page.getByRole('button', { name: /Roll|canary/ }).count()).toBe(0);
    expect(await change(await tokenOf(page))).toBe(403);
    await context.close();
  }
  expect(await change(undefined)).toBe(403);
  expect(await change('no.token.atall')).toBe(403);
  expect(new Set((await stack.instances()).flatMap(({ flags }) => Object.values(flags)))).toEqual(new Set(['after']));
});

test('an operator whose permission is revoked loses the switch in an open page, and in every instance', async () => {
  const [{ page: roles }, { page: a }, { page: b }] = [await open('/admin/roles', 'admin', 1), await open('/operations', 'admin', 1), await open('/operations', 'admin', 2)];
  for (const page of [a, b]) await until(() => switchOf(page, 'hawser on instance 1').isEnabled(), 'a switch');
  const box = roles.getByRole('checkbox', { name: 'Admin: ops.rollout' });
  await box.click();
  for (const page of [a, b]) {
    await until(() => switchOf(page, 'hawser on instance 1').isDisabled(), 'a switch that is closed');
    expect((await stack.ask('/balancer/instances/1/flags', { method: 'PUT', token: await tokenOf(page), body: { services: { WALLET: false } } })).status).toBe(403);
  }
  await box.click();
  for (const page of [a, b]) await until(() => switchOf(page, 'hawser on instance 1').isEnabled(), 'a switch');
});

test('two changes of one instance at the same time both hold, and it is one process in the end', async () => {
  const token = await stack.signIn('admin', null);
  const change = (services: object) => stack.ask('/balancer/instances/2/flags', { method: 'PUT', token, body: { services } });
  expect((await Promise.all([change({ WALLET: false }), change({ SHIPMENTS: false })])).map(({ status }) => status)).toEqual([202, 202]);
  await until(async () => (await stack.instances())[1].state === 'up', 'an instance that is up');
  expect((await stack.instances())[1].flags).toMatchObject({ WALLET: 'before', SHIPMENTS: 'before', ORDERS: 'after' });
  await until(async () => (await stack.instances())[1].state === 'up' && (await stack.ask('/api/health', { instance: 2 })).status === 200, 'an instance that answers');
  // The connections that any old code needs, of one process.
  const names = await oldConnections();
  expect(names).toEqual([...new Set(names)]);
});
