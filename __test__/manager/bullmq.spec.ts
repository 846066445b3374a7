import IORedis from 'ioredis';
import { RedisManager } from '../../lib/facade';
import { Redis } from '../../lib/client/redis';
import { serverForAll } from '../helpers/lifetimes';

afterEach(async () => {
  await RedisManager.closeAll();
  RedisManager.configure({});
});

describe('getBullMQConnection', () => {
  test.each([
    ['redis://h.example', { host: 'h.example', port: 6379, db: 0 }],
    ['redis://h.example:7000/3', { host: 'h.example', port: 7000, db: 3 }],
    ['redis://:pa%2Fss%3Aw%40rd@h.example:7000', { host: 'h.example', port: 7000, db: 0, password: 'pa/ss:w@rd' }],
    ['rediss://us%40er:p%25@h.example/1', { host: 'h.example', port: 6379, db: 1, username: 'us@er', password: 'p%', tls: {} }],
    ['redis://[::1]:6380', { host: '::1', port: 6380, db: 0 }],
    ['unix:///run/redis.sock?db=2', { path: '/run/redis.sock', db: 2 }],
    ['unix://us%40er:p:%25@/run/redis.sock?db=2', { path: '/run/redis.sock', db: 2, username: 'us@er', password: 'p:%' }],
    ['unix://:secret@/run/redis.sock', { path: '/run/redis.sock', db: 0, password: 'secret' }],
    ['redis://h.example?family=6', { host: 'h.example', port: 6379, db: 0, family: 6 }],
  ])('has all parts of %s', (url, parts) => {
    RedisManager.configure({ url });
    const { retryStrategy, ...options } = RedisManager.getBullMQConnection();
    expect(options).toEqual({ ...parts, maxRetriesPerRequest: null, enableReadyCheck: false });
    for (const times of [1, 2, 50]) {
      const delay = retryStrategy(times);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(Math.min(100 * times, 3000));
    }
  });

  test('has the TLS options of the manager', () => {
    RedisManager.configure({ url: 'rediss://h.example', redis: { tls: { ca: 'PEM' } } });
    expect(RedisManager.getBullMQConnection().tls).toEqual({ ca: 'PEM' });
  });

  describe('has options with which a client connects', () => {
    const password = 'p@ss:w/rd%';
    const server = serverForAll({ tls: true, users: [`worker on >${password} ~* &* +@all`] });

    test.each([
      ['hawser', () => new Redis(RedisManager.getBullMQConnection())],
      ['ioredis', () => new IORedis(RedisManager.getBullMQConnection()) as unknown as Redis],
    ])('as %s: user, password, TLS and database', async (_, connect) => {
      const url = `rediss://worker:${encodeURIComponent(password)}@127.0.0.1:${server.port}/3`;
      RedisManager.configure({ url, redis: { tls: { ca: server.certificates?.ca } } });
      const client = connect();
      expect(await client.call('ACL', 'WHOAMI')).toBe('worker');
      expect(String(await client.client('INFO'))).toContain(' db=3 ');
      await client.quit();
    });

    test('as hawser, by a unix socket', async () => {
      RedisManager.configure({ url: `unix://${server.path}?db=2` });
      const client = new Redis(RedisManager.getBullMQConnection());
      expect(String(await client.client('INFO'))).toContain(' db=2 ');
      await client.quit();
    });
  });

  test('on memory:// throws and names the variable to set', () => {
    RedisManager.configure({ url: 'memory://' });
    expect(() => RedisManager.getBullMQConnection()).toThrow(expect.objectContaining({ code: 'E_NEEDS_SERVER', message: expect.stringContaining('REDIS_URL') as string }));
  });
});
