/** The review's redis.manager.ts is hawser's. What is left is this application's options. */
import { RedisManager } from 'hawser';

export { RedisManager, redisHealthHandler } from 'hawser';

export function configureRedis(): void {
  RedisManager.configure({
    connectionName: 'hawser',
    // A request waits this long for an invalidation while Redis is silent, and then says that its write is saved and not visible yet.
    // Three connections, as the review planned. A process that waits for another one's load looks again after some milliseconds, and would be woken over a fourth.
    // An instance has waited for its first connection when it begins to serve. Requests need not wait for it as well.
    cache: { writeTimeoutMs: 2_000, watchLoads: false, connectBudgetMs: 250 },
    // Raw commands (blacklist, limits) have an answer of their own when Redis does not answer, and give it soon.
    ...(process.env.REDIS_URL?.startsWith('memory:') ? {} : { redis: { commandTimeout: 500 } }),
  });
}
