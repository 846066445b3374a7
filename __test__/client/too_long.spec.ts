/** If a reply is too long for a string, its command rejects with Node's error. It never becomes another value. */
import { constants } from 'node:buffer';
import { tracingChannel } from 'node:diagnostics_channel';
import createDebug = require('debug');
import { CacheRepository, Redis, RedisManager } from '../../lib';
import { MockServer } from '../compat/mock-server';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const TOO_LONG = { code: 'ERR_STRING_TOO_LONG', message: `Cannot create a string longer than 0x${constants.MAX_STRING_LENGTH.toString(16)} characters` };
/** Some bytes more than the longest string. */
const LENGTH = 512 << 20;

const debug = createDebug as unknown as { enable(names: string): void; disable(): void; log(...line: unknown[]): void };

jest.setTimeout(120_000);

let server: RedisServer;
let redis: Redis;
let id: number;
beforeAll(async () => {
  server = await RedisServer.start({ args: ['--client-output-buffer-limit', 'pubsub', '0', '0', '0', '--proto-max-bulk-len', String(LENGTH + 4096)] });
  redis = new Redis(server.port);
  await redis.setrange('long', LENGTH - 1, 'x');
  await redis.set('short', 'text');
  id = await redis.client('ID');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
// The connection stays and answers the next commands.
afterEach(async () => {
  expect([await redis.get('short'), await redis.client('ID')]).toEqual(['text', id]);
});

test('a single reply, one among others, and the reply of a command that overwrote the value', async () => {
  const [single, several] = await Promise.allSettled([redis.get('long'), redis.mget('short', 'long', 'none'), redis.get('short')]);
  expect(single).toMatchObject({ status: 'rejected', reason: { ...TOO_LONG, maybeExecuted: true, command: { name: 'get' } } });
  expect(several).toMatchObject({ status: 'rejected', reason: TOO_LONG });
  await redis.setrange('copy', LENGTH - 1, 'x');
  await expect(redis.getset('copy', 'new')).rejects.toMatchObject(TOO_LONG);
  expect(await redis.get('copy')).toBe('new');
  await expect(redis.getBuffer('long')).resolves.toHaveLength(LENGTH);
});

test('a value in a hash or a list, in both protocols', async () => {
  await redis.eval("redis.call('hset', KEYS[1], 'f', redis.call('get', KEYS[2]))", 2, 'hash', 'long');
  await redis.rpush('list', 'a');
  await redis.eval("redis.call('rpush', KEYS[1], redis.call('get', KEYS[2]))", 2, 'list', 'long');
  for (const options of [{ protocol: 2 }, { protocol: 3 }, { replyMapping: 'resp3' }] as const) {
    const other = new Redis(server.port, options);
    const [map, list, first] = await Promise.allSettled([other.hgetall('hash'), other.lrange('list', 0, -1), other.lindex('list', 0)]);
    expect(map).toMatchObject({ status: 'rejected', reason: TOO_LONG });
    expect(list).toMatchObject({ status: 'rejected', reason: TOO_LONG });
    expect(first).toEqual({ status: 'fulfilled', value: 'a' });
    other.disconnect();
  }
  await redis.del('hash', 'list');
});

test('the text of an error', async () => {
  const mock = await MockServer.start(({ name }, connection) => {
    if (name !== 'get') return undefined;
    for (const part of ['-ERR ', Buffer.alloc(LENGTH, 'x'), '\r\n']) connection.write(part);
    return null;
  });
  const other = new Redis(mock.port);
  await expect(other.get('key')).rejects.toMatchObject(TOO_LONG);
  expect(await other.set('key', 'value')).toBe('OK');
  other.disconnect();
  await mock.stop();
});

test('other commands of its pipeline or transaction keep their replies', async () => {
  const piped = await redis.pipeline().get('short').get('long').strlen('long').exec();
  expect(piped).toEqual([[null, 'text'], [expect.objectContaining(TOO_LONG)], [null, LENGTH]]);
  const run = await redis.multi().set('written', '1').get('long').incr('long').get('short').exec();
  expect(run).toEqual([
    [null, 'OK'],
    [expect.objectContaining(TOO_LONG)],
    [expect.objectContaining({ name: 'ReplyError' })],
    [null, 'text'],
  ]);
  // The same for a transaction that was opened by hand.
  await redis.multi({ pipeline: false });
  expect(await Promise.all([redis.get('long'), redis.get('short')])).toEqual(['QUEUED', 'QUEUED']);
  expect(await redis.exec()).toEqual([[expect.objectContaining(TOO_LONG)], [null, 'text']]);
});

test('a message is an error of the client for listeners of text, and arrives for listeners of Buffers', async () => {
  const subscriber = new Redis(server.port);
  const seen: unknown[] = [];
  subscriber.on('error', (error) => seen.push(error));
  subscriber.on('message', (_channel, text) => seen.push(text));
  subscriber.on('messageBuffer', (_channel, payload) => seen.push(payload.length));
  await subscriber.subscribe('channel');
  await redis.eval("redis.call('publish', 'channel', redis.call('get', KEYS[1]))", 1, 'long');
  await redis.publish('channel', 'after');
  await until(() => seen.length === 4, { deadlineMs: 60_000 });
  expect(seen).toEqual([expect.objectContaining(TOO_LONG), LENGTH, 'after', 5]);
  subscriber.disconnect();
});

test('a line of MONITOR is an error of the client', async () => {
  const mock = await MockServer.start(({ name }, connection) => {
    if (name !== 'monitor') return undefined;
    for (const part of ['+OK\r\n+1.1 [0 a] "echo" "', Buffer.alloc(LENGTH, 'x'), '"\r\n+1.2 [0 a] "echo" "after"\r\n']) connection.write(part);
    return null;
  });
  const other = new Redis(mock.port);
  const monitor = await other.monitor();
  const seen: unknown[] = [];
  monitor.on('error', (error) => seen.push(error));
  monitor.on('monitor', (_time: string, args: string[]) => seen.push(args));
  await until(() => seen.length === 2, { deadlineMs: 60_000 });
  expect(seen).toEqual([expect.objectContaining(TOO_LONG), ['echo', 'after']]);
  monitor.disconnect();
  other.disconnect();
  await mock.stop();
});

test('as the value of a cache entry it is a miss, which the next load repairs', async () => {
  const warnings: unknown[] = [];
  const cacheOptions = { commandTimeoutMs: 60_000 };
  RedisManager.configure({ url: `redis://127.0.0.1:${server.port}`, cache: cacheOptions, logger: { debug() {}, info() {}, warn: (text) => warnings.push(text), error() {} } });
  try {
    const cache = new CacheRepository('long');
    await cache.set('key', 'value');
    const [entry] = await redis.keys('long:*');
    await redis.setrange(entry, LENGTH + 99, 'x');
    expect(await cache.getOrSet('key', () => 'loaded')).toBe('loaded');
    expect(await cache.get('key')).toBe('loaded');
    expect(warnings).toEqual([expect.stringContaining('TypeError')]);
  } finally {
    await RedisManager.closeAll();
  }
});

test('an argument fails no command that is traced and logged', async () => {
  const traced: unknown[] = [];
  const lines: unknown[][] = [];
  const log = jest.spyOn(debug, 'log').mockImplementation((...line: unknown[]) => void lines.push(line));
  const channel = tracingChannel('ioredis:command');
  const listeners = { start: (context: object) => void traced.push(context) } as Parameters<typeof channel.subscribe>[0];
  channel.subscribe(listeners);
  debug.enable('ioredis:redis');
  const other = new Redis(server.port);
  try {
    expect(await other.eval('return #ARGV[1]', 0, Buffer.alloc(LENGTH))).toBe(LENGTH);
    expect(traced).toContainEqual(expect.objectContaining({ command: 'eval', args: ['return #ARGV[1]', '0', '?'] }));
    expect(lines.flat().join()).toContain('<REDACTED longer than a string>');
  } finally {
    debug.disable();
    channel.unsubscribe(listeners);
    log.mockRestore();
    other.disconnect();
  }
});
