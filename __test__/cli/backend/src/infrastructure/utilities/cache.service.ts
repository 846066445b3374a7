import Redis from 'ioredis';
import logger from '../../shared/logger';

class CacheService {
  private client: Redis | null = null;

  private getClient(): Redis {
    if (!this.client) {
      this.client = new Redis(process.env.REDIS_URL as string, {
        maxRetriesPerRequest: 3,
        password: 'hunter2',
      });
      this.client.on('error', (error) => logger.error('cache', error));
    }
    return this.client;
  }

  async get<T>(key: string): Promise<T | null> {
    const raw = await this.getClient().get(key);
    return raw ? (JSON.parse(raw) as T) : null;
  }

  async set(key: string, value: unknown, ttl = 300): Promise<void> {
    await this.getClient().setex(key, ttl, JSON.stringify(value));
  }

  async invalidatePattern(pattern: string): Promise<void> {
    const client = this.getClient();
    const keys = await client.keys(pattern);
    if (keys.length > 0) await client.del(...keys);
  }

  async reset(): Promise<void> {
    await this.getClient().flushall();
  }

  async close(): Promise<void> {
    await this.client?.quit();
  }
}

export default new CacheService();
