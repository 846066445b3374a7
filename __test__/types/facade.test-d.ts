/** Manager, cache, services and bus as strict applications see them. */
import {
  CachedService,
  CacheMetrics,
  CacheRepository,
  HawserError,
  PubSubService,
  Redis,
  RedisManager,
  StaleWhileRevalidate,
  redisHealthCheck,
  warmCache,
  type CacheInvalidationMessage,
  type CacheOptions,
  type Cluster,
} from 'hawser';
import { expectTypeOf } from 'expect-type';

interface Order {
  id: number;
  at: Date;
}
declare const order: Order;
declare const tags: string[] | undefined;
/** What database libraries return in place of a Promise. */
declare const query: PromiseLike<Order | null>;

const cache = new CacheRepository();
new CacheRepository('orders', { ttl: 60, serializer: { serialize: String, deserialize: Number } });
new CacheRepository('orders', { nearCache: { maxBytes: 1 << 20, maxTtlMs: 1000, share: 'frozen' } });
// @ts-expect-error its memory has to be bounded
new CacheRepository('orders', { nearCache: true });

// The value has the type that the loader returns, whatever the loader's form.
expectTypeOf(cache.getOrSet('k', () => order)).resolves.toEqualTypeOf<Order>();
expectTypeOf(cache.getOrSet('k', async () => order)).resolves.toEqualTypeOf<Order>();
expectTypeOf(cache.getOrSet('k', () => query)).resolves.toEqualTypeOf<Order | null>();
expectTypeOf(cache.getOrSet<Order>('k', async ({ key, addTags, signal }) => {
  expectTypeOf(key).toEqualTypeOf<string>();
  expectTypeOf(signal).toEqualTypeOf<AbortSignal | undefined>();
  await addTags(['t']);
  return order;
}, { tags, ttl: undefined })).resolves.toEqualTypeOf<Order>();
// @ts-expect-error a loader's value has the type that was asked for
void cache.getOrSet<Order>('k', () => 5);
// @ts-expect-error seconds are numbers
void cache.getOrSet('k', () => 5, { ttl: '60' });

expectTypeOf(cache.get<Order>('k')).resolves.toEqualTypeOf<Order | null>();
expectTypeOf(cache.getMany<Order>(['k'])).resolves.toEqualTypeOf<(Order | null)[]>();
const memo = cache.memo();
expectTypeOf(memo.getOrSet('k', () => order)).resolves.toEqualTypeOf<Order>();
expectTypeOf(memo.getMany<Order>(['k'])).resolves.toEqualTypeOf<(Order | null)[]>();
expectTypeOf(memo.invalidateTags).toEqualTypeOf<typeof cache.invalidateTags>();
void (async () => {
  const found = await cache.explain('k');
  if (found.state === 'loading') expectTypeOf(found.lease.holder).toEqualTypeOf<'this process' | 'another process' | 'nobody'>();
  else if (found.state === 'stale') expectTypeOf(found.age).toEqualTypeOf<number | null>();
  else if (found.state === 'foreign') expectTypeOf(found.holds).toEqualTypeOf<'string' | 'damaged entry' | 'another type'>();
  // @ts-expect-error: nothing is there
  else if (found.state === 'missing') expectTypeOf(found.age);
  for await (const entry of cache.entriesByPattern('*')) expectTypeOf(entry.tags).toEqualTypeOf<string[]>();
})();
// @ts-expect-error: not a registry
CacheMetrics.collect({});
expectTypeOf(cache.getOrSetMany(['k'], () => new Map([['k', order]]))).resolves.toEqualTypeOf<Order[]>();
expectTypeOf(cache.getOrSetMany(['k'], async () => ({ k: order }))).resolves.toEqualTypeOf<Order[]>();
expectTypeOf(cache.set('k', order, 60)).resolves.toEqualTypeOf<void>();
expectTypeOf(cache.invalidateTags(['t'])).resolves.toEqualTypeOf<number>();
void cache.setMany([{ key: 'k', value: order, ttl: 5, tags: ['t'] }]);
// Values of different types, and constant lists.
void cache.setMany([{ key: 'k', value: 1 }, { key: 'l', value: 'x' }]);
const TAGS = ['t', 'u'] as const;
void cache.getOrSet('k', () => 5, { tags: TAGS });
void cache.invalidateTags(TAGS);
void cache.getMany(TAGS);
void cache.deleteMany(TAGS);

