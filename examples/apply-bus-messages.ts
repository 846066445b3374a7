/**
 * During a rollout: old instances, which cache by themselves, announce what they have changed on the bus; new instances apply that to their
 * repositories. Run it: node examples/run.mjs apply-bus-messages
 *
 * On memory:// (where the old instance is played by this process), or on the server that REDIS_URL names.
 */
import { applyInvalidation, CacheRepository, PubSubService, RedisManager, type CacheInvalidationMessage } from 'hawser';

const ID = 'rollout';

/**
 * Applies every message to each of the repositories, until the function that it returns is called.
 *
 * - Old and new instances have entries of their own, under prefixes of their own: a message can only make new entries unusable.
 * - Every new instance applies it, messages of new instances included: the same deletes again, which costs a little and harms nobody.
 * - It must not publish: two instances would answer each other for ever.
 * - A message that is sent while this instance's subscriber is reconnecting is lost. Give entries that old instances write to a `ttl` that you
 *   can live with until the rollout is over.
 */
export function applyBusMessages(repositories: readonly CacheRepository[], onFailure: (error: unknown) => void): () => void {
  PubSubService.onInvalidation(ID, async (message) => {
    const results = await Promise.allSettled(repositories.map((repository) => applyInvalidation(repository, message)));
    for (const result of results) if (result.status === 'rejected') onFailure(result.reason);
  });
  return () => void PubSubService.offInvalidation(ID);
}

/** What an old instance publishes: the JSON that hawser speaks too. */
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

/** The bus is asynchronous: waits until a message has had its effect. */
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
