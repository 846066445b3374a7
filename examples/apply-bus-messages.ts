/**
 * During a rollout, old instances, which have their own cache, announce their changes on the bus, and new instances apply them to their
 * repositories. Run it: node examples/run.mjs apply-bus-messages
 *
 * It runs on memory:// (where this process plays the old instance) or on the server in REDIS_URL.
 */
import { applyInvalidation, CacheRepository, PubSubService, RedisManager, type CacheInvalidationMessage } from 'hawser';

const ID = 'rollout';

/**
 * Applies every message to each of the repositories, until you call the function that it returns.
 *
 * - Old and new instances have separate entries under separate prefixes, so a message can only make new entries unusable.
 * - Every new instance applies every message, including those of new instances. Repeated deletes cost little and do no harm.
 * - It must not publish, because two instances would answer each other endlessly.
 * - A message that is sent while this instance's subscriber reconnects is lost. Until the rollout is over, give entries that old
 *   instances can change a `ttl` that you can tolerate.
 */
export function applyBusMessages(repositories: readonly CacheRepository[], onFailure: (error: unknown) => void): () => void {
  PubSubService.onInvalidation(ID, async (message) => {
    const results = await Promise.allSettled(repositories.map((repository) => applyInvalidation(repository, message)));
    for (const result of results) if (result.status === 'rejected') onFailure(result.reason);
  });
  return () => void PubSubService.offInvalidation(ID);
}

/** What an old instance publishes: the JSON that hawser uses, too. */
async function asOldInstance(message: CacheInvalidationMessage): Promise<void> {
  await PubSubService.publish(message);
}

async function main(): Promise<void> {
  RedisManager.configure({ url: process.env.REDIS_URL || 'memory://' });
  const orders = new CacheRepository('example.orders', { ttl: 60 });
  const prices = new CacheRepository('example.prices', { ttl: 60 });
  const stop = applyBusMessages([orders, prices], (error) => console.error('could not be applied:', error));
  try {
    await PubSubService.initialize();
    await orders.setWithTags('list:1', ['o1'], { tags: ['company:1:orders'] });
    await orders.set('o1', { status: 'new' });
    await prices.set('zone:A', 995);

    await asOldInstance({ type: 'tags', target: ['company:1:orders'], source: 'OrderService.createOrder' });
    await gone(orders, 'list:1');
    console.log('tags: the list is gone');

    await asOldInstance({ type: 'key', target: 'o1' });
    await gone(orders, 'o1');
    console.log('key: the order is gone');

    await asOldInstance({ type: 'pattern', target: 'zone:*' });
    await gone(prices, 'zone:A');
    console.log('pattern: the price is gone');
  } finally {
    stop();
    await RedisManager.closeAll();
  }
}

/** Waits until a message has taken effect, because the bus is asynchronous. */
async function gone(cache: CacheRepository, key: string): Promise<void> {
  for (let tries = 0; await cache.has(key); tries++) {
    if (tries === 500) throw new Error('the message had no effect');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
