/**
 * Dead or busy: the client finds dead connections, over TLS too, and waits for busy servers, and no command runs twice because of a doubt.
 * The watchdog's period is short here, so that it looks many times within a few seconds.
 */
import { type Redis, type RedisOptions } from '../../lib';
import { BlackHole } from '../helpers/black-hole';
import { runNode } from '../helpers/process';
import { Proxy } from '../helpers/proxy';
import { clientsForTest, endsWithTest } from '../helpers/lifetimes';
import { RedisServer, type ServerOptions } from '../helpers/redis-server';
import { until } from '../helpers/until';

const PASSWORD = 'secret-of-the-watchdog';
const watched = { watchdogMs: 300, retryStrategy: () => 20 };

// Clients end before the servers that they would connect to again.
const connect = clientsForTest(() => ({ host: '127.0.0.1', ...watched }));
const ends = endsWithTest();
const start = async (options?: ServerOptions): Promise<RedisServer> => ends(await RedisServer.start(options));

/** A script that keeps a server busy for `ms` and then counts itself. Where TIME stands still while a script runs, there is os.clock(). */
const busy = (ms: number): string => `
  local isThere, clock = pcall(function() return os.clock end)
  local function now()
    if isThere then return clock() * 1000 end
    local t = redis.call('TIME')
    return t[1] * 1000 + t[2] / 1000
  end
  local start = now()
  while now() - start < ${ms} do end
  return redis.call('INCR', KEYS[1])`;

const idOf = async (redis: Redis): Promise<number> => Number(await redis.client('ID'));

describe.each([['plain', false], ['TLS', true]])('a connection on which nothing arrives (%s)', (_, isTls) => {
  async function setUp(): Promise<{ server: RedisServer; proxy: Proxy; options: RedisOptions }> {
    const server = await start({ password: PASSWORD, tls: isTls });
    const proxy = ends(await Proxy.start({ port: server.port }));
    const tls = isTls ? { ca: server.certificates?.ca, servername: 'localhost' } : undefined;
    return { server, proxy, options: { port: proxy.port, password: PASSWORD, ...(tls ? { tls } : {}) } };
  }

  test('is given up when another connection is answered, if it is idle or has fast reads in flight', async () => {
    const { proxy, options } = await setUp();
    const idle = connect(options);
    await idle.set('k', 'v');
    const lost = new Promise<Error>((resolve) => idle.once('error', resolve));
    proxy.live[0].stall();
    expect(await lost).toMatchObject({ code: 'E_TIMEOUT' });
    await until(() => idle.status === 'ready');
    for (const connection of proxy.live) connection.stall();
    expect(await Promise.all([idle.get('k'), idle.exists('k')])).toEqual(['v', 1]);
  });

  test('is kept as long as any other command is in flight', async () => {
    const { server, proxy, options } = await setUp();
    const redis = connect(options);
    const id = await idOf(redis);
    const lift = proxy.live[0].stall();
    const replies = Promise.all([redis.get('k'), redis.incr('count'), redis.call('HGETALL', 'h')]);
    await server.command('BLPOP', 'nothing', '4');
    lift();
    expect(await replies).toEqual([null, 1, []]);
    expect(await idOf(redis)).toBe(id);
  });
});

