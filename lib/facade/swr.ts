/** Stale-while-revalidate with fixed times, on top of a repository. */
import { badOption } from '../errors';
import type { Loader } from '../cache/load';
import type { CacheOptions } from '../cache/options';
import { define } from '../names';
import type { CacheRepository } from './repository';
import { checkSeconds, checkTtl } from '../cache/validate';

interface Times {
  readonly cache: CacheRepository;
  readonly options: CacheOptions;
}

/** A symbol, so that a subclass may use any names for its members. */
const TIMES = Symbol('times');

/**
 * Reads values that may be old but never make the caller wait. Up to an age of `staleThreshold` seconds, a value is fresh. From then up
 * to `maxAge`, it is returned at once while one caller in the whole fleet refreshes it in the background. After that, it is loaded.
 *
 *     const dashboard = new StaleWhileRevalidate(cache, 300, 900);
 *     await dashboard.get('dashboard:1', () => computeDashboard(1), ['company:1:orders']);
 */
export class StaleWhileRevalidate {
  /** @internal */ declare readonly [TIMES]: Times;

  /**
   * Times are in seconds. Throws RangeError for invalid times or a `staleThreshold` beyond `maxAge`.
   */
  constructor(cache: CacheRepository, staleThreshold: number = 300, maxAge: number = 900) {
    if (typeof (cache as { getOrSet?: unknown } | undefined)?.getOrSet !== 'function') badOption('cache', 'a CacheRepository', cache);
    checkSeconds('staleThreshold', staleThreshold);
    checkTtl('maxAge', maxAge);
    if (staleThreshold > maxAge) badOption('staleThreshold', `at most maxAge (${maxAge})`, staleThreshold, RangeError);
    define(this, TIMES, { cache, options: { ttl: maxAge, staleAfter: staleThreshold, maxAge } } satisfies Times);
  }

  /** As `CacheRepository.getOrSet`, with these times. A failed refresh emits the repository's event `refreshError`. */
  async get<T>(key: string, loader: Loader<T>, tags?: readonly string[]): Promise<T> {
    const { cache, options } = this[TIMES];
    return cache.getOrSet(key, loader, tags === undefined ? options : { ...options, tags });
  }
}
