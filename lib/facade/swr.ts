/** Stale-while-revalidate with fixed times, in the shape in which applications keep it beside a repository. */
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

/** A symbol, so that a subclass may name its members as it likes. */
const TIMES = Symbol('times');

/**
 * Reads whose value may be old but never late: up to `staleThreshold` seconds it is fresh; then, up to `maxAge`, it is returned at once
 * while one caller of the whole fleet refreshes it in the background; after that it is loaded.
 *
 *     const dashboard = new StaleWhileRevalidate(cache, 300, 900);
 *     await dashboard.get('dashboard:1', () => computeDashboard(1), ['company:1:orders']);
 */
export class StaleWhileRevalidate {
  /** @internal */ declare readonly [TIMES]: Times;

  /**
   * Seconds. Throws RangeError for times that are not allowed or a `staleThreshold` beyond `maxAge`.
   */
  constructor(cache: CacheRepository, staleThreshold: number = 300, maxAge: number = 900) {
    if (typeof (cache as { getOrSet?: unknown } | undefined)?.getOrSet !== 'function') badOption('cache', 'a CacheRepository', cache);
    checkSeconds('staleThreshold', staleThreshold);
    checkTtl('maxAge', maxAge);
    if (staleThreshold > maxAge) badOption('staleThreshold', `at most maxAge (${maxAge})`, staleThreshold, RangeError);
    define(this, TIMES, { cache, options: { ttl: maxAge, staleAfter: staleThreshold, maxAge } } satisfies Times);
  }

  /** As `CacheRepository.getOrSet`, with these times. A refresh that fails is the repository's event `refreshError`. */
  async get<T>(key: string, loader: Loader<T>, tags?: readonly string[]): Promise<T> {
    const { cache, options } = this[TIMES];
    return cache.getOrSet(key, loader, tags === undefined ? options : { ...options, tags });
  }
}
