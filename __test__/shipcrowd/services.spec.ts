import { until } from '../helpers/until';
import { FROM, NEAR, ORDER, stackOnRedis } from './stack';

const { server, stack } = stackOnRedis();
const INSTANCES = [1, 2, 3];
const admin = () => stack.signIn('admin', null);

/** Reference data lives for 24 hours. */
const isKeptForADay = async (key: string): Promise<boolean> => Math.abs(Number(await server.command('TTL', key)) - 86_400) < 300;

/** The same request to every instance. */
const everywhere = <T>(place: string, token: string, part: (body: any) => T): Promise<T[]> =>
  Promise.all(INSTANCES.map(async (instance) => part((await stack.ask(place, { token, instance })).body)));

test('order lists: created through one instance, in the list of every other one when the answer is there', async () => {
  const token = await stack.signIn('owner', 'c2');
  const lists = ['/api/orders', '/api/orders?status=new&limit=5', '/api/orders?sort=-createdAt&page=1&limit=50'];
  for (const instance of INSTANCES) {
    for (const list of lists) await everywhere(list, token, () => undefined);
    const { status, body } = await stack.ask('/api/orders', { token, instance, body: ORDER });
    expect(status).toBe(201);
    for (const list of lists) expect(await everywhere(list, token, ({ items }) => items[0].id)).toEqual(INSTANCES.map(() => body.id));
  }
});

test('order details: a status is seen by every instance', async () => {
  const token = await stack.signIn('owner', 'c2');
  const { body: order } = await stack.ask('/api/orders', { token, body: ORDER });
  const statuses = () => everywhere(`/api/orders/${order.id}`, token, ({ status }) => status);
  expect(await statuses()).toEqual(['new', 'new', 'new']);
  for (const [i, status] of ['packed', 'shipped', 'in-transit', 'delivered'].entries()) {
    expect((await stack.ask(`/api/orders/${order.id}/status`, { token, method: 'PATCH', body: { status }, instance: (i % 3) + 1 })).status).toBe(200);
    expect(await statuses()).toEqual([status, status, status]);
  }
});

test('shipment and wallet lists: one tag for each company and resource', async () => {
  const token = await stack.signIn('owner', 'c3');
  const places = ['/api/shipments', '/api/shipments?status=created', '/api/wallet/transactions', '/api/wallet/transactions?limit=3'];
  for (const place of places) await everywhere(place, token, () => undefined);
  const { body: order } = await stack.ask('/api/orders', { token, body: ORDER });
  for (const place of places.slice(0, 2)) await until(async () => (await everywhere(place, token, ({ items }) => items[0].orderId)).every((id) => id === order.id));
  for (const place of places.slice(2)) await until(async () => (await everywhere(place, token, ({ items }) => items[0].reference)).every((id) => id === order.id));

  const [{ body: shipments }, { body: before }] = [await stack.ask('/api/shipments?limit=1', { token }), await stack.ask('/api/wallet', { token })];
  const changed = await stack.ask(`/api/shipments/${shipments.items[0].id}/status`, { token, method: 'PATCH', body: { status: 'picked-up' }, instance: 1 });
  expect(changed.body.status).toBe('picked-up');
  expect(await everywhere('/api/shipments', token, ({ items }) => items[0].status)).toEqual(['picked-up', 'picked-up', 'picked-up']);
  expect((await stack.ask('/api/wallet/recharge', { token, body: { amount: 500 }, instance: 2 })).body).toEqual({ balance: before.balance + 500, currency: 'INR' });
  expect(await everywhere('/api/wallet', token, ({ balance }) => balance)).toEqual(INSTANCES.map(() => before.balance + 500));
  expect(await everywhere('/api/wallet/transactions', token, ({ items }) => items[0].amount)).toEqual([500, 500, 500]);
});

test('zones: an admin changes a pincode, and no instance answers with the former zone', async () => {
  const token = await admin();
  const zone = () => everywhere(`/api/pricing/zone?from=${FROM}&to=${NEAR}`, token, (body) => body.zone);
  expect(await zone()).toEqual(['A', 'A', 'A']);
  expect((await stack.ask(`/api/admin/pincodes/${NEAR}`, { token, method: 'PATCH', body: { zone: 'remote' }, instance: 3 })).status).toBe(200);
  expect(await zone()).toEqual(['E', 'E', 'E']);
  await stack.ask(`/api/admin/pincodes/${NEAR}`, { token, method: 'PATCH', body: { zone: 'metro' } });
  expect(await zone()).toEqual(['A', 'A', 'A']);
  expect(await isKeptForADay(`pincode:zone:${FROM}:${NEAR}`)).toBe(true);
});

