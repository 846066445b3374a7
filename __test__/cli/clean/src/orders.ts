import { CacheRepository, CachedService, PubSubService, RedisManager, defineTiers } from 'hawser';

const tiers = defineTiers({ orders: { ttl: 300, browser: { staleTime: 30 } } });
const cache = new CacheRepository('orders', { tier: tiers.orders });

export class OrderService extends CachedService {
  protected serviceName = 'orders';

  async list(company: string): Promise<unknown> {
    const cached = await this.cache.get<string>(company);
    if (cached !== null) return JSON.parse(cached);
    await this.cache.set(company, JSON.stringify([company]), 300);
    return cache.getOrSet(company, () => [company], { tags: [`company:${company}`] });
  }

  async forget(company: string): Promise<void> {
    await cache.invalidateTags([`company:${company}`]);
    await PubSubService.publish({ type: 'tags', target: [`company:${company}`], source: 'orders' });
  }
}

export async function revoke(token: string, secondsLeft: number): Promise<void> {
  const redis = await RedisManager.getMainClient();
  await redis.set(`blacklist:${token}`, '1', 'EX', secondsLeft);
}

export const locked = (): Promise<unknown> => RedisManager.withConnection((redis) => redis.get('lock'));

RedisManager.installShutdownHooks();
