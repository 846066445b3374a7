/** The application's own limiter: a counter for each minute. The counters are state: same keys as ever, raw commands. */
import { limitKey, limitPerMinute, WINDOW_SECONDS } from '../../../state';
import { ifItAnswers } from '../redis/raw-commands';

export class RateLimiter {
  constructor(private readonly limit = limitPerMinute(60)) {}

  /** Counts an attempt. Returns how many seconds to wait, or 0. */
  async take(what: string, who: string): Promise<number> {
    const key = limitKey(what, who);
    try {
      // The first command begins the window, so that a counter without an end cannot exist.
      const replies = await ifItAnswers((redis) => redis.multi().set(key, 0, 'EX', WINDOW_SECONDS, 'NX').incr(key).ttl(key).exec());
      const [count, secondsLeft] = [Number(replies?.[1][1]), Number(replies?.[2][1])];
      return count > this.limit ? Math.max(secondsLeft, 1) : 0;
    } catch (error) {
      // A limit that cannot be counted stops nobody.
      console.warn(`[limits] not counted: ${(error as Error).message}`);
      return 0;
    }
  }
}
