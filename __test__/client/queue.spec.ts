/** The bound of what waits: `maxQueueCommands`. */
import { Redis } from '../../lib';
import { RedisServer } from '../helpers/redis-server';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.stop());

const clients: Redis[] = [];
function connect(options: object): Redis {
  const redis = new Redis({ port: server.port, ...options });
  clients.push(redis);
  return redis;
}
afterEach(() => {
  for (const redis of clients.splice(0)) redis.disconnect();
});

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'ran',
    (error: { code?: string }) => error.code,
  );

test('what is too much is rejected at once', async () => {
  const redis = connect({ maxQueueCommands: 2 });
  const outcomes = [redis.set('a', 1), redis.set('b', 2), redis.set('c', 3)].map(codeOf);
  expect(await Promise.all(outcomes)).toEqual(['ran', 'ran', 'E_QUEUE_FULL']);
  expect(await redis.get('a')).toBe('1');
});

test('a transaction is taken whole, however little room there is', async () => {
  const redis = connect({ maxQueueCommands: 2 });
  expect(await redis.multi().set('a', 1).incr('a').get('a').exec()).toEqual([[null, 'OK'], [null, 2], [null, '2']]);
  expect(await redis.get('a')).toBe('2');
});
