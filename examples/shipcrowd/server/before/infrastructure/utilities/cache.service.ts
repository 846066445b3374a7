/** The general cache: JSON at a key, deleted by pattern. */
import { countRead } from '../../measure';
import type { TierName } from '../../../tiers';
import { connect } from './ioredis';

export class CacheService {
  readonly redis = connect('cache.service');

  async getOrSet<T>(tier: TierName, key: string, ttl: number, load: () => Promise<T>): Promise<T> {
    const cached = await this.redis.get(key);
    countRead(tier, cached !== null);
    if (cached !== null) return JSON.parse(cached) as T;
    const fresh = await load();
    await this.redis.setex(key, ttl, JSON.stringify(fresh));
    return fresh;
  }

  /** KEYS looks at every key of the server, and everybody waits meanwhile. */
  async deletePattern(pattern: string): Promise<void> {
    const keys = await this.redis.keys(pattern);
    if (keys.length > 0) await this.redis.del(...keys);
  }
}
