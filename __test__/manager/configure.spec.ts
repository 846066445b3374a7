/** Invalid settings of the manager: each error names the option or variable and the allowed values, and no connection stays open. */
import { CacheRepository, redisHealthCheck, RedisManager, type ManagerOptions } from '../../lib/facade';
import { openClients } from '../../lib/manager/connections';

const env = process.env;

beforeEach(() => {
  process.env = { ...env, REDIS_URL: 'memory://' };
});

afterEach(async () => {
  await RedisManager.closeAll();
  RedisManager.configure({});
  process.env = env;
});

describe('RedisManager.configure', () => {
  test.each([
    [{ urll: 'x' }, TypeError, 'manager.urll is not an option; there are: url, connectionName'],
    [{ url: 5 }, TypeError, 'manager.url must be a connection URL, got 5'],
    [{ connectionName: 'my app' }, TypeError, 'manager.connectionName must be printable ASCII without spaces'],
    [{ maxRetries: -1 }, RangeError, 'manager.maxRetries must be a whole number of retries from 0, got -1'],
    [{ retryDelayMs: 0 }, RangeError, 'manager.retryDelayMs must be a number of milliseconds from 1 to 60000, got 0'],
    [{ enableTags: 'no' }, TypeError, 'manager.enableTags must be true or false, got a string'],
    [{ defaultTtl: 0 }, RangeError, 'manager.defaultTtl must be a positive number of seconds, got 0'],
    [{ afterFailover: 'warm' }, TypeError, "manager.afterFailover must be 'cold' or 'trust', got a string"],
    [{ cache: { leaseMs: 1 } }, RangeError, 'manager.cache.leaseMs must be a number of milliseconds from 100'],
    [{ cache: { leaseMs: 1000, renewMs: 1000 } }, RangeError, 'manager.cache.renewMs must be less than manager.cache.leaseMs (1000), got 1000'],
    [{ cache: { lease: 1 } }, TypeError, 'manager.cache.lease is not an option'],
    [{ cache: { maxUndelivered: 0.5 } }, RangeError, 'manager.cache.maxUndelivered must be a whole number from 0'],
    [{ logger: { warn() {} } }, TypeError, 'manager.logger.debug must be a function, got undefined'],
    [{ keyPrefix: 'app:' }, Error, 'manager.keyPrefix: keyPrefix is refused by the manager'],
    [{ redis: { keyPrefix: 'app:' } }, Error, 'manager.redis.keyPrefix: keyPrefix is refused'],
    [{ redis: { sentinels: [] } }, TypeError, 'manager.redis.sentinels must be an array of at least one address, got an array'],
    [{ redis: { sentinels: [{ host: 'a' }] } }, TypeError, 'manager.redis.name must be the name of the master group, got undefined'],
    [{ redis: { sentinels: [{ host: 'a' }], name: 'g', role: 'slave' } }, TypeError, "manager.redis.role must be 'master', got a string"],
    [{ redis: { sentinels: [{ host: 'a' }], name: 'g', host: 'h' } }, Error, 'manager.redis.host is part of the connection URL'],
    [{ redis: { connectionName: 'x' } }, Error, 'manager.redis.connectionName: set manager.connectionName'],
    [{ redis: { host: 'h' } }, Error, 'manager.redis.host is part of the connection URL'],
    [{ redis: { resend: 'x' } }, TypeError, "manager.redis.resend must be 'all', 'idempotent' or 'none', got a string"],
    [{ redis: { poll: 'never' } }, TypeError, "manager.redis.poll must be 'auto' or false, got a string"],
    [{ redis: { retryStrategy: 5 } }, TypeError, 'manager.redis.retryStrategy must be a function, got 5'],
    [null, TypeError, 'manager must be an object, got null'],
  ])('refuses %p', (options, Class, message) => {
    const configure = (): void => RedisManager.configure(options as unknown as ManagerOptions);
    expect(configure).toThrow(Class);
    expect(configure).toThrow(message);
    expect(configure).toThrow(expect.objectContaining({ code: expect.stringMatching(/^E_(BAD_OPTION|UNSUPPORTED)$/) as string }));
  });

  test('works before the first use and after closeAll', async () => {
    await RedisManager.getMainClient();
    expect(() => RedisManager.configure({ url: 'memory://' })).toThrow(expect.objectContaining({ code: 'E_BAD_STATE' }));
    await RedisManager.closeAll();
    RedisManager.configure({ url: 'memory://' });
  });

  test('takes precedence over the environment', () => {
    process.env.REDIS_MANAGER_ENABLED = 'true';
    expect(RedisManager.isEnabled()).toBe(true);
    RedisManager.configure({ enabled: false });
    expect(RedisManager.isEnabled()).toBe(false);
    process.env.REDIS_URL = 'nonsense';
    RedisManager.configure({ url: 'redis://h.example' });
    expect(RedisManager.getBullMQConnection().host).toBe('h.example');
  });
});

