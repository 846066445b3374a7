/** One fleet goes from the old code to the new and back: each test begins with what the one before has left. */
import { until } from '../helpers/until';
import { FROM, NEAR, ORDER, stackOnRedis } from './stack';

const { server, stack } = stackOnRedis(['--before', '--instances', '2']);
// Instances start again several times.
jest.setTimeout(120_000);
const admin = () => stack.signIn('admin', null);
const named = async () => [...String(await server.command('CLIENT', 'LIST')).matchAll(/ name=(\S*) /g)].map(([, name]) => name);
const remaining = async (token: string, instance: number) =>
  Number(/remaining=(\d+)/.exec((await stack.ask('/api/pricing/zone?from=110000&to=110001', { token, instance })).headers.get('ratelimit') ?? '')?.[1]);

/** Tokens of the first test, and the latest order. */
let revoked = '';
let viewer = '';
const orders: string[] = [];

/** Creates an order through one instance and waits until the other one lists it. */
async function createAndList(from: number, to: number, company = 'c1'): Promise<void> {
  const token = await stack.signIn('owner', company);
  await stack.ask('/api/orders', { token, instance: to });
  const { status, body } = await stack.ask('/api/orders', { token, instance: from, body: ORDER });
  expect(status).toBe(201);
  orders.push(body.id);
  await until(async () => (await stack.ask('/api/orders', { token, instance: to })).body.items[0].id === body.id);
}

/** Jobs that have run, as the database has counted them, when none is left. */
async function finishedJobs(): Promise<{ outbox: number; runs: number; twice: number }> {
  // One sign-in, because they are limited.
  const token = await admin();
  return until(async () => {
    const { jobs, queues } = (await stack.ask('/api/operations', { token })).body;
    return jobs.outbox === 0 && queues.every(({ waiting, active }: any) => waiting + active === 0) ? jobs : null;
  }, { deadlineMs: 60_000, everyMs: 50 });
}

test('before: two libraries and more than seven connections for each instance, and none of hawser', async () => {
  const names = await named();
  const old = names.filter((name) => name.startsWith('shipcrowd:'));
  expect(new Set(old)).toEqual(
    new Set(
      ['cache.service', 'pricing-cache.service', 'permission.service', 'permission.service:pub', 'permission.service:sub', 'rate-limiter', 'require-permission.middleware', 'rateLimit.config', 'jwt', 'redis.connection', 'cache-invalidation.listener'].map(
        (file) => `shipcrowd:${file}`,
      ),
    ),
  );
  expect(old).toHaveLength(22);
  expect(names.filter((name) => name.startsWith('hawser'))).toEqual([]);
  const { connections } = (await stack.ask('/api/operations', { token: await admin() })).body;
  expect(new Set(connections.map(({ library }: any) => library))).toEqual(new Set(['redis', 'ioredis']));
  expect((await stack.ask('/api/health/redis')).status).toBe(200);
  viewer = await stack.signIn('viewer');
  expect((await stack.ask('/api/stream', { token: viewer })).body.error.code).toBe('no_stream');
});

test('before: everything works as it did', async () => {
  await createAndList(1, 2);
  const token = await admin();
  const zone = async () => (await stack.ask(`/api/pricing/zone?from=${FROM}&to=${NEAR}`, { token })).body.zone;
  expect(await zone()).toBe('A');
  await stack.ask(`/api/admin/pincodes/${NEAR}`, { token, method: 'PATCH', body: { zone: 'remote' } });
  expect(await zone()).toBe('E');
  expect((await finishedJobs()).twice).toBe(0);
  revoked = await stack.signIn('manager');
  await stack.ask('/api/auth/logout', { token: revoked, method: 'POST', instance: 1 });
});

test('canary: one instance on the new code, the other on the old', async () => {
  const token = await admin();
  const left = await remaining(viewer, 2);
  await stack.switchTo(2, { REDIS_MANAGER_ENABLED: true }, token);
  const flags = (await stack.instances()).map(({ flags }) => [...new Set(Object.values(flags))]);
  expect(flags).toEqual([['before'], ['after']]);
  const names = await named();
  expect(names.filter((name) => name.startsWith('shipcrowd:'))).toHaveLength(11);
  // The third, the publisher, opens with the first message.
  expect(names.filter((name) => /^hawser:(main|subscriber)$/.test(name)).sort()).toEqual(['hawser:main', 'hawser:subscriber']);

  // State has come along: the blacklist, the counters.
  expect((await stack.ask('/api/auth/me', { token: revoked, instance: 2 })).status).toBe(401);
  expect(await remaining(viewer, 2)).toBe(left - 1);
  // A token that the new code revokes is refused by the old.
  const another = await stack.signIn('agent');
  await stack.ask('/api/auth/logout', { token: another, method: 'POST', instance: 2 });
  expect((await stack.ask('/api/auth/me', { token: another, instance: 1 })).status).toBe(401);
});

