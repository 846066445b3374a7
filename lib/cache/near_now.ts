/**
 * The shortest way of a `getOrSet`: a hit in this process's memory whose arguments need no check of their own. A key and tags that equal those of a
 * valid copy are valid. Whatever is unusual takes the whole way, which checks it.
 */
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../env';
import { isPolluted } from '../names';
import { MISSING, nearValue } from './near_read';
import type { CachePort } from './port';

const now = performance.now.bind(performance);

/** The value, or `MISSING`. */
export function nearNow(port: CachePort, key: string, loader: unknown, options: unknown): unknown {
  const { near } = port;
  if (near === undefined || !near.caches.isTimeReal || port.base.fresh !== '' || port.base.early !== undefined || port.base.tags.length > 0 || typeof loader !== 'function') return MISSING;
  const copy = near.store.get(key);
  if (copy === undefined) return MISSING;
  const at = now();
  if (!near.caches.gate.isOpenAt(at) || !copy.isFresh(at)) return MISSING;
  if (options !== undefined) {
    if (typeof options !== 'object' || options === null || isPolluted()) return MISSING;
    for (const name in options) {
      if (name === 'ttl') {
        const { ttl } = options as { ttl: unknown };
        if (ttl !== undefined && !(typeof ttl === 'number' && ttl >= MIN_TTL_SECONDS && ttl <= MAX_TTL_SECONDS)) return MISSING;
      } else if (name === 'tags') {
        const { tags } = options as { tags: unknown };
        if (!Array.isArray(tags) || !port.tags || !copy.hasTags(tags as string[])) return MISSING;
      } else {
        return MISSING;
      }
    }
  }
  return nearValue(port, near, key, copy);
}
