/** The application's own limiter: a counter for each minute. */
import { limitKey, limitPerMinute, WINDOW_SECONDS } from '../../../state';
import { connect } from './ioredis';

export class RateLimiter {
  private readonly redis = connect('rate-limiter');

  constructor(private readonly limit = limitPerMinute(60)) {}

  /** Counts an attempt. Returns how many seconds to wait, or 0. */
  async take(what: string, who: string): Promise<number> {
    const key = limitKey(what, who);
    const count = await this.redis.incr(key);
    if (count === 1) await this.redis.expire(key, WINDOW_SECONDS);
    return count > this.limit ? Math.max(await this.redis.ttl(key), 1) : 0;
  }
}
