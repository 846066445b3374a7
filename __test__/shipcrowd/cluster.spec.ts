import { until } from '../helpers/until';
import { FROM, NEAR, ORDER, stackForAll } from './stack';

const stack = stackForAll(() => ['--cluster', '--instances', '2']);

jest.setTimeout(120_000);

test('on six nodes: lists, details, permissions, sessions, limits, queues, dashboards', async () => {
  const [token, admin] = [await stack.signIn('owner'), await stack.signIn('admin', null)];
  const everywhere = <T>(place: string, part: (answer: { status: number; body: any }) => T, by = token) => Promise.all([1, 2].map(async (instance) => part(await stack.ask(place, { token: by, instance }))));
  const { body } = await stack.ask('/api/operations', { token });
  expect(body.redis.mode).toBe('cluster');
  // The third, the publisher, opens with the first message.
  expect(body.connections.slice(0, 2).map(({ name, state }: any) => `${name} ${state}`)).toEqual(['main ready', 'subscriber ready']);

  for (let n = 0; n < 10; n++) {
    await everywhere('/api/orders', () => undefined);
    const { status, body: order } = await stack.ask('/api/orders', { token, instance: (n % 2) + 1, body: ORDER });
    expect(status).toBe(201);
    expect(await everywhere('/api/orders', ({ body }) => body.items[0].id)).toEqual([order.id, order.id]);
    await stack.ask(`/api/orders/${order.id}/status`, { token, method: 'PATCH', body: { status: 'packed' } });
    expect(await everywhere(`/api/orders/${order.id}`, ({ body }) => body.status)).toEqual(['packed', 'packed']);
  }
  await until(async () => {
    const { jobs } = (await stack.ask('/api/operations', { token })).body;
    // Six for each order, and two for each that was packed.
    return jobs.runs === 80 && jobs.twice === 0 && jobs.outbox === 0;
  }, { deadlineMs: 60_000 });
  expect((await everywhere('/api/analytics/dashboard', ({ body }) => body.generatedAt))[0]).toBeDefined();
  expect(await everywhere(`/api/pricing/zone?from=${FROM}&to=${NEAR}`, ({ body }) => body.zone)).toEqual(['A', 'A']);
  await stack.ask(`/api/admin/pincodes/${NEAR}`, { token: admin, method: 'PATCH', body: { zone: 'remote' } });
  expect(await everywhere(`/api/pricing/zone?from=${FROM}&to=${NEAR}`, ({ body }) => body.zone)).toEqual(['E', 'E']);

  await stack.ask('/api/admin/users/u-c1-owner/role', { token: admin, method: 'PUT', body: { role: 'viewer' } });
  expect(await everywhere('/api/wallet', ({ status }) => status)).toEqual([403, 403]);
  const viewer = await stack.signIn('viewer');
  await stack.ask('/api/auth/logout', { token: viewer, method: 'POST' });
  expect(await everywhere('/api/auth/me', ({ status }) => status, viewer)).toEqual([401, 401]);

  const remaining = async (instance: number) => Number(/remaining=(\d+)/.exec((await stack.ask('/api/orders', { token, instance })).headers.get('ratelimit') ?? '')?.[1]);
  expect(await remaining(1)).toBe((await remaining(2)) + 1);
  expect((await stack.ask('/balancer/instances/1/flags', { method: 'PUT', token: admin, body: { REDIS_MANAGER_ENABLED: false } })).status).toBe(409);
});
