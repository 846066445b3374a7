import { application, withServer } from './programs';

const context = withServer();

const app = (body: string): Promise<unknown> => application(context.server, body);

test('redlock 4 locks, refuses, extends and unlocks', async () => {
  const result = await app(`
    const Redlock = require('redlock4');
    const redis = client();
    const redlock = new Redlock([redis], { retryCount: 0 });
    const lock = await redlock.lock('lock:a', 5000);
    const refused = await redlock.lock('lock:a', 5000).then(() => 'locked', (error) => error.name);
    const longer = await lock.extend(60000);
    const ttl = await redis.pttl('lock:a');
    await longer.unlock();
    const again = await redlock.lock(['lock:a', 'lock:b'], 5000);
    await again.unlock();
    report({ refused, ttl: ttl > 50000, left: await redis.keys('lock:*') });`);
  expect(result).toEqual({ refused: 'LockError', ttl: true, left: [] });
});

test.each([
  ['redlock 5', "(await import('redlock')).default"],
  ['@sesamecare-oss/redlock', "require('@sesamecare-oss/redlock').Redlock"],
])('%s locks, refuses, extends automatically, releases, and works after SCRIPT FLUSH', async (_, source) => {
  const result = await app(`
    const Redlock = ${source};
    const redis = client();
    const redlock = new Redlock([redis], { retryCount: 0, automaticExtensionThreshold: 100 });
    const lock = await redlock.acquire(['{l}a', '{l}b'], 5000);
    const refused = await redlock.acquire(['{l}b'], 5000).then(() => 'locked', (error) => error.name);
    await redis.script('FLUSH');
    const longer = await lock.extend(60000);
    const ttl = await redis.pttl('{l}a');
    await longer.release();
    const seen = [];
    const value = await redlock.using(['{l}c'], 300, async (signal) => {
      const first = await redis.pttl('{l}c');
      await until(async () => (await redis.pttl('{l}c')) < 150);
      await until(async () => (await redis.pttl('{l}c')) > 200);
      return [first <= 300, signal.aborted];
    });
    report({ refused, ttl: ttl > 50000, value, left: await redis.keys('{l}*') });`);
  expect(result).toEqual({ refused: 'ExecutionError', ttl: true, value: [true, false], left: [] });
});

test('rate-limiter-flexible consumes, blocks, rewards, and uses its fallback without a connection', async () => {
  const result = await app(`
    const { RateLimiterRedis, RateLimiterMemory, RateLimiterQueue } = require('rate-limiter-flexible');
    const redis = client({ enableOfflineQueue: false, retryStrategy: () => 300 });
    await until(() => redis.status === 'ready');
    const limiter = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rl', points: 3, duration: 60, blockDuration: 120 });
    const twin = new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rl2', points: 1, duration: 60, insuranceLimiter: new RateLimiterMemory({ points: 1, duration: 60 }) });
    const many = await Promise.allSettled(Array.from({ length: 5 }, () => limiter.consume('user')));
    const blocked = (await limiter.get('user')).msBeforeNext > 60000;
    await limiter.delete('user');
    await limiter.penalty('user', 2);
    const { remainingPoints } = await limiter.reward('user', 1);
    await limiter.set('other', 3, 10);
    const refused = await limiter.consume('other').then(() => 'let in', (answer) => answer.remainingPoints);
    const queued = new RateLimiterQueue(new RateLimiterRedis({ storeClient: redis, keyPrefix: 'rq', points: 5, duration: 1 }));
    const left = await queued.removeTokens(2);
    redis.disconnect(true);
    await until(() => redis.status !== 'ready');
    const offline = [await twin.consume('x').then(() => 'in'), await twin.consume('x').then(() => 'in', () => 'out')];
    await until(() => redis.status === 'ready');
    const online = (await twin.consume('x')).remainingPoints;
    report({ many: many.map(({ status }) => status === 'fulfilled'), blocked, remainingPoints, refused, left, offline, online });`);
  expect(result).toEqual({
    many: [true, true, true, false, false],
    blocked: true,
    remainingPoints: 2,
    refused: 0,
    left: 3,
    offline: ['in', 'out'],
    online: 0,
  });
});
