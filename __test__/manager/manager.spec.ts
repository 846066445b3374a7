/** The manager on a real server: how many connections there are, and how they end. */
import * as net from 'node:net';
import type { Redis } from '../../lib';
import { redisHealthCheck, RedisManager, type Logger } from '../../lib/facade';
import { onClose } from '../../lib/manager/connections';
import { serverForAll } from '../helpers/lifetimes';
import { freePort } from '../helpers/redis-server';
import { nowMs } from '../helpers/clock';
import { until } from '../helpers/until';

const server = serverForAll();
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const roles = ['getMainClient', 'getSubscriberClient', 'getPublisherClient'] as const;

/** What depends on the connections, and is closed with them. */
let hook = (): Promise<void> => Promise.resolve();
onClose(() => hook());

beforeEach(() => RedisManager.configure({ url: server.url, logger: quiet }));
afterEach(async () => {
  hook = () => Promise.resolve();
  server.thaw();
  await RedisManager.closeAll();
});

/** The names of the manager's connections on the server. */
async function names(): Promise<string[]> {
  const list = String(await server.command('CLIENT', 'LIST'));
  return [...list.matchAll(/ name=(hawser:\w+) /g)].map((match) => match[1]).sort();
}

describe('RedisManager', () => {
  test('a hundred simultaneous first calls open one connection for each role and return one instance', async () => {
    const got = await Promise.all(roles.map((role) => Promise.all(Array.from({ length: 100 }, () => RedisManager[role]()))));
    const clients = got.map((group) => new Set(group));
    expect(clients.map((group) => group.size)).toEqual([1, 1, 1]);
    await Promise.all(got.map(([client]) => client.ping()));
    expect(await names()).toEqual(['hawser:main', 'hawser:publisher', 'hawser:subscriber']);
    // Later calls open no other connection.
    for (const role of roles) expect(await RedisManager[role]()).toBe(got[roles.indexOf(role)][0]);
    expect(await names()).toHaveLength(3);
  });

  test('resolves before there is a connection, and commands wait in the queue', async () => {
    const redis = await RedisManager.getMainClient();
    expect(redis.status).toBe('connecting');
    expect(await redis.set('k', 'v')).toBe('OK');
    expect(await redis.get('k')).toBe('v');
  });

  test.each(['disconnect', 'quit'] as const)('a client that was ended with %s is replaced at the next call, even before its end event', async (how) => {
    const first = await RedisManager.getMainClient();
    await first.ping();
    const ended = new Promise((resolve) => first.once('end', resolve));
    const ending = Promise.resolve(first[how]());
    const second = await RedisManager.getMainClient();
    expect(second).not.toBe(first);
    expect(await second.ping()).toBe('PONG');
    await Promise.all([ending, ended]);
    expect(await RedisManager.getMainClient()).toBe(second);
    expect(await names()).toEqual(['hawser:main']);
  });

  test('a client keeps reconnecting after an outage longer than its retries', async () => {
    RedisManager.configure({ url: server.url, logger: quiet, retryDelayMs: 1, maxRetries: 2 });
    const redis = await RedisManager.getMainClient();
    await redis.set('k', 'v');
    const { port } = server;
    await server.kill();
    await expect(redis.get('k')).rejects.toThrow('Reached the max retries per request limit (which is 2)');
    await until(() => redis.retryAttempts > 12, { deadlineMs: 20_000 });
    await server.launch();
    expect(server.port).toBe(port);
    await until(async () => (await redis.ping()) === 'PONG', { deadlineMs: 20_000 });
    expect(await RedisManager.getMainClient()).toBe(redis);
  });

  test('an outage is one error line, however many attempts are made', async () => {
    const error = jest.fn();
    RedisManager.configure({ url: `redis://127.0.0.1:${await freePort()}`, retryDelayMs: 1, logger: { ...quiet, error } });
    const redis = await RedisManager.getMainClient();
    await until(() => redis.retryAttempts > 5);
    expect(error).toHaveBeenCalledTimes(1);
    expect(error).toHaveBeenCalledWith(expect.stringContaining('[hawser:main]'));
  });

  test('with monitor, each command is logged at debug level with name and time, without arguments', async () => {
    const debug = jest.fn();
    RedisManager.configure({ url: server.url, monitor: true, logger: { ...quiet, debug } });
    const redis = await RedisManager.getMainClient();
    await redis.set('secret-key', 'secret-value');
    await until(() => debug.mock.calls.some(([line]) => /^\[hawser:main\] set \d+\.\d\d ms$/.test(String(line))));
    expect(JSON.stringify(debug.mock.calls)).not.toContain('secret');
  });
});

