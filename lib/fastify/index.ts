/// <reference types="node" preserve="true" />
/** `hawser/fastify`: health, metrics, a cache of responses and rate limits. Loads nothing of Fastify. */
import type { ServerResponse } from 'node:http';
import { checkNames, checkText } from '../cache/validate';
import { limitClient } from '../http/limits';
import { tagResponse } from '../http/tags';
import type { Redis } from '../client/redis';

export { redisHealthHandler as healthHandler, type HealthHandler, type HealthHandlerOptions } from '../manager/http';
export { metricsHandler, type MetricsHandlerOptions } from '../http/metrics';
export type { ResponseCacheOptions } from '../http/options';
export { responseCache, type PluginInstance, type PluginReply, type PluginRequest, type ResponseCachePlugin } from './response_cache';

/**
 * Gives tags to the response that `responseCache` is about to keep, beside those of its option. If it is not kept, nothing happens. A response is kept only
 * if none of its tags can have been invalidated since its handler began. Throws TypeError or RangeError for invalid tags.
 *
 *     cacheTags(reply, [`order:${order.id}`]);
 */
export function cacheTags(reply: { readonly raw: ServerResponse }, tags: readonly string[]): void {
  tagResponse(reply.raw, tags);
}

/** Options of `rateLimitOptions`. */
export interface RateLimitOptions {
  /** What the keys begin with. Default `rl:`. */
  nameSpace?: string | undefined;
}

const NAMES = new Set(['nameSpace']);

/**
 * Options of `@fastify/rate-limit` that count on the manager's main connection. Throws HawserError `E_NEEDS_SERVER` on `memory://`, TypeError for invalid
 * options.
 *
 *     app.register(rateLimit, { max: 100, timeWindow: '1 minute', ...rateLimitOptions() });
 */
export function rateLimitOptions(options: RateLimitOptions = {}): { redis: Redis; nameSpace: string } {
  const { nameSpace = 'rl:' }: RateLimitOptions = checkNames('rateLimitOptions', options, NAMES);
  checkText('rateLimitOptions.nameSpace', nameSpace);
  return { redis: limitClient('rateLimitOptions of hawser/fastify'), nameSpace };
}
