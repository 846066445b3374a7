import IORedis from 'ioredis';

export class RateLimiter {
  private readonly redis = new IORedis({ host: 'localhost', port: 6379, lazyConnect: true });

  async hit(ip: string): Promise<number> {
    const hits = await this.redis.incr(`rl:${ip}`);
    if (hits === 1) await this.redis.expire(`rl:${ip}`, 60);
    return hits;
  }
}
