/** Where and when a client connects again: names that stand for another server, and many clients at once. */
import { isIP } from 'node:net';
import type { Redis } from '../../lib';
import { RedisManager } from '../../lib/facade';
import { clientsForTest, endsWithTest } from '../helpers/lifetimes';
import { freePort, RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const connect = clientsForTest();
const ends = endsWithTest();

type Done = (error: null, address: string | { address: string; family: number }[], family?: number) => void;

/** A name that stands for one address at a time, and how often it was looked up. */
class Name {
  lookups = 0;
  /** Runs when the answer to the next look-up is due. Default: at once. */
  deliver: (answer: () => void) => void = process.nextTick;
  constructor(public address: string) {}

  readonly lookup = (_host: string, options: { all?: boolean }, done: Done): void => {
    this.lookups++;
    const { address } = this;
    this.deliver(() => (options.all === true ? done(null, [{ address, family: isIP(address) }]) : done(null, address, isIP(address))));
  };
}

/** Two servers on one port of two addresses. */
async function pair(): Promise<{ first: RedisServer; second: RedisServer; port: number }> {
  const port = await freePort();
  const first = ends(await RedisServer.start({ port, bind: ['127.0.0.1'] }));
  const second = ends(await RedisServer.start({ port, bind: ['127.0.0.2'] }));
  await first.command('SET', 'server', 'first');
  await second.command('SET', 'server', 'second');
  return { first, second, port };
}

const isIn = (redis: Redis, server: RedisServer): Promise<boolean> => redis.info('server').then(async (info) => info.includes((await server.info('server')).run_id));

describe('a name', () => {
  test('is looked up at each connection', async () => {
    const { first, second, port } = await pair();
    const name = new Name('127.0.0.1');
    const redis = connect({ host: 'cache.example', port, lookup: name.lookup, retryStrategy: () => 5 });
    expect([await isIn(redis, first), name.lookups]).toEqual([true, 1]);
    name.address = '127.0.0.2';
    expect(await isIn(redis, first)).toBe(true);
    await first.kill();
    await until(() => isIn(redis, second));
    expect(name.lookups).toBeGreaterThanOrEqual(2);
    // An address without a server is no end.
    const lookups = name.lookups;
    name.address = '127.0.0.3';
    await second.kill();
    await until(() => name.lookups > lookups + 2);
    await first.launch();
    name.address = '127.0.0.1';
    expect(await isIn(redis, first)).toBe(true);
  });

  test('is looked up again when the server has become a replica, and the client leaves it if the address is another', async () => {
    const { first, second, port } = await pair();
    const name = new Name('127.0.0.1');
    const redis = connect({ host: 'cache.example', port, lookup: name.lookup, retryStrategy: () => 5 });
    expect(await redis.set('a', '1')).toBe('OK');
    await first.command('REPLICAOF', '127.0.0.2', port);
    name.address = '127.0.0.2';
    await expect(redis.set('a', '2')).rejects.toThrow('READONLY');
    await until(() => isIn(redis, second));
    expect(await redis.set('a', '3')).toBe('OK');
    expect(await second.command('GET', 'a')).toBe('3');
  });

  test('that still has the address is looked up once in a while, and the client stays', async () => {
    const { first, port } = await pair();
    await first.command('REPLICAOF', '127.0.0.2', port);
    const name = new Name('127.0.0.1');
    const redis = connect({ host: 'cache.example', port, lookup: name.lookup });
    let closed = 0;
    redis.on('close', () => closed++);
    await Promise.all(Array.from({ length: 20 }, () => expect(redis.set('a', '2')).rejects.toThrow('READONLY')));
    expect(await isIn(redis, first)).toBe(true);
    expect([name.lookups, closed]).toEqual([2, 0]);
  });

  test('that is looked up slowly ends no connection that was made meanwhile', async () => {
    const { first, second, port } = await pair();
    const name = new Name('127.0.0.1');
    const redis = connect({ host: 'cache.example', port, lookup: name.lookup, retryStrategy: () => 5 });
    expect(await isIn(redis, first)).toBe(true);
    await first.command('REPLICAOF', '127.0.0.2', port);
    name.address = '127.0.0.2';
    let answer!: () => void;
    name.deliver = (held) => (answer = held);
    await expect(redis.set('a', '1')).rejects.toThrow('READONLY');
    name.deliver = process.nextTick;
    await first.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(() => isIn(redis, second));
    let closed = 0;
    redis.on('close', () => closed++);
    answer();
    expect(await redis.set('a', '2')).toBe('OK');
    expect(closed).toBe(0);
  });

  test('of the manager: no command fails', async () => {
    const { first, second, port } = await pair();
    const name = new Name('127.0.0.1');
    RedisManager.configure({ url: `redis://cache.example:${port}`, redis: { lookup: name.lookup } });
    try {
      const redis = await RedisManager.getMainClient();
      expect(await redis.set('a', '1')).toBe('OK');
      await first.command('REPLICAOF', '127.0.0.2', port);
      name.address = '127.0.0.2';
      expect(await redis.set('a', '2')).toBe('OK');
      expect(await second.command('GET', 'a')).toBe('2');
    } finally {
      await RedisManager.closeAll();
    }
  });
});

describe('after a restart', () => {
  test('a server that is loading is waited for', async () => {
    // A server that loads answers every 2 MB.
    const slow = ['--key-load-delay', '50000', '--rdbcompression', 'no'];
    const server = ends(await RedisServer.start({ args: slow }));
    const redis = connect({ port: server.port, host: '127.0.0.1', retryStrategy: () => 5, maxLoadingRetryTime: 50 });
    const impatient = connect({ port: server.port, host: '127.0.0.1', retryStrategy: () => 5, enableReadyCheck: false });
    const keys = Array.from({ length: 30 }, (_, i) => [`key:${i}`, 'x'.repeat(1 << 20)]).flat();
    expect(await redis.mset(...keys)).toBe('OK');
    await server.command('SAVE');
    const loaded = server.restart();
    await until(() => redis.status !== 'ready');
    const waiting = Promise.all([redis.strlen('key:29'), redis.incr('n')]);
    await until(async () => (await impatient.get('key:0').catch((error: Error) => error.message))?.startsWith('LOADING'));
    expect(redis.status).not.toBe('ready');
    expect(await waiting).toEqual([1 << 20, 1]);
    await loaded;
  });

  const CROWD = 300;

  test('a few come back at once', async () => {
    const server = ends(await RedisServer.start());
    const clients = Array.from({ length: 10 }, () => connect({ port: server.port, host: '127.0.0.1' }));
    await until(() => clients.every(({ status }) => status === 'ready'));
    const delays: number[] = [];
    for (const redis of clients) redis.once('reconnecting', (delay: number) => delays.push(delay));
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(() => delays.length === 10);
    expect(Math.max(...delays)).toBeLessThan(250);
  });

  test('many clients come back one after another, over a second and more', async () => {
    const server = ends(await RedisServer.start());
    const clients = Array.from({ length: CROWD }, () => connect({ port: server.port, host: '127.0.0.1', watchdogMs: 0 }));
    await until(() => clients.every(({ status }) => status === 'ready'), { deadlineMs: 20_000 });
    const arrivals: number[] = [];
    for (const redis of clients) redis.once('connect', () => arrivals.push(performance.now()));
    await server.restart();
    await until(() => arrivals.length === CROWD, { deadlineMs: 30_000 });
    arrivals.sort((a, b) => a - b);
    expect(arrivals[CROWD - 1] - arrivals[0]).toBeGreaterThan(1000);
    // As many in each quarter of a second as their share, give or take.
    const most = Math.max(...arrivals.map((from, i) => arrivals.filter((at, j) => j >= i && at < from + 250).length));
    expect(most).toBeLessThan(CROWD / 2);
  }, 60_000);
});
