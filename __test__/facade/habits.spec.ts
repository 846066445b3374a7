/** Habits of applications that must not disturb the cache: subclasses, an extended Object.prototype, arrays and options that change. */
import { CacheRepository, PubSubService, RedisManager, StaleWhileRevalidate, type CacheItem, type ManagerOptions } from '../../lib/facade';
import { Redis } from '../../lib/client/redis';
import { runNode } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';

const logger = { debug() {}, info() {}, warn() {}, error() {} };

const server = serverForAll();
afterEach(() => RedisManager.closeAll());

describe('a subclass may use any names for its members', () => {
  const NAMES = ['store', 'open', 'opened', 'options', 'own', 'found', 'encode', 'written', 'invalidated', 'setOne', 'names', 'port', 'driver', 'cache', 'times', 'listened',
    'staleThreshold', 'maxAge', 'createScanStream', 'link', 'life', 'state', 'client', 'send', 'queue', 'events'];
  const members = Object.fromEntries(NAMES.map((name) => [name, `${name} of the subclass`]));

  test('as fields, and as methods and accessors of its prototype', async () => {
    RedisManager.configure({ url: 'memory://', logger });
    class Fields extends CacheRepository {
      constructor(prefix: string) {
        super(prefix);
        Object.assign(this, members);
      }
    }
    class Methods extends CacheRepository {}
    class Swr extends StaleWhileRevalidate {}
    for (const name of NAMES) {
      Object.defineProperty(Methods.prototype, name, { configurable: true, get: () => 'of the subclass', set() {} });
      Object.defineProperty(Swr.prototype, name, { configurable: true, value: () => 'of the subclass' });
    }
    for (const cache of [new Fields('fields'), new Methods('methods')]) {
      await cache.setMany([{ key: 'a', value: 1, tags: ['t'] }]);
      await cache.setWithTags('b', 2, { tags: ['t'] });
      expect(await cache.getOrSet('c', () => 3)).toBe(3);
      expect(await cache.getMany(['a', 'b', 'c', 'd'])).toEqual([1, 2, 3, null]);
      expect([await cache.invalidateTags(['t']), await cache.deleteMany(['a', 'c']), await cache.deletePattern('*'), await cache.has('c')]).toEqual([2, 2, 1, false]);
      expect((cache as unknown as Record<string, unknown>).store).toContain('of the subclass');
      expect(await new Swr(cache, 10, 20).get('swr', () => 5)).toBe(5);
    }
  });

  test('in clients, too', async () => {
    class Own extends Redis {}
    for (const name of NAMES.filter((one) => one !== 'options')) Object.defineProperty(Own.prototype, name, { configurable: true, writable: true, value: 'of the subclass' });
    const redis = new Own(server.url);
    Object.assign(redis, { store: 1, open: 2, queue: 3 });
    await redis.set('own', 'value');
    const pages: string[][] = [];
    for await (const page of redis.scanStream({ match: 'own*' }) as AsyncIterable<string[]>) pages.push(page);
    expect(pages.flat()).toEqual(['own']);
    await redis.quit();
  });
});

test('properties of Object.prototype break nothing and count as no options', async () => {
  const { stdout, stderr } = await runNode(
    `
    const { CacheRepository, CachedService, CacheMetrics, PubSubService, Redis, RedisManager, StaleWhileRevalidate, warmCache } = require('hawser');
    for (const name of ['extended', 'set', 'tags', 'ttl', 'staleAfter', 'keyPrefix', 'sentinels', 'concurrency', 'channel', 'serializer', 'GETORSET', 'get', 'value', 'path', 'tls', 'Connector', 'commandTimeout', 'db', 'timeout', 'localAddress', 'host', 'timeoutMs']) Object.prototype[name] = function () {};
    class Service extends CachedService { constructor() { super(); this.serviceName = 'service'; } key(query) { return this.listCacheKey('c', query); } }
    (async () => {
      for (const url of [process.env.REDIS_URL, 'memory://']) {
        RedisManager.configure({ url, cache: { leaseMs: 5000 }, redis: { family: 4 }, monitor: true, logger: { debug() {}, info() {}, warn: console.log, error: console.log } });
        const cache = new CacheRepository('polluted', { lockTimeoutMs: 100 });
        const results = [await cache.getOrSet('k', () => ({ a: 1 })), await cache.getOrSet('k', () => 0, { maxAge: 50 })];
        await cache.set('s', [1]);
        await cache.setMany([{ key: 'm', value: 2 }]);
        results.push(await cache.getMany(['s', 'm']), await cache.getOrSetMany(['x', 'm'], () => ({ x: 'X' })), await cache.invalidateTags(['none']));
        results.push(await new StaleWhileRevalidate(cache).get('swr', () => 1), (await warmCache([() => 1], {})).succeeded, new Service().key({ b: 1, a: 2 }) === new Service().key({ a: 2, b: 1 }));
        await PubSubService.initialize({});
        await PubSubService.publish({ type: 'key', target: 'k' });
        results.push(await RedisManager.healthCheck(), Object.keys(CacheMetrics.snapshot().repositories), CacheMetrics.prometheus().includes('polluted'));
        console.log(JSON.stringify(results));
        await RedisManager.closeAll();
      }
      const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1 });
      await redis.hset('h', { f: 1 });
      console.log(JSON.stringify([await redis.hgetall('h'), await redis.multi().set('k', 1).get('k').exec(), await redis.nothing?.(), redis.duplicate({ path: '/s', lazyConnect: true }).duplicate().options.path, (await redis.call('nothing').catch((error) => error)).code]));
      await redis.quit();
    })();
    `,
    { env: { REDIS_URL: server.url } },
  );
  const results = '[{"a":1},{"a":1},[[1],2],["X",2],0,1,1,true,true,["polluted"],true]';
  expect([stderr, ...stdout.trim().split('\n')]).toEqual(['', results, results, '[{"f":"1"},[[null,"OK"],[null,"1"]],null,"/s","E_REPLY"]']);
});

