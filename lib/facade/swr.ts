/** Stale-while-revalidate with fixed times, in the shape in which applications keep it beside a repository. */
import { badOption } from '../errors';
import type { Loader } from '../cache/load';
import type { CacheRepository } from './repository';
import { checkSeconds, checkTtl } from '../cache/validate';

/**
 * Reads whose value may be old but never late: up to `staleThreshold` seconds it is fresh; then, up to `maxAge`, it is returned at once
 * while one caller of the whole fleet refreshes it in the background; after that it is loaded.
 *
 *     const dashboard = new StaleWhileRevalidate(cache, 300, 900);
 *     await dashboard.get('dashboard:1', () => computeDashboard(1), ['company:1:orders']);
 */
export class StaleWhileRevalidate {
  /**
   * Seconds. Throws RangeError for times that are not allowed or a `staleThreshold` beyond `maxAge`.
   */
  constructor(
    private readonly cache: CacheRepository,
    private readonly staleThreshold: number = 300,
    private readonly maxAge: number = 900,
  ) {
    if (typeof (cache as { getOrSet?: unknown } | undefined)?.getOrSet !== 'function') badOption('cache', 'a CacheRepository', cache);
    checkSeconds('staleThreshold', staleThreshold);
    checkTtl('maxAge', maxAge);
    if (staleThreshold > maxAge) badOption('staleThreshold', `at most maxAge (${maxAge})`, staleThreshold, RangeError);
  }

  /** As `CacheRepository.getOrSet`, with these times. A refresh that fails is the repository's event `refreshError`. */
  async get<T>(key: string, loader: Loader<T>, tags?: readonly string[]): Promise<T> {
    return this.cache.getOrSet(key, loader, {
      ttl: this.maxAge,
      staleAfter: this.staleThreshold,
      maxAge: this.maxAge,
      ...(tags === undefined ? {} : { tags }),
    });
  }
}