test('canary: each side drops what the other side changes', async () => {
  const token = await admin();
  for (let n = 0; n < 3; n++) {
    await createAndList(1, 2);
    await createAndList(2, 1);
  }
  // The zone that old code changed is the new code's, too; and the other way round.
  const zone = async (instance: number) => (await stack.ask(`/api/pricing/zone?from=${FROM}&to=${NEAR}`, { token, instance })).body.zone;
  const setZone = (zone: string, instance: number) => stack.ask(`/api/admin/pincodes/${NEAR}`, { token, method: 'PATCH', body: { zone }, instance });
  expect([await zone(1), await zone(2)]).toEqual(['E', 'E']);
  await setZone('metro', 2);
  await until(async () => (await zone(1)) === 'A');
  await setZone('remote', 1);
  await until(async () => (await zone(2)) === 'E');

  const roles = (permissions: string[], instance: number) => stack.ask('/api/admin/roles/viewer/permissions', { token, method: 'PUT', body: { permissions }, instance });
  const status = async (instance: number) => (await stack.ask('/api/shipments', { token: viewer, instance })).status;
  expect([await status(1), await status(2)]).toEqual([200, 200]);
  await roles(['orders.read', 'pricing.read'], 2);
  await until(async () => (await status(1)) === 403);
  await roles(['orders.read', 'pricing.read', 'shipments.read'], 1);
  await until(async () => (await status(2)) === 200);
});

test('a single service can be switched', async () => {
  const token = await admin();
  await stack.switchTo(2, { REDIS_MANAGER_ENABLED: false, services: { ORDERS: true, ANALYTICS: true } }, token);
  const { flags } = (await stack.instances())[1];
  expect(Object.entries(flags).flatMap(([name, side]) => (side === 'after' ? [name] : []))).toEqual(['ORDERS', 'ANALYTICS']);
  await createAndList(1, 2);
  await createAndList(2, 1);
  expect((await stack.ask('/api/analytics/dashboard', { token: await stack.signIn('manager'), instance: 2 })).status).toBe(200);
});

test('jobs that the old code has added are processed by the new, and none twice', async () => {
  const { runs } = await finishedJobs();
  // Nobody takes jobs for a moment, so that those of the old code are still there when the new code comes.
  const paused = ['order-processing', 'wallet-settlement', 'webhook-delivery'];
  for (const queue of paused) await server.command('HSET', `{shipcrowd}:${queue}:meta`, 'paused', 1);
  const waiting = () => Promise.all(paused.map((queue) => server.command('LLEN', `{shipcrowd}:${queue}:paused`)));
  const token = await stack.signIn('owner', 'c3');
  for (let n = 0; n < 10; n++) await stack.ask('/api/orders', { token, instance: 1, body: ORDER });
  await until(async () => String(await waiting()) === '10,10,10');
  await stack.switchTo(1, { REDIS_MANAGER_ENABLED: true }, await admin());
  await stack.switchTo(2, { REDIS_MANAGER_ENABLED: true }, await admin());
  expect(await waiting()).toEqual([10, 10, 10]);
  // What `resume` of BullMQ does.
  for (const queue of paused) {
    await server.command('HDEL', `{shipcrowd}:${queue}:meta`, 'paused');
    await server.command('RENAME', `{shipcrowd}:${queue}:paused`, `{shipcrowd}:${queue}:wait`);
    await server.command('ZADD', `{shipcrowd}:${queue}:marker`, 0, '0');
  }
  const jobs = await until(async () => {
    const now = (await stack.ask('/api/operations', { token })).body.jobs;
    return now.runs === runs + 60 && now;
  }, { deadlineMs: 30_000, everyMs: 50 });
  expect(jobs).toMatchObject({ outbox: 0, twice: 0 });
  expect((await named()).filter((name) => name.startsWith('shipcrowd:'))).toEqual([]);
});

test('rollback: the old code again, and nothing is lost', async () => {
  const token = await admin();
  const stays = await stack.signIn('owner');
  const ended = await stack.signIn('owner');
  await stack.ask('/api/auth/logout', { token: ended, method: 'POST' });
  const left = await remaining(viewer, 1);
  await stack.switchTo(1, { REDIS_MANAGER_ENABLED: false }, token);
  await stack.switchTo(2, { REDIS_MANAGER_ENABLED: false }, token);
  expect((await named()).filter((name) => name.startsWith('hawser'))).toEqual([]);
  expect((await stack.ask('/api/auth/me', { token: stays })).status).toBe(200);
  for (const gone of [ended, revoked]) expect((await stack.ask('/api/auth/me', { token: gone })).status).toBe(401);
  // The window of a minute may have ended meanwhile; a counter never goes up within one.
  const now = await remaining(viewer, 2);
  expect(now < left || now === 2999).toBe(true);
  for (const id of orders) expect((await stack.ask(`/api/orders/${id}`, { token: stays })).status).toBe(200);
  expect((await finishedJobs()).twice).toBe(0);
});

test('and forward again: what was changed meanwhile is not old', async () => {
  // The new code's entries of this list are still in Redis, and nobody has invalidated them while it was off.
  await createAndList(1, 2);
  await stack.switchTo(1, { REDIS_MANAGER_ENABLED: true }, await admin());
  const { items } = (await stack.ask('/api/orders', { token: await stack.signIn('owner'), instance: 1 })).body;
  expect(items[0].id).toBe(orders[orders.length - 1]);
});

test('only those who may, and only flags that exist', async () => {
  const flags = (token: string | undefined, body: unknown) => stack.ask('/balancer/instances/1/flags', { method: 'PUT', token, body }).then(({ status }) => status);
  expect(await flags(undefined, { REDIS_MANAGER_ENABLED: true })).toBe(403);
  expect(await flags(viewer, { REDIS_MANAGER_ENABLED: true })).toBe(403);
  expect(await flags(await admin(), { services: { NOTHING: true } })).toBe(400);
  expect(await flags(await admin(), { REDIS_MANAGER_ENABLED: 'yes' })).toBe(400);
});
