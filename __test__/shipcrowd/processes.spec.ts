import { nowMs } from '../helpers/clock';
import { until } from '../helpers/until';
import { ORDER, stackOnRedis } from './stack';

jest.setTimeout(120_000);

// What the server has taken is on its disk before it answers, as state should be.
const { server, stack } = stackOnRedis(['--instances', '2'], ['--appendonly', 'yes', '--appendfsync', 'always']);

/** How long it takes until a killed instance is replaced, in milliseconds. */
let startedIn = NaN;

/** What the limiter says is left of the user's minute. */
const left = async (token: string, instance: number): Promise<number> =>
  Number(/remaining=(\d+)/.exec((await stack.ask('/api/wallet', { token, instance })).headers.get('ratelimit') ?? '')?.[1] ?? NaN);

/** How long a list takes that no cache has, in milliseconds: the median of so many. */
async function listTime(token: string, count: number, instance?: number): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const started = nowMs();
    expect((await stack.ask(`/api/orders?search=nobody-${nowMs()}`, { token, instance })).status).toBe(200);
    times.push(nowMs() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(count / 2)];
}

/** Kills the second instance and waits for its successor. Returns how long that took, in milliseconds. */
async function replaceSecond(meanwhile: () => Promise<void> = async () => undefined): Promise<number> {
  const [, { pid }] = await stack.instances();
  const started = nowMs();
  expect((await stack.ask('/balancer/instances/2/kill', { method: 'POST' })).status).toBe(202);
  await meanwhile();
  await until(async () => (await stack.instances())[1].state === 'up' && (await stack.instances())[1].pid !== pid, { deadlineMs: 60_000, everyMs: 50 });
  return nowMs() - started;
}

const jobs = async (token: string) => (await stack.ask('/api/operations', { token })).body.jobs as { outbox: number; runs: number; twice: number };

test('an instance that is told to stop answers what it has begun, and comes back', async () => {
  const token = await stack.signIn('owner');
  const [{ pid }] = await stack.instances();
  const asked = Array.from({ length: 40 }, () => stack.ask('/api/orders', { token, body: ORDER }));
  process.kill(pid, 'SIGTERM');
  const answers = await Promise.all(asked);
  for (const { status, body } of answers) {
    // An instance that had to be left in the middle is a 502: nobody knows what it has done.
    if (status === 201) expect((await stack.ask(`/api/orders/${body.id}`, { token })).body.customer).toBe('Test Customer');
    else expect(status).toBeGreaterThanOrEqual(502);
  }
  await until(async () => (await stack.instances()).every((one) => one.state === 'up' && one.pid !== pid), { deadlineMs: 60_000, everyMs: 50 });
});

test('an instance that is killed is replaced, and requests go to the other one meanwhile', async () => {
  const token = await stack.signIn('owner');
  startedIn = await replaceSecond(async () => {
    for (let n = 0; n < 10; n++) expect((await stack.ask('/api/orders', { token })).status).toBe(200);
  });
});

test('Redis is killed: pages stay up, orders are saved and say that they are not visible yet, and their jobs run when it is back', async () => {
  const token = await stack.signIn('owner', 'c2');
  const { runs } = await until(async () => {
    const now = await jobs(token);
    return now.outbox === 0 ? now : null;
  });
  const gone = await stack.signIn('viewer', 'c2');
  await stack.ask('/api/auth/logout', { token: gone, method: 'POST' });
  const usual = await listTime(token, 15);
  await server.kill();

  const pages = ['/api/orders', '/api/shipments', '/api/wallet', '/api/analytics/dashboard', '/api/auth/me'].map((place) => stack.ask(place, { token }));
  expect((await Promise.all(pages)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  const { status, body: order } = await stack.ask('/api/orders', { token, body: ORDER });
  expect(status).toBe(202);
  expect((await stack.ask('/api/orders', { token })).body.items[0].id).toBe(order.id);
  expect((await stack.ask('/api/health/redis')).status).toBe(503);
  expect((await stack.ask('/api/health')).status).toBe(200);
  // Redis has the blacklist, and the database knows, too.
  expect((await stack.ask('/api/auth/me', { token: gone })).status).toBe(401);
  // Nobody waits for a server that is known to be away. Half a second of waiting for each command would be a hundred times as much.
  expect((await listTime(token, 15)) / usual).toBeLessThan(10);

  // An instance starts without Redis, and tries for half a second only. What waits for Redis as long as it may makes it five times as long.
  expect((await replaceSecond()) / startedIn).toBeLessThan(3);
  expect((await stack.ask('/api/orders', { token, instance: 2 })).status).toBe(200);
  expect(await left(token, 2)).toBeNaN();

  await server.launch();
  await until(async () => (await stack.ask('/api/orders', { token, body: ORDER })).status === 201, { deadlineMs: 60_000, everyMs: 100 });
  // No job was with the instance that was killed: it would be put into its queue again after half a minute.
  const now = await until(async () => {
    const later = await jobs(token);
    return later.outbox === 0 && later.runs >= runs + 12 ? later : null;
  }, { deadlineMs: 15_000, everyMs: 100 });
  expect(now.twice).toBe(0);
  await until(async () => (await stack.ask('/api/health/redis')).status === 200, { deadlineMs: 20_000 });
  expect((await stack.ask('/api/auth/me', { token: gone })).status).toBe(401);
  // It counts limits as the other one does.
  const [first, second] = [await left(token, 1), await left(token, 2)];
  expect(first - second === 1 || second > first).toBe(true);
});

test('Redis is silent: it is asked a few times, and then users do not wait for it', async () => {
  const token = await stack.signIn('owner', 'c3');
  const requests = 16;
  const usual = await listTime(await stack.signIn('owner', 'c2'), requests, 1);
  server.freeze();
  try {
    expect((await listTime(token, requests, 1)) / usual).toBeLessThan(10);
  } finally {
    server.thaw();
  }
  await until(async () => (await stack.ask('/api/health/redis')).status === 200, { deadlineMs: 20_000 });
  // What was sent meanwhile runs now: a limiter that had gone on asking would have counted every request.
  expect(Number(await server.command('GET', 'rl:u-c3-owner'))).toBeLessThan(requests / 3);
  await until(async () => (await left(token, 1)) > (await left(token, 2)), { deadlineMs: 20_000 });
}, 240_000);