cache.on('refreshError', (error, { key }) => {
  expectTypeOf(error).toEqualTypeOf<unknown>();
  expectTypeOf(key).toEqualTypeOf<string>();
});
cache.once('breaker', ({ message, repository }) => {
  expectTypeOf(message).toEqualTypeOf<string>();
  expectTypeOf(repository).toEqualTypeOf<string | undefined>();
});

class Orders extends CachedService {
  protected serviceName = 'order';
  protected override cacheOptions = { ttl: 60 };
  list(companyId: string, filters: { page?: number | undefined }): Promise<Order[]> {
    return this.cache.getOrSet(this.listCacheKey(companyId, filters), () => [order], { tags: [this.companyTag(companyId, 'orders')] });
  }
}
expectTypeOf(new Orders().list('c', {})).resolves.toEqualTypeOf<Order[]>();
// Ids that are not strings, such as those of MongoDB and SQL.
class Ids extends CachedService {
  protected serviceName = 'ids';
  keys(id: { toHexString(): string }): string[] {
    return [this.cacheKey(7, id), this.listCacheKey(id, {}), this.companyTag(id, 'orders')];
  }
  // @ts-expect-error a plain object has no text
  wrong = (): string => this.cacheKey({});
}
void Ids;

// @ts-expect-error a service must name itself
class Nameless extends CachedService {}
void Nameless;

const swr = new StaleWhileRevalidate(cache, 300, 900);
expectTypeOf(swr.get('k', async () => order, tags)).resolves.toEqualTypeOf<Order>();

expectTypeOf(RedisManager.getMainClient()).resolves.toEqualTypeOf<Redis>();
expectTypeOf(RedisManager.getMainClient<Redis | Cluster>()).resolves.toEqualTypeOf<Redis | Cluster>();
// One command interface: the union has the methods that both classes have.
void RedisManager.getSubscriberClient<Redis | Cluster>().then((client) => client.get('k'));
// @ts-expect-error keyPrefix is an option of repositories and of an application's own clients
RedisManager.configure({ keyPrefix: 'x' });
// @ts-expect-error it is refused among the clients' options as well
RedisManager.configure({ redis: { keyPrefix: 'x' } });
expectTypeOf(RedisManager.getBullMQConnection().maxRetriesPerRequest).toEqualTypeOf<null>();
expectTypeOf(RedisManager.getBullMQConnection<Cluster>()).toEqualTypeOf<Cluster>();
expectTypeOf(RedisManager.withConnection((redis) => redis.get('k'))).resolves.toEqualTypeOf<string | null>();
expectTypeOf(RedisManager.withConnection((redis: Cluster) => redis.nodes('master').length)).resolves.toEqualTypeOf<number>();
RedisManager.configure({ cluster: { nodes: ['a:1', { host: 'b', port: 1 }], natMap: {}, scaleReads: 'slave' } });
// @ts-expect-error -- the manager's connections are shared
RedisManager.configure({ cluster: { keyPrefix: 'x' } });
expectTypeOf(redisHealthCheck()).resolves.toHaveProperty('subscriber').toEqualTypeOf<'PONG' | 'error'>();

const message: CacheInvalidationMessage = { type: 'tags', target: ['t'], source: 'test' };
void PubSubService.publish(message);
// @ts-expect-error there are three types of messages
void PubSubService.publish({ type: 'tag', target: 't' });
PubSubService.onInvalidation('id', async ({ type }) => void type);

expectTypeOf(CacheMetrics.getHitRate()).toEqualTypeOf<number>();
expectTypeOf(CacheMetrics.hits).toEqualTypeOf<number>();
void warmCache([() => 1, { name: 'orders', run: async () => order }], { concurrency: 2 });
const options: CacheOptions = { ttl: 300, tags: ['t'] };
void options;
expectTypeOf<HawserError>().toHaveProperty('maybeExecuted').toEqualTypeOf<boolean | undefined>();
