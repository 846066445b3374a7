/// <reference types="node" preserve="true" />
/** `hawser/express`: health, metrics, a cache of responses and a store for rate limits. Loads nothing of Express. */
import type { ServerResponse } from 'node:http';
import { tagResponse } from '../http/tags';

export { redisHealthHandler as healthHandler, type HealthHandler, type HealthHandlerOptions } from '../manager/http';
export { metricsHandler, type MetricsHandlerOptions } from '../http/metrics';
export { rateLimitStore, sendCommand, type LimitReply, type LimitStore, type RateLimitStoreOptions } from '../http/limits';
export type { ResponseCacheOptions } from '../http/options';
export { responseCache, type Middleware } from './response_cache';

/**
 * Gives tags to the response that `responseCache` is about to keep, beside those of its option. If it is not kept, nothing happens. A response is kept only
 * if none of its tags can have been invalidated since its handler began. Throws TypeError or RangeError for invalid tags.
 *
 *     cacheTags(res, [`order:${order.id}`]);
 */
export function cacheTags(response: ServerResponse, tags: readonly string[]): void {
  tagResponse(response, tags);
}
