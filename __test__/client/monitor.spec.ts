/** `monitor()` resolves when the server answers MONITOR with OK. Anything else rejects it and leaves no connection behind. */
import { Redis, ReplyError } from '../../lib';
import { parseMonitorLine } from '../../lib/observe/monitor_line';
import { MockServer } from '../compat/mock-server';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll({ users: ['watcher on >secret ~* +@all', 'worker on >secret ~* +@all -monitor'] });

const connections = async (admin: Redis, user: string): Promise<number> =>
  (await admin.client('LIST')).split('\n').filter((line) => line.includes(`user=${user} `)).length;

test('a user with permission sees every command from then on', async () => {
  const redis = new Redis({ port: server.port, username: 'watcher', password: 'secret' });
  const monitor = await redis.monitor();
  const seen: string[][] = [];
  monitor.on('monitor', (_time: string, args: string[]) => seen.push(args));
  await redis.set('told', 'a "quoted\\" word');
  await until(() => seen.some(([name, key, value]) => name === 'set' && key === 'told' && value === 'a "quoted\\\\" word'));
  expect(monitor.status).toBe('monitoring');
  monitor.disconnect();
  redis.disconnect();
});

test.each([2, 3] as const)('without permission it rejects with the server\'s error and closes the connection (RESP%i)', async (protocol) => {
  const admin = new Redis(server.port);
  const redis = new Redis({ port: server.port, username: 'worker', password: 'secret', protocol });
  await redis.ping();
  const error = await redis.monitor().catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ReplyError);
  expect(error).toMatchObject({ message: expect.stringMatching(/^NOPERM/) as string, command: { name: 'monitor' } });
  const given = await new Promise((resolve) => void redis.monitor((e, client) => resolve([e, client])).catch(() => {}));
  expect(given).toEqual([expect.objectContaining({ message: expect.stringMatching(/^NOPERM/) as string }), undefined]);
  await until(async () => (await connections(admin, 'worker')) === 1);
  await expect(redis.ping()).resolves.toBe('PONG');
  redis.disconnect();
  admin.disconnect();
});

test.each([
  ['an error', "-ERR unknown command 'monitor'\r\n", "ERR unknown command 'monitor'"],
  ['another status', '+QUEUED\r\n', 'MONITOR was answered with "QUEUED" instead of OK'],
  ['a number', ':1\r\n', 'MONITOR was answered with 1 instead of OK'],
  ['null', '$-1\r\n', 'MONITOR was answered with null instead of OK'],
])('it rejects if a proxy answers %s', async (_name, answer, message) => {
  const proxy = await MockServer.start(({ name }) => (name === 'monitor' ? answer : undefined));
  const redis = new Redis(proxy.port);
  await expect(redis.monitor()).rejects.toThrow(message);
  await until(() => proxy.connections.filter(({ closed }) => !closed).length === 1);
  redis.disconnect();
  await proxy.stop();
});

test('it rejects if the connection is lost before the answer, and opens no other', async () => {
  const proxy = await MockServer.start(({ name }, connection) => {
    if (name !== 'monitor') return undefined;
    connection.end();
    return null;
  });
  const redis = new Redis({ port: proxy.port, retryStrategy: () => 1 });
  await redis.ping();
  await expect(redis.monitor()).rejects.toThrow('Connection is closed.');
  // A retry would come after 1 ms, and the client has had several answers by then.
  for (let i = 0; i < 20; i++) await redis.ping();
  expect(proxy.connections).toHaveLength(2);
  redis.disconnect();
  await proxy.stop();
});

test('a client with the option `monitor` emits an error and ends if it is refused', async () => {
  const redis = new Redis({ port: server.port, username: 'worker', password: 'secret', monitor: true });
  const errors: Error[] = [];
  redis.on('error', (error) => errors.push(error));
  await until(() => redis.status === 'end');
  expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/^NOPERM/)]);
});

test('a client with the option `monitor` sends MONITOR once per connection', async () => {
  const proxy = await MockServer.start(({ name }, connection) => {
    if (name !== 'monitor' || connection.number > 1) return undefined;
    connection.end();
    return null;
  });
  const redis = new Redis({ port: proxy.port, retryStrategy: () => 1, monitor: true });
  await new Promise((resolve) => redis.once('monitoring' as 'ready', () => resolve(undefined)));
  expect(proxy.received.filter(({ name }) => name === 'monitor').map(({ connection }) => connection)).toEqual([1, 2]);
  redis.disconnect();
  await proxy.stop();
});

test('it rejects on memory://', async () => {
  const redis = new Redis('memory://');
  await expect(redis.monitor()).rejects.toMatchObject({ code: 'E_NEEDS_SERVER' });
  redis.disconnect();
});

describe('a line', () => {
  test.each([
    ['1.5 [0 127.0.0.1:1] "get" "a"', ['get', 'a']],
    ['1.5 [0 lua] "set" "a \\"b\\"" "\\\\"', ['set', 'a "b"', '\\\\']],
    ['1.5 [0 unix:/tmp/[x] y] "ping"', ['ping']],
    ['1.5 [0 127.0.0.1:1] "echo" ""', ['echo', '']],
  ])('%s', (line, args) => {
    expect(parseMonitorLine(line)?.[1]).toEqual(args);
  });

  test('may be long', () => {
    const long = 'x\\"'.repeat(5_000_000);
    expect(parseMonitorLine(`1.5 [0 127.0.0.1:1] "set" "k" "${long}"`)?.[1][2]).toHaveLength(10_000_000);
  });
});
