/** Connections that are lent: each borrower has one alone, and gets it as if it were new. */
import { RedisManager, type Logger, type ManagerOptions } from '../../lib/facade';
import { runNode } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import type { Redis } from '../../lib/client/redis';

let server: RedisServer;
const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };
const configure = (options: ManagerOptions = {}): void => RedisManager.configure({ url: `${server.url}/3`, logger: quiet, ...options });

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(async () => {
  await server.command('FLUSHALL');
  configure();
});
afterEach(() => RedisManager.closeAll());
afterAll(() => server.stop());

const idOf = (redis: Redis): Promise<number> => redis.client('ID');
const lend = RedisManager.withConnection.bind(RedisManager);

/** The server's clients with the name of lent connections. */
async function lent(): Promise<string[]> {
  return String(await server.command('CLIENT', 'LIST')).split('\n').filter((line) => line.includes(' name=hawser:lent '));
}

/** What a new connection of the manager is like. */
async function expectFresh(redis: Redis): Promise<void> {
  expect(await redis.set('probe', '1')).toBe('OK');
  const info = String(await redis.client('INFO'));
  // Valkey keeps `multi=0` after a transaction; `flags` says that there is none.
  expect(info).toMatch(/ name=hawser:lent .* flags=N .*db=3 sub=0 psub=0 .*multi=(-1|0) /);
  const clash = await redis.multi().get('watched').exec();
  expect(clash).not.toBeNull();
  expect(redis.eventNames().filter((name) => String(name).includes('essage') || name === 'close').flatMap((name) => redis.listeners(name)).length).toBeLessThan(2);
}

test('a command that blocks delays nobody, and its connection is lent again', async () => {
  const main = await RedisManager.getMainClient();
  const popped = lend((redis) => redis.blpop('jobs', 20));
  await until(async () => (await lent()).some((line) => line.includes('cmd=blpop')));
  expect(await main.rpush('jobs', 'a')).toBe(1);
  expect(await popped).toEqual(['jobs', 'a']);
  const ids = [await lend(idOf), await lend(idOf), await lend(idOf)];
  expect(new Set(ids).size).toBe(1);
  expect(await lent()).toHaveLength(1);
  // The client itself is no promise, and a synchronous result is fine.
  expect(await lend((redis) => redis.mode)).toBe('normal');
});

type Mess = [name: string, make: (redis: Redis) => unknown];
const MENDED: Mess[] = [
  ['a WATCH that failed later', async (redis) => { await redis.watch('watched'); await server.command('SELECT', 3); await server.command('SET', 'watched', Math.random()); }],
  ['MULTI', (redis) => redis.multi({ pipeline: false }).then(() => redis.set('queued', '1'))],
  ['WATCH and MULTI', async (redis) => { await redis.watch('watched'); await redis.multi({ pipeline: false }); }],
  ['another database', (redis) => redis.select(7)],
  ['another database within a transaction', (redis) => redis.multi().select(5).exec()],
  ['a transaction that moves and stays open', async (redis) => { await redis.multi({ pipeline: false }); await redis.select(5); }],
  ['commands that nobody waits for', (redis) => { for (let i = 0; i < 500; i++) redis.incr('counter').catch(() => undefined); }],
  ['listeners', (redis) => void redis.on('close', () => undefined).once('message', () => undefined)],
  ['a finished transaction', async (redis) => { await redis.watch('watched'); await redis.multi().set('a', '1').exec(); }],
];
test.each(MENDED)('%s is undone, and the same connection is lent again', async (_name, make) => {
  const id = await lend(async (redis) => {
    await make(redis);
    return undefined;
  }).then(() => lend(idOf));
  await lend(async (redis) => {
    await expectFresh(redis);
    expect(await idOf(redis)).toBe(id);
  });
  expect(await lent()).toHaveLength(1);
});

const SPOILT: Mess[] = [
  ['a subscription', (redis) => redis.subscribe('news')],
  ['a pattern, unsubscribed again', (redis) => redis.psubscribe('n*').then(() => redis.punsubscribe('n*'))],
  ['a command that still blocks', (redis) => void redis.blpop('never', 0).catch(() => undefined)],
  ['CLIENT REPLY OFF', (redis) => void redis.client('REPLY', 'OFF').catch(() => undefined)],
  ['another name', (redis) => redis.client('SETNAME', 'mine')],
  ['another user', (redis) => redis.auth('x').catch(() => undefined)],
  ['RESET', (redis) => redis.call('RESET').catch(() => undefined)],
  ['a method of its own', (redis) => { redis.defineCommand('get', { lua: 'return 1', numberOfKeys: 1 }); }],
  ['disconnect', (redis) => redis.disconnect()],
  ['quit', (redis) => redis.quit()],
];
test.each(SPOILT)('after %s the connection is closed, and the next borrower gets another', async (_name, make) => {
  const id = await lend(async (redis) => {
    const own = await idOf(redis);
    await make(redis);
    return own;
  });
  await lend(async (redis) => {
    await expectFresh(redis);
    expect(await idOf(redis)).not.toBe(id);
  });
  await until(async () => (await lent()).length === 1 && !String(await server.command('CLIENT', 'LIST')).includes('name=mine'));
});