test('rate cards: a new price is in every quote', async () => {
  const token = await admin();
  const price = () => everywhere(`/api/pricing/quote?from=${FROM}&to=${NEAR}&weightGrams=700&paymentMode=prepaid`, token, ({ quotes }) => quotes.find((one: any) => one.courier === 'Xpress').price);
  const before = await price();
  expect((await stack.ask('/api/admin/rate-cards/A-Xpress-1000', { token, method: 'PATCH', body: { price: before[0] + 11 } })).body.price).toBe(before[0] + 11);
  expect(await price()).toEqual(before.map((one) => one + 11));
  expect(await isKeptForADay('pricing:cards:A')).toBe(true);
  expect(await everywhere('/api/admin/rate-cards', token, (cards) => cards.find(({ id }: any) => id === 'A-Xpress-1000').price)).toEqual(before.map((one) => one + 11));
});

test('permissions: what a role or a user loses, every instance refuses from then on', async () => {
  const [token, agent] = [await admin(), await stack.signIn('agent', 'c4')];
  const statuses = async (place: string) => Promise.all(INSTANCES.map(async (instance) => (await stack.ask(place, { token: agent, instance })).status));
  const role = (permissions: string[]) => stack.ask('/api/admin/roles/agent/permissions', { token, method: 'PUT', body: { permissions }, instance: 2 });
  const { body: roles } = await stack.ask('/api/admin/roles', { token });
  const own: string[] = roles.find(({ role }: any) => role === 'agent').permissions;
  expect(await statuses('/api/shipments')).toEqual([200, 200, 200]);
  expect((await role(own.filter((one) => one !== 'shipments.read'))).status).toBe(200);
  expect(await statuses('/api/shipments')).toEqual([403, 403, 403]);
  await role(own);
  expect(await statuses('/api/shipments')).toEqual([200, 200, 200]);

  expect(await statuses('/api/wallet')).toEqual([403, 403, 403]);
  await stack.ask('/api/admin/users/u-c4-agent/role', { token, method: 'PUT', body: { role: 'owner' }, instance: 1 });
  expect(await statuses('/api/wallet')).toEqual([200, 200, 200]);
  await stack.ask('/api/admin/users/u-c4-agent/role', { token, method: 'PUT', body: { role: 'viewer' }, instance: 3 });
  expect(await statuses('/api/wallet')).toEqual([403, 403, 403]);
});

test('dashboards: shared by all, and an old one is returned while the next is computed', async () => {
  const token = await stack.signIn('manager', 'c5');
  const times = async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, i) => stack.ask('/api/analytics/dashboard?days=60', { token, instance: (i % 3) + 1 })));
    return [...new Set(answers.map(({ body }) => body.generatedAt as string))];
  };
  const [first, ...others] = await times();
  expect(others).toEqual([]);
  // An entry's age is what has gone of its time to live: 900 s. This one is now 400 s old, and stale after 300.
  expect(await server.command('EXPIRE', 'analytics:c5:dashboard:60', 500)).toBe(1);
  expect((await stack.ask('/api/analytics/dashboard?days=60', { token })).body.generatedAt).toBe(first);
  await until(async () => (await times())[0] > first);
  expect(await times()).toHaveLength(1);
});

test('sessions: a token that was revoked on one instance is refused by all, and is in the blacklist', async () => {
  const token = await stack.signIn('manager', 'c5');
  expect(await everywhere('/api/auth/me', token, ({ role }) => role)).toEqual(['manager', 'manager', 'manager']);
  expect((await stack.ask('/api/auth/logout', { token, method: 'POST', instance: 2 })).status).toBe(204);
  for (const instance of INSTANCES) expect((await stack.ask('/api/auth/me', { token, instance })).status).toBe(401);
  const { jti, exp } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString()) as { jti: string; exp: number };
  const left = Number(await server.command('TTL', `blacklist:${jti}`));
  expect(Math.abs(exp - Date.now() / 1000 - left)).toBeLessThan(30);
});

test('limits: both limiters count for the fleet', async () => {
  const token = await stack.signIn('viewer', 'c6');
  const remaining = async (instance: number) => Number(/remaining=(\d+)/.exec((await stack.ask('/api/orders?limit=1', { token, instance })).headers.get('ratelimit') ?? '')?.[1]);
  const [first, second, third] = [await remaining(1), await remaining(2), await remaining(3)];
  expect([first - second, second - third]).toEqual([1, 1]);
  const login = (instance: number) => stack.ask('/api/auth/login', { body: { email: 'nobody@nowhere.example' }, instance });
  for (let n = 0; n < 60; n++) expect((await login((n % 3) + 1)).status).toBe(401);
  const refused = await Promise.all(INSTANCES.map(login));
  expect(refused.map(({ status, body }) => [status, body.error.code])).toEqual(INSTANCES.map(() => [429, 'too_many_requests']));
});

