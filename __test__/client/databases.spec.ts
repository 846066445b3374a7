/** A database that the server does not have: commands for it never run in another one. */
import { type Redis, type RedisOptions } from '../../lib';
import { CacheRepository, PubSubService, RedisManager, type Logger } from '../../lib/facade';
import { MockServer } from '../compat/mock-server';
import { clientsForTest, endsWithTest } from '../helpers/lifetimes';
import { RedisServer, type ServerOptions } from '../helpers/redis-server';
import { until } from '../helpers/until';

const client = clientsForTest(() => ({ host: '127.0.0.1', retryStrategy: () => 20 }));
afterEach(() => RedisManager.closeAll());
const ends = endsWithTest();
const start = async (args: string[] = [], options: ServerOptions = {}): Promise<RedisServer> => ends(await RedisServer.start({ args, ...options }));

function connect(options: RedisOptions): { redis: Redis; errors: Error[] } {
  const redis = client(options);
  const errors: Error[] = [];
  redis.on('error', (error: Error) => errors.push(error));
  return { redis, errors };
}

const noDatabase = { code: 'E_NO_DATABASE', message: expect.stringContaining('database 5 (ERR)') as string };
const keys = async (server: RedisServer): Promise<string> => String(await server.command('INFO', 'keyspace')).split('\r\n').slice(1).join('');

test('database 5 of a server with two: a strict client does not become ready, any other client behaves as ioredis does', async () => {
  const server = await start(['--databases', '2']);
  const strict = connect({ port: server.port, db: 5, resend: 'idempotent' });
  await expect(strict.redis.set('a', 1)).rejects.toMatchObject(noDatabase);
  expect(strict.redis.status).not.toBe('ready');
  expect(strict.errors[0]).toMatchObject(noDatabase);
  const chosen = connect({ port: server.port, db: 5, strictDatabase: true });
  await expect(chosen.redis.set('b', 1)).rejects.toMatchObject(noDatabase);
  expect(await keys(server)).toBe('');
  const plain = connect({ port: server.port, db: 5 });
  expect(await plain.redis.set('c', 1)).toBe('OK');
  expect(await keys(server)).toMatch(/^db0:keys=1/);
});

test('the selected database is missing on the next server', async () => {
  const first = await start();
  const { redis, errors } = connect({ port: first.port, resend: 'idempotent' });
  await redis.select(5);
  expect(await redis.set('a', 1)).toBe('OK');
  const { port } = first;
  await first.kill();
  const second = await start(['--databases', '2'], { port });
  await until(() => redis.status === 'ready');
  const outcomes = await Promise.allSettled([redis.set('b', 1), redis.pipeline().get('b').exec(), redis.multi().incr('c').exec()]);
  expect(outcomes).toMatchObject([
    { status: 'rejected', reason: noDatabase },
    { status: 'fulfilled', value: [[noDatabase, undefined]] },
    { status: 'rejected', reason: noDatabase },
  ]);
  expect(errors.filter((error) => (error as { code?: string }).code === 'E_NO_DATABASE').length).toBe(1);
  expect(await keys(second)).toBe('');
  expect(await redis.select(1)).toBe('OK');
  expect(await redis.set('d', 1)).toBe('OK');
  expect(await keys(second)).toMatch(/^db1:keys=1/);
});

test('commands behind a refused SELECT do not run', async () => {
  const server = await start();
  const { redis } = connect({ port: server.port, resend: 'none' });
  const outcomes = await Promise.allSettled([redis.select(99), redis.set('a', 1)]);
  expect(outcomes).toMatchObject([{ reason: { name: 'ReplyError' } }, { reason: { code: 'E_NO_DATABASE' } }]);
  expect(await redis.exists('a')).toBe(0);
});

test('manager, cache and bus are not ready, log the reason once, and work when the database exists', async () => {
  const first = await start(['--databases', '2']);
  const { port } = first;
  const said: string[] = [];
  const logger: Logger = { debug() {}, info: (text) => said.push(text), warn() {}, error: (text) => said.push(text) };
  RedisManager.configure({ url: `redis://127.0.0.1:${port}/5`, logger, retryDelayMs: 20 });
  const redis = await RedisManager.getMainClient<Redis>();
  await expect(redis.set('a', 1)).rejects.toMatchObject(noDatabase);
  const cache = new CacheRepository('users');
  expect(await cache.getOrSet('k', () => 'loaded')).toBe('loaded');
  expect(await keys(first)).toBe('');
  expect(await RedisManager.healthCheck()).toBe(false);
  expect(said.filter((text) => text.includes('database 5 (ERR)')).length).toBe(1);
  await first.kill();
  await start([], { port });
  await until(() => redis.status === 'ready', { deadlineMs: 15_000 });
  expect(said.at(-1)).toMatch(/main\] ready again/);
  await until(async () => (await cache.getOrSet('k', () => 'again')) !== undefined && (await cache.has('k')), { deadlineMs: 15_000 });
  expect(await redis.dbsize()).toBeGreaterThan(0);
  await PubSubService.initialize();
  await PubSubService.close();
});