describe('an invalid environment', () => {
  test.each([
    ['REDIS_URL', 'localhost:6379', 'REDIS_URL must be a URL: redis://, rediss://, unix:// or memory://'],
    ['REDIS_URL', 'http://user:hunter2@h', 'REDIS_URL: the connection URL has a scheme that is not known; allowed are redis://'],
    ['REDIS_URL', 'redis://:hunter2@h:99999', 'REDIS_URL: the connection URL'],
    ['REDIS_URL', 'redis://h/hunter2', 'REDIS_URL: the connection URL'],
    ['REDIS_URL', 'redis://h?keyPrefix=x', 'REDIS_URL: keyPrefix is refused by the manager'],
    ['REDIS_URL', 'redis-sentinel://:hunter2@h', 'REDIS_URL: the connection URL has a scheme that is not known; allowed are redis://'],
    ['REDIS_URL', 'redis+sentinel://:hunter2@h', 'REDIS_URL: the connection URL must name the group: redis+sentinel://host:port,host:port/group'],
    ['REDIS_URL', 'redis+sentinel://h/group/hunter2', 'REDIS_URL: the connection URL must end with the number of a database'],
    ['REDIS_URL', 'redis+sentinel://:hunter2@/group', 'REDIS_URL: the connection URL'],
    ['REDIS_CLUSTER', 'true', 'REDIS_URL: a node of a cluster is host:port, or a redis:// or rediss:// URL'],
    ['REDIS_CLUSTER_NODES', 'host', 'REDIS_CLUSTER_NODES must be host:port,... or redis:// URLs, separated by commas, got something else (not shown'],
    ['REDIS_CLUSTER', 'maybe', 'REDIS_CLUSTER must be true, false, 1 or 0, got "maybe"'],
    ['REDIS_MAX_RETRIES', 'ten', 'REDIS_MAX_RETRIES must be a whole number of retries from 0 to 1000000, got "ten"'],
    ['CACHE_DEFAULT_TTL', '-1', 'CACHE_DEFAULT_TTL must be a number of seconds from 0.001 to 315576000, got "-1"'],
    ['CACHE_ENABLE_TAGS', 'ja', 'CACHE_ENABLE_TAGS must be true, false, 1 or 0, got "ja"'],
    ['REDIS_MONITOR_ENABLED', 'ja', 'REDIS_MONITOR_ENABLED must be true, false, 1 or 0, got "ja"'],
  ])('%s=%s is an error at first use, and nothing is opened', async (name, value, message) => {
    process.env[name] = value;
    const cache = new CacheRepository('x');
    const loader = jest.fn(() => 1);
    for (const use of [() => RedisManager.getMainClient(), () => RedisManager.getPublisherClient(), () => redisHealthCheck(), () => cache.getOrSet('k', loader)]) {
      await expect(use()).rejects.toThrow(message);
      await expect(use()).rejects.not.toThrow('hunter2');
    }
    expect(() => RedisManager.getBullMQConnection()).toThrow(message);
    expect(await RedisManager.healthCheck()).toBe(false);
    expect(loader).not.toHaveBeenCalled();
    expect(openClients().size).toBe(0);
    process.env[name] = name === 'REDIS_URL' ? 'memory://' : '';
    await expect(RedisManager.getMainClient()).resolves.toBeDefined();
  });

  test('isEnabled reads only its own variable', () => {
    process.env.REDIS_URL = 'nonsense';
    expect(RedisManager.isEnabled()).toBe(false);
    process.env.REDIS_MANAGER_ENABLED = '1';
    expect(RedisManager.isEnabled()).toBe(true);
    process.env.REDIS_MANAGER_ENABLED = 'on';
    expect(() => RedisManager.isEnabled()).toThrow('REDIS_MANAGER_ENABLED must be true, false, 1 or 0, got "on"');
  });
});

test.each([
  ['redis://h?db=2', 2],
  ['redis://h/?db=2', 2],
  ['redis://u:p@h:7000/3?db=2', 3],
  ['rediss://h/4', 4],
])('the database of %s is %d', (url, db) => {
  RedisManager.configure({ url });
  expect(RedisManager.getBullMQConnection().db).toBe(db);
});

test.each([
  ['redis://h?db=-1', "manager.url: db in the connection URL's query must be a whole number from 0"],
  ['redis://h?protocol=constructor', "manager.url: protocol in the connection URL's query must be 2 or 3"],
  ['memory', 'manager.url: not a connection URL; allowed are redis://, rediss://, unix:// and memory://'],
  ['', 'manager.url: not a connection URL; allowed are'],
  ['unix://%zz:secret@/s', 'manager.url: user or password in the connection URL is not percent-encoded'],
])('the URL %p is refused', (url, message) => {
  RedisManager.configure({ url });
  expect(() => RedisManager.getBullMQConnection()).toThrow(message);
});

test.each([
  [5, 'options must be an object, got 5'],
  [{ signal: 'SIGTERM' }, 'options.signal is not an option; there are: signals, timeoutMs'],
  [{ signals: ['SIGFOO'] }, 'signals must be an array of names of signals that a process can listen to'],
  [{ signals: ['SIGTERM', 'SIGKILL'] }, 'signals must be an array of names of signals that a process can listen to'],
])('installShutdownHooks refuses %p and adds no listener', (options, message) => {
  const listeners = process.listenerCount('SIGTERM');
  expect(() => RedisManager.installShutdownHooks(options as never)).toThrow(message);
  expect(process.listenerCount('SIGTERM')).toBe(listeners);
});
