/** hawser in five minutes, on memory:// or on the server in REDIS_URL: node examples/run.mjs tour */
import { setTimeout as pause } from 'node:timers/promises';
import { CacheMetrics, CacheRepository, CachedService, PubSubService, RedisManager, StaleWhileRevalidate, warmCache } from 'hawser';

let queries = 0;

/** Simulates a database. */
async function query<T>(value: T): Promise<T> {
  queries++;
  await pause(20);
  return value;
}

/** Reading through the cache: the loader runs if there is no entry, and only once for all simultaneous readers. */
async function reading(cache: CacheRepository): Promise<void> {
  const price = (): Promise<number> => cache.getOrSet('price:1', () => query(995), { ttl: 60 });
  await Promise.all([price(), price(), price()]);
  console.log(`three readers, ${queries} query`);

  // null is a value, so the cache also remembers that something does not exist.
  await cache.getOrSet('price:2', () => query(null));
  console.log('a cached null:', await cache.has('price:2'), await cache.get('price:2'));
}

/** Tags: one call makes any number of entries unusable. Tags belong to their repository. */
async function tagging(cache: CacheRepository): Promise<void> {
  await cache.setMany([
    { key: 'list:1', value: ['a'], tags: ['company:1:orders'] },
    { key: 'list:2', value: ['b'], tags: ['company:1:orders', 'ref:zones'] },
  ]);
  console.log('entries invalidated:', await cache.invalidateTags(['company:1:orders']));
  console.log('and gone:', await cache.getMany(['list:1', 'list:2']));

  // Only the source knows this tag. The loader names it before it reads the source.
  await cache.getOrSet('order:7', async ({ addTags }) => {
    await addTags(['customer:9']);
    return query({ id: 7, customer: 9 });
  });
  console.log('by a tag of the loader:', await cache.invalidateTags(['customer:9']));
}

/** Stale values are returned at once and refreshed in the background. */
async function staleWhileRevalidate(cache: CacheRepository): Promise<void> {
  let edition = 0;
  const dashboard = new StaleWhileRevalidate(cache, 0.05, 60);
  const read = (): Promise<number> => dashboard.get('dashboard', () => query(++edition));
  await read();
  await pause(80);
  console.log('stale, at once:', await read());
  while ((await read()) === 1) await pause(5);
  console.log('refreshed meanwhile:', await read());
}

/** A service: its name is the prefix, and it builds its keys and tags. */
class InvoiceService extends CachedService {
  protected serviceName = 'tour.invoices';

  list(companyId: string, filters: { year?: number; page?: number }): Promise<string[]> {
    const load = (): Promise<string[]> => query([`invoice of ${companyId}`]);
    return this.cache.getOrSet(this.listCacheKey(companyId, filters), load, { ttl: 300, tags: [this.companyTag(companyId, 'invoices')] });
  }

  paid(companyId: string): Promise<number> {
    return this.cache.invalidateTags([this.companyTag(companyId, 'invoices')]);
  }

  clear(): Promise<number> {
    return this.cache.deletePattern('*');
  }
}

async function services(): Promise<void> {
  const invoices = new InvoiceService();
  const before = queries;
  await invoices.list('1', { year: 2026, page: 1 });
  await invoices.list('1', { page: 1, year: 2026 });
  console.log('one list, its filters in two orders:', queries - before, 'query');
  const report = await warmCache(['2', '3'].map((id) => () => invoices.list(id, {})));
  console.log(`warmed: ${report.succeeded} of ${report.total}`);
  console.log('lists dropped:', await invoices.paid('1'));
  await invoices.clear();
}

/** The bus: it tells other instances what to drop from their memory. */
async function bus(): Promise<void> {
  const heard = new Promise<void>((resolve) => {
    PubSubService.onInvalidation('tour', ({ type, target }) => {
      console.log('heard:', type, target);
      resolve();
    });
  });
  await PubSubService.initialize({ channel: 'hawser:tour' });
  await PubSubService.publish({ type: 'tags', target: ['company:1:orders'], source: 'tour' });
  await heard;
  PubSubService.offInvalidation('tour');
}

async function main(): Promise<void> {
  RedisManager.configure({ url: process.env.REDIS_URL || 'memory://' });
  try {
    const cache = new CacheRepository('tour', { ttl: 60 });
    await reading(cache);
    await tagging(cache);
    await staleWhileRevalidate(cache);
    await services();
    await bus();
    const { reads, hitRate } = CacheMetrics.snapshot();
    console.log(`${reads} reads, ${queries} queries, hit rate ${hitRate.toFixed(0)} %`);
    await cache.deletePattern('*');
  } finally {
    await RedisManager.closeAll();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