describe('the client waits for a busy server', () => {
  /** None of these connections is cut while `work` keeps the server busy. */
  async function areKept(redis: Redis[], work: () => Promise<unknown>): Promise<void> {
    const ids = await Promise.all(redis.map(idOf));
    await work();
    expect(await Promise.all(redis.map(idOf))).toEqual(ids);
  }

  test('with a password, which the probe sends as well', async () => {
    const server = await start({ password: PASSWORD, users: [`reader on >${PASSWORD} ~* +get +client +info +ping`] });
    const options = { port: server.port, password: PASSWORD };
    const [redis, reader] = [connect(options), connect({ ...options, username: 'reader' })];
    await areKept([redis, reader], async () => {
      const script = redis.eval(busy(4000), 1, 'runs');
      await until(async () => (await reader.get('runs')) === '1', { deadlineMs: 20_000 });
      expect(await script).toBe(1);
    });
    expect(await redis.get('runs')).toBe('1');
  });

  test('when it accepts no more clients', async () => {
    const server = await start();
    const redis = [connect({ port: server.port }), connect({ port: server.port })];
    await areKept(redis, async () => {
      await server.config.set('maxclients', 3);
      const reads = until(async () => (await redis[1].get('runs')) === '1', { deadlineMs: 20_000 });
      expect(await redis[0].eval(busy(3000), 1, 'runs')).toBe(1);
      await reads;
      await server.config.set('maxclients', 100);
    });
  });

  test.each(['ALL', 'WRITE'])('that pauses its clients (CLIENT PAUSE %s)', async (mode) => {
    const server = await start();
    const redis = [connect({ port: server.port, resend: 'idempotent' }), connect({ port: server.port })];
    await areKept(redis, async () => {
      await server.command('CLIENT', 'PAUSE', 4000, mode);
      expect(await Promise.all([redis[0].incr('a'), redis[1].get('b')])).toEqual([1, null]);
    });
  });

  test('while its own thread works in pieces of more than a second', async () => {
    const server = await start();
    const result = await runNode(
      `const { Redis } = require('hawser');
      const redis = new Redis(${server.port}, { watchdogMs: 300, retryStrategy: () => 20 });
      const other = new Redis(${server.port}, { watchdogMs: 0 });
      redis.on('error', (error) => console.log(error.message));
      (async () => {
        const id = await redis.client('ID');
        const script = other.eval(${JSON.stringify(busy(6000))}, 1, 'runs');
        let isOver = false;
        script.then(() => (isOver = true));
        const work = () => {
          for (const start = Date.now(); Date.now() - start < 1200; );
          if (!isOver) setImmediate(work);
        };
        setImmediate(work);
        const seen = [];
        while (seen.at(-1) !== '1') seen.push(await redis.get('runs').catch((error) => error));
        console.log((await redis.client('ID')) === id);
        redis.disconnect();
        other.disconnect();
      })();`,
      { deadlineMs: 30_000 },
    );
    expect([result.code, result.stdout, result.stderr]).toEqual([0, 'true\n', '']);
  });

  test('in a process that has no descriptor left for a probe', async () => {
    const server = await start();
    const result = await runNode(
      `const { Redis } = require('hawser');
      const fs = require('fs');
      const redis = new Redis(${server.port}, { watchdogMs: 300, retryStrategy: () => 20 });
      const other = new Redis(${server.port}, { watchdogMs: 0 });
      redis.on('error', (error) => console.log(error.message));
      (async () => {
        const id = await redis.client('ID');
        await other.ping();
        const taken = [];
        try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { console.log(error.code); }
        other.eval(${JSON.stringify(busy(3000))}, 1, 'runs');
        const seen = [];
        while (seen.at(-1) !== '1') seen.push(await redis.get('runs'));
        console.log((await redis.client('ID')) === id);
        for (const fd of taken) fs.closeSync(fd);
        redis.disconnect();
        other.disconnect();
      })();`,
      { deadlineMs: 30_000 },
    );
    expect([result.code, result.stdout, result.stderr]).toEqual([0, 'EMFILE\ntrue\n', '']);
  });
});

describe('the transport', () => {
  test.each([['plain', false], ['TLS', true]])(
    'proves that the other side is gone (%s), and commands that may have run are not run again',
    async (_, isTls) => {
      const server = await start({ tls: isTls });
      const hole = ends(await BlackHole.start(server));
      const tls = isTls ? { tls: { ca: server.certificates?.ca, servername: 'localhost' } } : {};
      const options = { port: hole.port, ...tls, resend: 'all' as const };
      const [writer, reader, blocked] = [connect(options), connect(options), connect(options)];
      await Promise.all([writer.set('k', 'v'), reader.get('k'), blocked.ping()]);
      const pop = blocked.blpop('queue', 0);
      await until(async () => (await server.info('clients')).blocked_clients === '1');
      await hole.swallow();
      const outcomes = await Promise.allSettled([writer.incr('count'), writer.get('k'), reader.get('k'), pop]);
      const aborted = { status: 'rejected', reason: expect.objectContaining({ code: 'E_ABORTED', maybeExecuted: true }) as unknown };
      expect(outcomes).toEqual([aborted, { status: 'fulfilled', value: 'v' }, { status: 'fulfilled', value: 'v' }, aborted]);
      expect(await writer.get('count')).toBeNull();
    },
    90_000,
  );

  test('shows that a server is there whose buffers are full', async () => {
    const server = await start();
    const redis = connect({ port: server.port });
    const id = await idOf(redis);
    server.freeze();
    const large = Buffer.alloc(1 << 20, 'x');
    const written = Promise.all(Array.from({ length: 20 }, (_, i) => redis.set(`large${i}`, large)));
    // Wait longer than it takes to find a dead connection: until another client in a black hole has found it.
    const hole = ends(await BlackHole.start({ port: (await start()).port }));
    const measure = connect({ port: hole.port });
    await measure.ping();
    await hole.swallow();
    await expect(measure.incr('a')).rejects.toMatchObject({ code: 'E_ABORTED', maybeExecuted: true });
    server.thaw();
    expect(new Set(await written)).toEqual(new Set(['OK']));
    expect(await idOf(redis)).toBe(id);
  }, 90_000);
});

test('a user without permission for PING is not probed again and again', async () => {
  const server = await start({ users: [`mute on >${PASSWORD} ~* +@all -ping`] });
  const redis = connect({ port: server.port, username: 'mute', password: PASSWORD, watchdogMs: 50 });
  const id = await idOf(redis);
  const refused = async (): Promise<number> => ((await server.command('ACL', 'LOG')) as unknown[][]).reduce((sum, entry) => sum + Number(entry[1]), 0);
  await until(async () => (await refused()) > 0);
  await server.command('BLPOP', 'nothing', '2');
  expect(await refused()).toBe(1);
  expect(await idOf(redis)).toBe(id);
});