test('client and cache become ready with a warning if INFO was renamed', async () => {
  const server = await start(['--rename-command', 'INFO', '']);
  const warnings: string[] = [];
  const logger: Logger = { debug() {}, info() {}, warn: (text) => warnings.push(text), error: (text) => warnings.push(text) };
  RedisManager.configure({ url: server.url, logger });
  const redis = await RedisManager.getMainClient<Redis>();
  expect(await redis.set('a', 1)).toBe('OK');
  expect(warnings[0]).toBe('[hawser:main] Skipping the ready check because INFO command fails: ERR');
  const cache = new CacheRepository('users');
  await until(async () => (await cache.getOrSet('k', () => 'v')) === 'v' && (await cache.has('k')));
});

test.each([
  'ERR unsupported command',
  "ERR command 'hello' is not supported by this proxy",
  'ERR illegal command',
  "ERR wrong number of arguments for 'hello' command",
  'ERR Protocol version is not an integer or out of range',
])('the client falls back to RESP2 if HELLO is answered with "%s"', async (text) => {
  const server = ends(await MockServer.start(({ name }) => (name === 'hello' ? `-${text}\r\n` : undefined)));
  const { redis, errors } = connect({ port: server.port, password: 'p' });
  expect(await redis.get('a')).toBe('OK');
  expect([errors, server.received.map((command) => command.name).includes('auth')]).toEqual([[], true]);
});

describe('SELECT in a transaction', () => {
  /** Ways in which a transaction does not run, each on its own client, which is in database 2 and has issued MULTI and SELECT 5. */
  const ways: [string, (redis: Redis, other: Redis) => Promise<unknown>][] = [
    ['EXECABORT', async (redis) => {
      await redis.call('GET').catch(() => undefined);
      await expect(redis.exec()).rejects.toThrow('EXECABORT');
    }],
    ['DISCARD', (redis) => redis.discard()],
    ['a WATCH that fails', async (redis, other) => {
      await other.incr('watched');
      expect(await redis.exec()).toBeNull();
    }],
    ['a SELECT that is refused in it', async (redis) => {
      await redis.discard();
      const results = await redis.multi().select(99).exec();
      expect(results?.[0][0]).toMatchObject({ name: 'ReplyError' });
    }],
  ];

  const databaseOf = async (redis: Redis): Promise<string | undefined> => / db=(\d+)/.exec(String(await redis.call('CLIENT', 'INFO')))?.[1];

  test.each(ways)('%s leaves the connection where it was, also after a reconnect', async (_way, end) => {
    const server = await start();
    const { redis } = connect({ port: server.port });
    const { redis: other } = connect({ port: server.port, db: 2 });
    const selected: number[] = [];
    await redis.select(2);
    redis.on('select', (db: number) => selected.push(db));
    await redis.watch('watched');
    await redis.multi({ pipeline: false });
    await redis.select(5);
    await end(redis, other);
    expect(await databaseOf(redis)).toBe('2');
    await redis.set('here', 1);
    expect(await other.get('here')).toBe('1');
    await server.command('CLIENT', 'KILL', 'ID', String(await redis.call('CLIENT', 'ID')));
    await until(async () => (await redis.get('here')) === '1');
    expect(await databaseOf(redis)).toBe('2');
    expect(selected.at(-1)).toBe(2);
  });

  test('a transaction that runs takes the connection along, and its failing successor leaves it there', async () => {
    const server = await start();
    const { redis } = connect({ port: server.port });
    const [ran, behind, aborted, last] = await Promise.all([
      redis.multi().select(4).set('a', 1).exec(),
      redis.get('a'),
      redis.multi().select(6).call('GET').exec().catch((error: Error) => error.message),
      redis.get('a'),
    ]);
    expect([ran, behind, aborted, last]).toEqual([[[null, 'OK'], [null, 'OK']], '1', expect.stringContaining('EXECABORT'), '1']);
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(async () => (await redis.get('a').catch(() => null)) === '1');
    expect(await databaseOf(redis)).toBe('4');
  });
});

test('a script that was defined in a transaction that did not run is sent again with the next one', async () => {
  const server = await start();
  const { redis } = connect({ port: server.port });
  const { redis: other } = connect({ port: server.port });
  const scripted = redis as Redis & Record<'one' | 'two' | 'three', () => Promise<string>>;
  const names = ['one', 'two', 'three'] as const;
  for (const name of names) redis.defineCommand(name, { lua: `return '${name}'`, numberOfKeys: 0 });
  await expect(redis.multi([['one'], ['get']]).exec()).rejects.toThrow('EXECABORT');
  await redis.watch('watched');
  await other.incr('watched');
  expect(await redis.multi([['two']]).exec()).toBeNull();
  await redis.multi({ pipeline: false });
  await scripted.three();
  await redis.discard();
  for (const name of names) expect(await redis.multi([[name]]).exec()).toEqual([[null, name]]);
});
