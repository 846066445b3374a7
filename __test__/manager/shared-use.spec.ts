/** Commands that do not belong on a shared client cause one warning each. */
import { RedisManager, type ManagerOptions } from '../../lib/facade';
import { RedisServer } from '../helpers/redis-server';
import type { Redis } from '../../lib/client/redis';

let server: RedisServer;
const warn = jest.fn();
const logger = { debug() {}, info() {}, warn, error() {} };
const configure = (options: ManagerOptions = {}): void => RedisManager.configure({ url: server.url, logger, ...options });

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => warn.mockClear());
afterEach(() => RedisManager.closeAll());
afterAll(() => server.stop());

const said = (): string[] => warn.mock.calls.map(([line]) => String(line));

const MISTAKES: [string, (redis: Redis) => unknown][] = [
  ['BLPOP', (redis) => redis.blpop('k', 0.01)],
  ['BLMOVE', (redis) => redis.blmove('a', 'b', 'LEFT', 'LEFT', 0.01)],
  ['BZPOPMIN', (redis) => redis.bzpopmin('z', 0.01)],
  ['XREAD', (redis) => redis.xread('BLOCK', 1, 'STREAMS', 's', '$')],
  ['XREADGROUP', (redis) => redis.xreadgroup('GROUP', 'g', 'c', 'BLOCK', 1, 'STREAMS', 's', '>')],
  ['WAIT', (redis) => redis.wait(0, 1)],
  ['WATCH', (redis) => redis.watch('k').then(() => redis.unwatch())],
  ['SELECT', (redis) => redis.select(1)],
  ['MULTI', (redis) => redis.multi({ pipeline: false }).then(() => redis.exec())],
  ['BLPOP', (redis) => redis.call('bLpop', 'k', 0.01)],
  ['BRPOP', (redis) => redis.pipeline().get('k').brpop('k', 0.01).exec()],
  ['WATCH', (redis) => redis.pipeline().watch('k').unwatch().exec()],
];
test.each(MISTAKES)('%s on the main client warns once and names withConnection', async (name, make) => {
  configure();
  const redis = await RedisManager.getMainClient();
  for (let i = 0; i < 3; i++) await Promise.resolve(make(redis)).catch(() => undefined);
  expect(said()).toEqual([expect.stringMatching(new RegExp(`^\\[hawser:main\\] ${name} .*RedisManager\\.withConnection`))]);
});

test('each client and each command has its own warning, also before there is a connection', async () => {
  configure();
  const [main, publisher] = [await RedisManager.getMainClient(), await RedisManager.getPublisherClient()];
  await Promise.all([main.blpop('k', 0.01), main.brpop('k', 0.01), publisher.blpop('k', 0.01), main.blpop('k', 0.01)]);
  expect(said().map((line) => line.split(' ').slice(0, 2).join(' ')).sort()).toEqual(['[hawser:main] BLPOP', '[hawser:main] BRPOP', '[hawser:publisher] BLPOP']);
});

test('harmless commands cause no warning', async () => {
  configure();
  const redis = await RedisManager.getMainClient();
  await redis.multi().set('k', '1').get('k').exec();
  await redis.pipeline([['multi'], ['get', 'k'], ['exec']]).exec();
  await redis.xread('COUNT', 1, 'STREAMS', 's', '0');
  await redis.ping();
  await redis.eval('return 1', 0);
  await (await RedisManager.getSubscriberClient()).subscribe('news');
  await RedisManager.withConnection(async (own) => {
    await own.blpop('none', 0.01);
    await own.watch('k');
    await own.select(2);
  });
  expect(said()).toEqual([]);
});

test.each([[2, 1], [3, 0]] as const)('subscriptions on the main client with RESP%i are %i warnings', async (protocol, count) => {
  configure({ redis: { protocol } });
  const redis = await RedisManager.getMainClient();
  await redis.ping();
  await redis.subscribe('news');
  await redis.unsubscribe('news');
  expect(said()).toEqual(Array(count).fill(expect.stringMatching(/^\[hawser:main\] SUBSCRIBE .*getSubscriberClient/)));
});