test('a WATCH does what it is for: one of two borrowers gets null', async () => {
  await server.command('SELECT', 3);
  await server.command('SET', 'balance', 100);
  let both!: () => void;
  let readers = 0;
  const haveRead = new Promise<void>((resolve) => (both = resolve));
  const draw = (cents: number): Promise<unknown> =>
    lend(async (redis) => {
      await redis.watch('balance');
      const balance = Number(await redis.get('balance'));
      if (++readers === 2) both();
      await haveRead;
      return redis.multi().set('balance', balance - cents).exec();
    });
  const results = await Promise.all([draw(10), draw(20)]);
  expect(results.filter((result) => result === null)).toHaveLength(1);
});

test.each([
  ['rejects', () => Promise.reject(new TypeError('mine'))],
  ['throws', () => { throw new TypeError('mine'); }],
])('a function that %s gives its connection back', async (_name, fail) => {
  await RedisManager.closeAll();
  configure({ pool: { max: 1 } });
  for (let i = 0; i < 3; i++) await expect(lend(fail)).rejects.toThrow(new TypeError('mine'));
  await lend(expectFresh);
});

test('at most `max` connections: the others wait in order, and not longer than they want to', async () => {
  await RedisManager.closeAll();
  configure({ pool: { max: 2, waitTimeoutMs: 20_000 } });
  const order: number[] = [];
  let most = 0;
  let now = 0;
  const jobs = Array.from({ length: 20 }, (_, i) =>
    lend(async (redis) => {
      most = Math.max(most, ++now);
      order.push(i);
      await redis.ping();
      if (i === 0) await expect(lend(idOf, { waitTimeoutMs: 0 })).rejects.toMatchObject({ code: 'E_TIMEOUT', message: expect.stringContaining('all 2 connections are lent') });
      now--;
    }));
  await Promise.all(jobs);
  expect(most).toBe(2);
  expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  expect(await lent()).toHaveLength(2);
});

test('what a borrower keeps is of no use when its time is over', async () => {
  const kept = await lend((redis) => ({ redis }));
  await lend(async (redis) => {
    await redis.watch('k');
    await expect(kept.redis.get('k')).rejects.toMatchObject({ code: 'E_BAD_STATE', message: expect.stringMatching(/^get: .*withConnection/) });
    await expect(kept.redis.pipeline().get('k').exec()).resolves.toEqual([[expect.objectContaining({ code: 'E_BAD_STATE' })]]);
    expect(() => kept.redis.disconnect()).toThrow(/went back/);
    expect(() => kept.redis.on('message', () => undefined)).toThrow(/went back/);
    expect(await redis.multi().get('k').exec()).toEqual([[null, null]]);
  });
});

test('connections that nobody borrows are closed, and keep no process alive', async () => {
  await RedisManager.closeAll();
  configure({ pool: { idleMs: 20 } });
  await Promise.all([lend(idOf), lend(idOf), lend(idOf)]);
  await until(async () => (await lent()).length === 0);
  const { code, stdout, timedOut } = await runNode(
    "require('hawser').RedisManager.withConnection((redis) => redis.ping()).then(console.log)",
    { env: { REDIS_URL: server.url } },
  );
  expect([code, stdout.trim(), timedOut]).toEqual([0, 'PONG', false]);
});

test('closeAll ends loans and those who wait, and lends again afterwards', async () => {
  await RedisManager.closeAll();
  configure({ pool: { max: 1 } });
  const blocked = lend((redis) => redis.blpop('never', 0));
  await until(async () => (await lent()).some((line) => line.includes('cmd=blpop')));
  const waiting = lend(idOf);
  const outcomes = Promise.allSettled([blocked, waiting]);
  await RedisManager.closeAll();
  const [first, second] = await outcomes;
  expect(first).toMatchObject({ status: 'rejected' });
  expect(second).toMatchObject({ status: 'rejected', reason: { code: 'E_CONN_CLOSED' } });
  await until(async () => (await lent()).length === 0);
  await lend(expectFresh);
});

test('a connection that breaks while it is lent is not lent again', async () => {
  const id = await lend(async (redis) => {
    const own = await idOf(redis);
    await server.command('CLIENT', 'KILL', 'ID', own);
    return own;
  });
  await lend(async (redis) => expect(await idOf(redis)).not.toBe(id));
});

test('many borrowers of all kinds: everyone gets a clean connection, and nothing leaks', async () => {
  await RedisManager.closeAll();
  configure({ pool: { max: 3 } });
  const messes = [...MENDED, ...SPOILT].map(([, make]) => make);
  await Promise.all(
    Array.from({ length: 120 }, (_, i) =>
      lend(async (redis) => {
        await expectFresh(redis);
        await messes[(i * 7) % messes.length](redis);
        if (i % 5 === 0) throw new Error('over');
      }).catch((error: Error) => expect(error.message).toBe('over'))),
  );
  await until(async () => (await lent()).length <= 3);
  await RedisManager.closeAll();
  await until(async () => (await lent()).length === 0);
});

test('on memory:// commands say which URL to set', async () => {
  await RedisManager.closeAll();
  configure({ url: 'memory://' });
  await expect(lend((redis) => redis.blpop('k', 1))).rejects.toMatchObject({ code: 'E_NEEDS_SERVER' });
});

test.each([[undefined, {}], [() => 1, { waitTimeoutMs: -1 }], [() => 1, { wait: 1 }]])('refuses %p, %p', async (fn, options) => {
  await expect(lend(fn as never, options as never)).rejects.toMatchObject({ code: 'E_BAD_OPTION' });
});
