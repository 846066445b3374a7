/** Limits where there is no Redis: counters of this process. */
import { rateLimit } from 'express-rate-limit';
import { apiLimitOptions } from '../app/limits';
import type { Limits } from '../contract';
import { limitKey, limitPerMinute, WINDOW_SECONDS } from '../state';

export function memoryLimits(limit = limitPerMinute(60)): Limits {
  const counters = new Map<string, { count: number; end: number }>();
  return {
    api: rateLimit(apiLimitOptions()),
    async take(what, who) {
      const now = performance.now();
      for (const [key, { end }] of counters) if (end <= now) counters.delete(key);
      const key = limitKey(what, who);
      const counter = counters.get(key) ?? { count: 0, end: now + WINDOW_SECONDS * 1000 };
      counters.set(key, counter);
      return ++counter.count > limit ? Math.ceil((counter.end - now) / 1000) : 0;
    },
  };
}