describe('with TLS', () => {
  const secure = serverForAll({ tls: true });

  test('properties of Object.prototype are no options of a socket either', async () => {
    const { stdout, stderr } = await runNode(
      `
      const { Redis } = require('hawser');
      for (const name of ['path', 'socket', 'secureContext', 'timeout', 'lookup', 'checkServerIdentity', 'ciphers']) Object.prototype[name] = function () {};
      (async () => {
        const redis = new Redis({ host: '127.0.0.1', port: Number(process.env.PORT), tls: { ca: process.env.CA }, retryStrategy: null });
        console.log(await redis.set('k', 1));
        await redis.quit();
      })();
      `,
      { env: { PORT: String(secure.port), CA: secure.certificates?.ca } },
    );
    expect([stderr, stdout.trim()]).toEqual(['', 'OK']);
  });
});

describe.each(['redis', 'memory'])('on %s', (kind) => {
  const configure = (more?: ManagerOptions): void => RedisManager.configure({ url: kind === 'redis' ? server.url : 'memory://', logger, ...more });

  test('changes that the caller makes after a call have no effect', async () => {
    configure();
    const cache = new CacheRepository('changed');
    const keys = ['a', 'b'];
    const tags = ['t'];
    const options = { tags, ttl: 60 };
    const items: CacheItem[] = [{ key: 'm', value: { n: 1 }, tags }];
    const calls = [
      cache.getOrSetMany(keys, (missing) => new Map(missing.map((key) => [key, key])), options),
      cache.setMany(items),
      cache.getOrSet('one', ({ addTags }) => {
        const added = ['u'];
        const done = addTags(added);
        added[0] = 'not u';
        return done.then(() => 1);
      }, options),
    ];
    keys[0] = 'not a';
    tags[0] = 'not t';
    options.ttl = 0;
    (items[0].value as { n: number }).n = 2;
    items.length = 0;
    expect((await Promise.all(calls))[0]).toEqual(['a', 'b']);
    expect(await cache.get('m')).toEqual({ n: 1 });
    expect(await cache.invalidateTags(['not t', 'not u'])).toBe(0);
    const invalidated = ['u'];
    const count = cache.invalidateTags(invalidated);
    invalidated[0] = 'nothing';
    expect(await count).toBe(1);
    expect(await cache.invalidateTags(['t'])).toBeGreaterThanOrEqual(3);
    const found = new Map<string, unknown>([['late', { n: 1 }]]);
    const late = cache.getOrSetMany(['late', 'later'], () => found);
    await late;
    found.set('late', 2);
    expect(await cache.get('late')).toEqual({ n: 1 });
  });

  test('later changes to options and messages have no effect', async () => {
    const options = { url: kind === 'redis' ? server.url : 'memory://', logger, cache: { leaseMs: 5000 }, defaultTtl: 60 };
    RedisManager.configure(options);
    options.cache.leaseMs = -1;
    options.defaultTtl = -1;
    const message = { type: 'key' as const, target: ['k'] };
    const heard: unknown[] = [];
    PubSubService.onInvalidation('changed', (one) => heard.push(one));
    await PubSubService.initialize();
    const published = PubSubService.publish(message);
    message.target[0] = 'another';
    await published;
    await new CacheRepository('changed').set('k', 1);
    const end = Date.now() + 5000;
    while (heard.length === 0 && Date.now() < end) await new Promise(setImmediate);
    expect(heard).toEqual([{ type: 'key', target: ['k'] }]);
    PubSubService.offInvalidation('changed');
  });
});