test('queues: thirteen of them, and every job of an order runs once', async () => {
  const token = await stack.signIn('owner', 'c6');
  const operations = async () => (await stack.ask('/api/operations', { token })).body;
  const completed = (queues: any[]): number => queues.reduce((all, { completed }) => all + completed, 0);
  const before = await until(async () => {
    const now = await operations();
    return now.jobs.outbox === 0 && now.queues.every(({ waiting, active }: any) => waiting + active === 0) && now;
  });
  expect(before.queues).toHaveLength(13);
  await Promise.all(Array.from({ length: 20 }, () => stack.ask('/api/orders', { token, body: ORDER })));
  // Five jobs for a new order, and its web hook.
  const now = await until(async () => {
    const later = await operations();
    return later.jobs.runs === before.jobs.runs + 120 && completed(later.queues) === completed(before.queues) + 120 && later;
  }, { deadlineMs: 25_000 });
  expect(now.jobs).toMatchObject({ outbox: 0, runs: before.jobs.runs + 120, twice: 0 });
});

test('queues: a job that is given out again, as by a new master that does not know that it is done, has its effect once', async () => {
  const token = await stack.signIn('owner', 'c6');
  const prefix = '{shipcrowd}:wallet-settlement';
  const keys = async (pattern: string) => (await server.command('KEYS', pattern)) as string[];
  const state = async () => {
    const [{ body: operations }, { body: wallet }, { body: list }] = [await stack.ask('/api/operations', { token }), await stack.ask('/api/wallet', { token }), await stack.ask('/api/wallet/transactions', { token })];
    return { ...operations.jobs, balance: wallet.balance, charges: list.total } as { outbox: number; runs: number; twice: number; repeated: number; balance: number; charges: number };
  };
  /** What `resume` of BullMQ does. */
  const resume = async () => {
    await server.command('HDEL', `${prefix}:meta`, 'paused');
    await server.command('RENAME', `${prefix}:paused`, `${prefix}:wait`);
    await server.command('ZADD', `${prefix}:marker`, 0, '0');
  };
  await until(async () => (await state()).outbox === 0, { deadlineMs: 20_000 });
  const before = await state();
  await server.command('HSET', `${prefix}:meta`, 'paused', 1);
  for (let n = 0; n < 5; n++) await stack.ask('/api/orders', { token, body: ORDER });
  await until(async () => (await server.command('LLEN', `${prefix}:paused`)) === 5, { deadlineMs: 20_000 });
  for (const key of await keys(`${prefix}:*`)) await server.command('COPY', key, `copy:${key}`);
  await resume();
  await until(async () => (await state()).outbox === 0, { deadlineMs: 20_000 });
  const done = await state();
  expect(done).toMatchObject({ runs: before.runs + 30, twice: 0, charges: before.charges + 5 });

  // The queue as it was before they were done.
  await server.command('HSET', `${prefix}:meta`, 'paused', 1);
  await server.command('DEL', ...(await keys(`${prefix}:*`)).filter((key) => !/:(meta|id)$/.test(key)));
  for (const copy of await keys(`copy:${prefix}:*`)) await server.command('RENAME', copy, copy.slice('copy:'.length));
  await resume();
  await until(async () => (await state()).repeated === before.repeated + 5, { deadlineMs: 20_000 });
  expect(await state()).toEqual({ ...done, repeated: before.repeated + 5 });
}, 60_000);

test('connections: three of the manager for each instance, beside those of BullMQ and of the stream', async () => {
  const token = await stack.signIn('viewer');
  expect(await everywhere('/api/operations', token, ({ connections }) => connections.map(({ name, library, state }: any) => `${name} ${library} ${state}`))).toEqual(
    INSTANCES.map(() => ['main hawser ready', 'subscriber hawser ready', 'publisher hawser ready']),
  );
  const clients = String(await server.command('CLIENT', 'LIST'));
  const count = (name: string) => clients.split(`name=hawser:${name} `).length - 1;
  expect([count('main'), count('subscriber'), count('publisher')]).toEqual([3, 3, 3]);
  // Nobody waits for another instance's load over a connection of its own.
  expect(clients).not.toMatch(/name=(shipcrowd:|hawser:cache )/);
});

test('warming: the companies with the most orders have their dashboards before the first request', async () => {
  const token = await stack.signIn('manager', 'c6');
  const { generatedAt } = (await stack.ask('/api/analytics/dashboard?days=30', { token })).body;
  expect(Date.parse(generatedAt)).toBeLessThanOrEqual(stack.readyAt);
});

test('health, metrics and figures of the tiers', async () => {
  const { status, body } = await stack.ask('/api/health/redis');
  expect([status, body.main, body.subscriber, body.publisher]).toEqual([200, 'connected', 'PONG', 'PONG']);
  const metrics = (await stack.ask('/metrics')).body as string;
  expect(metrics).toMatch(/hawser_cache_tier_reads_total\{tier="orders",result="hit"\} [1-9]/);
  expect(metrics).toMatch(/shipcrowd_database_queries_total [1-9]/);
  const { tiers } = (await stack.ask('/api/operations', { token: await stack.signIn('viewer') })).body;
  expect(tiers.map(({ name, target }: any) => `${name} ${target}`)).toEqual(
    ['zones 0.75', 'rateCards 0.9', 'permissions 0.9', 'orders 0.6', 'shipments 0.6', 'walletLists null', 'orderDetails null', 'analytics 0.8', 'wallet null'],
  );
});
