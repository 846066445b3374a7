/** If a reply is too long for a string, its command rejects with Node's error. It never becomes another value. */
import { constants } from 'node:buffer';
import { CacheRepository, Redis, RedisManager } from '../../lib';
import { MockServer } from '../compat/mock-server';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const TOO_LONG = { code: 'ERR_STRING_TOO_LONG', message: `Cannot create a string longer than 0x${constants.MAX_STRING_LENGTH.toString(16)} characters` };
/** Beyond the longest string by some bytes. */
const LENGTH = 512 << 20;

jest.setTimeout(120_000);

let server: RedisServer;
let redis: Redis;
let id: number;
beforeAll(async () => {
  server = await RedisServer.start({ args: ['--client-output-buffer-limit', 'pubsub 0 0 0', '--proto-max-bulk-len', String(LENGTH + 4096)] });
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

test('alone, beside others, and from a command that has overwritten it', async () => {
  const [single, several] = await Promise.allSettled([redis.get('long'), redis.mget('short', 'long', 'none'), redis.get('short')]);
  expect(single).toMatchObject({ status: 'rejected', reason: { ...TOO_LONG, maybeExecuted: true, command: { name: 'get' } } });
  expect(several).toMatchObject({ status: 'rejected', reason: TOO_LONG });
  await redis.eval("redis.call('set', KEYS[1], redis.call('get', KEYS[2]))", 2, 'copy', 'long');
  await expect(redis.getset('copy', 'new')).rejects.toMatchObject(TOO_LONG);
  expect(await redis.get('copy')).toBe('new');
  await expect(redis.getBuffer('long')).resolves.toHaveLength(LENGTH);
});

test.each([2, 3] as const)('as a value of a hash, in a list and as a field (RESP%i)', async (protocol) => {
  const other = new Redis(server.port, { protocol, replyMapping: protocol === 3 ? 'resp3' : 'legacy' });
  await other.eval("redis.call('hset', KEYS[1], 'f', redis.call('get', KEYS[2]))", 2, 'hash', 'long');
  await expect(other.hgetall('hash')).rejects.toMatchObject(TOO_LONG);
  await other.eval("redis.call('rpush', KEYS[1], 'a', redis.call('get', KEYS[2]))", 2, 'list', 'long');
  await expect(other.lrange('list', 0, -1)).rejects.toMatchObject(TOO_LONG);
  expect(await other.lindex('list', 0)).toBe('a');
  await other.del('hash', 'list');
  other.disconnect();
});

test('as the text of an error', async () => {
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

test('in a pipeline and in a transaction the others keep their replies', async () => {
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
  const monitor = await redis.monitor();
  const seen: unknown[] = [];
  monitor.on('error', (error) => seen.push(error));
  monitor.on('monitor', (_time: string, args: string[]) => args[0] === 'echo' && seen.push(args));
  // Each byte becomes four characters.
  await redis.eval("redis.call('set', KEYS[1], string.rep('\\0', ARGV[1]))", 1, 'zeros', LENGTH / 4 + 100);
  await redis.echo('after');
  await until(() => seen.length === 2, { deadlineMs: 60_000 });
  expect(seen).toEqual([expect.objectContaining(TOO_LONG), ['echo', 'after']]);
  monitor.disconnect();
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
