import { until } from '../helpers/until';
import { FROM, NEAR, ORDER, stackForAll } from './stack';

const stack = stackForAll(() => ['--memory']);

test('without a server it is one instance with the new code, and says so', async () => {
  const [only, ...others] = await stack.instances();
  expect(others).toEqual([]);
  expect(new Set(Object.values(only.flags))).toEqual(new Set(['after']));
  const { status, body } = await stack.ask('/api/health/redis');
  expect([status, body.main]).toEqual([200, 'connected']);
  const operations = await stack.ask('/api/operations', { token: await stack.signIn('viewer') });
  expect(operations.body).toMatchObject({ memory: true, redis: { mode: 'memory' }, connections: [], jobs: { twice: 0 } });
  const token = await stack.signIn('admin', null);
  expect((await stack.ask('/balancer/instances/1/flags', { method: 'PUT', token, body: { REDIS_MANAGER_ENABLED: false } })).body.error.code).toBe('no_old_code');
});

test('an order is in the list at once, and its jobs run in the process', async () => {
  const token = await stack.signIn('owner');
  const list = () => stack.ask('/api/orders?limit=5', { token });
  const before = (await list()).body.total;
  const { status, body: order } = await stack.ask('/api/orders', { token, body: ORDER });
  expect(status).toBe(201);
  expect(order).toMatchObject({ customer: 'Test Customer', status: 'new', zone: 'A', companyId: 'c1', timeline: [{ status: 'new' }] });
  const { items, total } = (await list()).body;
  expect([items[0].id, total]).toEqual([order.id, before + 1]);
  // The job makes its shipment and charges the wallet; both lists show it.
  await until(async () => (await stack.ask('/api/shipments?limit=1', { token })).body.items[0].orderId === order.id);
  await until(async () => (await stack.ask('/api/wallet/transactions?limit=1', { token })).body.items[0].reference === order.id);
});

test('what is not allowed is refused with a code', async () => {
  const viewer = await stack.signIn('viewer');
  const code = async (place: string, asked: object) => {
    const { status, body } = await stack.ask(place, asked);
    return [status, body.error.code];
  };
  expect(await code('/api/orders', {})).toEqual([401, 'unauthorized']);
  expect(await code('/api/orders', { token: 'no.token.atall' })).toEqual([401, 'unauthorized']);
  expect(await code('/api/orders', { token: viewer, body: ORDER })).toEqual([403, 'forbidden']);
  const owner = await stack.signIn('owner');
  expect(await code('/api/orders', { token: owner, body: { ...ORDER, weightGrams: -1 } })).toEqual([400, 'bad_request']);
  expect(await code('/api/orders', { token: owner, body: { ...ORDER, to: '999999' } })).toEqual([400, 'bad_request']);
  expect(await code('/api/orders?page=0', { token: owner })).toEqual([400, 'bad_request']);
  expect(await code('/api/orders/ORD-999999', { token: owner })).toEqual([404, 'not_found']);
  expect(await code('/api/nothing', { token: owner })).toEqual([404, 'not_found']);
  const { body: order } = await stack.ask('/api/orders', { token: owner, body: ORDER });
  expect(await code(`/api/orders/${order.id}/status`, { token: owner, method: 'PATCH', body: { status: 'delivered' } })).toEqual([409, 'impossible_step']);
  // Another company's order does not exist.
  expect(await code(`/api/orders/${order.id}`, { token: await stack.signIn('owner', 'c2') })).toEqual([404, 'not_found']);
});

test('prices, zones and the dashboard add up', async () => {
  const token = await stack.signIn('manager');
  const quote = (await stack.ask(`/api/pricing/quote?from=${FROM}&to=${NEAR}&weightGrams=700&paymentMode=cod`, { token })).body;
  expect(quote.zone).toBe('A');
  const prices = quote.quotes.map(({ price }: { price: number }) => price);
  expect(prices).toHaveLength(5);
  expect(prices).toEqual([...prices].sort((a, b) => a - b));
  const { totals, byStatus, byDay } = (await stack.ask('/api/analytics/dashboard?days=90', { token })).body;
  const sum = (rows: Record<string, number>[], name: string) => rows.reduce((all, row) => all + row[name], 0);
  expect([sum(byStatus, 'count'), sum(byDay, 'orders'), sum(byDay, 'revenue')]).toEqual([totals.orders, totals.orders, totals.revenue]);
});

test('a token that was revoked is refused', async () => {
  const token = await stack.signIn('agent');
  expect((await stack.ask('/api/auth/me', { token })).body).toMatchObject({ role: 'agent', companyId: 'c1' });
  expect((await stack.ask('/api/auth/logout', { token, method: 'POST' })).status).toBe(204);
  expect((await stack.ask('/api/auth/me', { token })).status).toBe(401);
});