describe('closeAll', () => {
  test('answers commands under way, ends every connection, and everything can be used again', async () => {
    const redis = await RedisManager.getMainClient();
    const reply = redis.set('closing', 'yes');
    await RedisManager.getSubscriberClient();
    await RedisManager.closeAll();
    expect(await reply).toBe('OK');
    expect(redis.status).toBe('end');
    await until(async () => (await names()).length === 0);
    const again = await RedisManager.getMainClient();
    expect(again).not.toBe(redis);
    expect(await again.get('closing')).toBe('yes');
  });

  test('may be called repeatedly, also at the same time and before anything was opened', async () => {
    await RedisManager.closeAll();
    await (await RedisManager.getMainClient()).ping();
    await Promise.all([RedisManager.closeAll(), RedisManager.closeAll(), RedisManager.closeAll()]);
    await RedisManager.closeAll();
    await until(async () => (await names()).length === 0);
  });

  test('ends within its time when Redis is down', async () => {
    RedisManager.configure({ url: `redis://127.0.0.1:${await freePort()}`, logger: quiet });
    const clients = await Promise.all(roles.map((role) => RedisManager[role]()));
    const waiting = clients.map((client) => client.ping().then(String, (error: Error) => error.message));
    const start = nowMs();
    await RedisManager.closeAll({ timeoutMs: 1000 });
    expect(nowMs() - start).toBeLessThan(1500);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill('Connection is closed.'));
    expect(clients.map(({ status }) => status)).toEqual(['end', 'end', 'end']);
  });

  test('ends within its time when Redis is frozen, and nothing stays open', async () => {
    const clients = await Promise.all(roles.map((role) => RedisManager[role]()));
    await Promise.all(clients.map((client) => client.ping()));
    server.freeze();
    const waiting = clients.map((client) => client.ping().then(String, (error: Error) => error.message));
    const start = nowMs();
    await RedisManager.closeAll({ timeoutMs: 400 });
    expect(nowMs() - start).toBeLessThan(1400);
    for (const message of await Promise.all(waiting)) expect(message).toMatch(/^(Connection is closed\.|Command aborted due to connection close)$/);
    await until(() => clients.every((client) => client.status === 'end' && client.stream?.destroyed !== false));
  });

  test('ends within its time when the server accepts connections and stays silent', async () => {
    const mute = net.createServer((socket) => socket.resume());
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    RedisManager.configure({ url: `redis://127.0.0.1:${(mute.address() as net.AddressInfo).port}`, logger: quiet });
    const redis = await RedisManager.getMainClient();
    await until(() => redis.status === 'connect');
    const start = nowMs();
    await RedisManager.closeAll({ timeoutMs: 400 });
    expect(nowMs() - start).toBeLessThan(1400);
    expect(redis.status).toBe('end');
    await new Promise((resolve) => mute.close(resolve));
  });

  test('closes also what somebody opens while a hook takes its time', async () => {
    const first = await RedisManager.getMainClient();
    await first.ping();
    let opened: Redis | undefined;
    hook = async () => {
      await until(() => first.status === 'end');
      opened = await RedisManager.getMainClient();
      await opened.ping();
    };
    await RedisManager.closeAll();
    expect(opened).not.toBe(first);
    expect(opened?.status).toBe('end');
    RedisManager.configure({ url: server.url, logger: quiet });
  });

  test('logs what a hook rejects with, and closes everything else', async () => {
    const error = jest.fn();
    const unhandled = jest.fn();
    RedisManager.configure({ url: server.url, logger: { ...quiet, error } });
    const redis = await RedisManager.getMainClient();
    await redis.ping();
    const reason = new Error('the hook failed');
    hook = () => Promise.reject(reason);
    process.on('unhandledRejection', unhandled);
    await RedisManager.closeAll();
    process.off('unhandledRejection', unhandled);
    expect([redis.status, error.mock.calls, unhandled.mock.calls]).toEqual(['end', [['[hawser] closing failed:', reason]], []]);
  });

  test('refuses an invalid time', async () => {
    await expect(RedisManager.closeAll({ timeoutMs: -1 })).rejects.toThrow('timeoutMs must be a number of milliseconds from 0');
  });
});

