/** WATCH on a real server: a transaction does not run if its WATCH was lost with the connection. */
import { type Redis, type RedisOptions } from '../../lib';
import { clientsForTest, serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();
beforeEach(() => server.command('FLUSHALL'));
const connect = clientsForTest(() => ({ port: server.port, host: '127.0.0.1', retryStrategy: () => 1 }));

/** The server ends the client's connection, and the client makes another. */
async function cut(redis: Redis): Promise<void> {
  const id = await redis.client('ID');
  await server.command('CLIENT', 'KILL', 'ID', id);
  await until(async () => (await redis.client('ID')) !== id);
}

/** The usual code around WATCH. */
async function spend(redis: Redis, beforeExec: () => Promise<unknown> = () => Promise.resolve()): Promise<number> {
  for (let tries = 1; ; tries++) {
    await redis.watch('balance');
    const balance = Number(await redis.get('balance'));
    if (tries === 1) await beforeExec();
    const done = await redis.multi().set('balance', balance - 10).exec();
    if (done !== null) return tries;
  }
}

test.each([{ protocol: 3 }, { protocol: 2 }, { replyMapping: 'resp3' }, { resend: 'idempotent' }] as RedisOptions[])(
  'a loop that tries again overwrites nothing (%j)',
  async (options) => {
    const redis = connect(options);
    await redis.set('balance', 100);
    expect(await spend(redis, async () => { await cut(redis); await server.command('SET', 'balance', '50'); })).toBe(2);
    expect(await redis.get('balance')).toBe('40');
    expect(await spend(redis)).toBe(1);
  },
);

test('a transaction that is opened by hand, with callbacks or in a pipeline gets the same result', async () => {
  const redis = connect();
  await redis.watch('k');
  await cut(redis);
  await redis.multi({ pipeline: false });
  expect(await redis.set('k', 'v')).toBe('QUEUED');
  expect(await redis.exec()).toBeNull();

  await redis.watch('k');
  await cut(redis);
  expect(await Promise.all([redis.call('MULTI'), redis.call('SET', 'k', 'v'), redis.call('EXEC')])).toEqual(['OK', 'QUEUED', null]);

  await redis.watch('k');
  await cut(redis);
  const seen = await new Promise((resolve) => void redis.multi().set('k', 'v').exec((error, replies) => resolve([error, replies])));
  expect(seen).toEqual([null, null]);
  expect(await redis.exists('k')).toBe(0);
});

test('a transaction runs if its WATCH was given up, or comes after the reconnect', async () => {
  const redis = connect();
  await redis.watch('k');
  await redis.unwatch();
  await cut(redis);
  expect(await redis.multi().incr('a').exec()).toEqual([[null, 1]]);
  await cut(redis);
  await redis.watch('k');
  expect(await redis.multi().incr('a').exec()).toEqual([[null, 2]]);
});