describe('health', () => {
  test('is healthy if Redis answers', async () => {
    expect(await RedisManager.healthCheck()).toBe(true);
    const health = await redisHealthCheck();
    expect(health).toMatchObject({ main: 'connected', subscriber: 'PONG', publisher: 'PONG', healthy: true, mode: 'standalone' });
    expect(health.latencyMs).toBeGreaterThan(0);
    expect(new Date(health.timestamp).toISOString()).toBe(health.timestamp);
  });

  test('is healthy if Redis answers and only PING is forbidden', async () => {
    await server.command('ACL', 'SETUSER', 'quiet', 'on', '>secret', '~*', '&*', '+@all', '-ping');
    await RedisManager.closeAll();
    RedisManager.configure({ url: server.url.replace('redis://', 'redis://quiet:secret@'), logger: quiet });
    expect(await RedisManager.healthCheck()).toBe(true);
    expect(await redisHealthCheck()).toMatchObject({ main: 'connected', subscriber: 'PONG', publisher: 'PONG', healthy: true });
    await RedisManager.closeAll();
    RedisManager.configure({ url: server.url.replace('redis://', 'redis://quiet:wrong@'), logger: quiet });
    expect(await RedisManager.healthCheck()).toBe(false);
  });

  test('is healthy with a subscriber that has subscriptions', async () => {
    const subscriber = await RedisManager.getSubscriberClient();
    await subscriber.subscribe('anything');
    expect((await redisHealthCheck()).subscriber).toBe('PONG');
  });

  test('answers within about 1,000 ms when Redis is frozen, and checks do not pile up', async () => {
    const main = await RedisManager.getMainClient();
    await main.ping();
    const ping = jest.spyOn(main, 'ping');
    server.freeze();
    const start = nowMs();
    const checks = await Promise.all([RedisManager.healthCheck(), RedisManager.healthCheck(), redisHealthCheck()]);
    expect(nowMs() - start).toBeLessThan(2000);
    expect(checks).toEqual([false, false, expect.objectContaining({ main: 'disconnected', subscriber: 'error', publisher: 'error', healthy: false, latencyMs: null })]);
    expect(ping).toHaveBeenCalledTimes(1);
    server.thaw();
    await until(() => RedisManager.healthCheck());
  });

  test('a check under way does not keep the manager from being configured after closeAll', async () => {
    await Promise.all(roles.map(async (role) => (await RedisManager[role]()).ping()));
    server.freeze();
    const check = redisHealthCheck();
    await RedisManager.closeAll({ timeoutMs: 100 });
    expect(await check).toMatchObject({ healthy: false, main: 'disconnected', mode: 'standalone' });
    RedisManager.configure({ url: 'memory://' });
  });

  test('is unhealthy, and does not reject, when Redis is down', async () => {
    RedisManager.configure({ url: `redis://127.0.0.1:${await freePort()}`, logger: quiet });
    expect(await RedisManager.healthCheck()).toBe(false);
    expect((await redisHealthCheck()).healthy).toBe(false);
  });

  test('on memory:// is healthy and reports the mode', async () => {
    RedisManager.configure({ url: 'memory://' });
    expect(await RedisManager.healthCheck()).toBe(true);
    expect(await redisHealthCheck()).toMatchObject({ main: 'connected', healthy: true, mode: 'memory', latencyMs: 0 });
    await expect((await RedisManager.getMainClient()).get('k')).rejects.toMatchObject({ code: 'E_NEEDS_SERVER' });
  });
});
