/**
 * The health check as an HTTP handler for node:http, Express and Fastify. It knows only what the three have in common, so that none of them is a
 * dependency.
 */
import { checkNames } from '../cache/validate';
import { badOption } from '../errors';
import { handlerOf, type Answer, type HealthReply, type HttpHandler } from './answers';
import { logger } from './connections';
import { redisHealthCheck, type RedisHealth } from './health';

/** Options of `redisHealthHandler`. */
export interface HealthHandlerOptions {
  /**
   * Whether the answer has `silent`, `roles` and `warnings`, which name the servers' addresses, versions and errors. Default false, for routes that
   * everybody can reach.
   */
  details?: boolean;
}

export type { HealthReply };

/** A handler of node:http, Express (`next` is not called) and Fastify. */
export type HealthHandler = HttpHandler;

const NAMES = new Set(['details']);
const TYPE = 'application/json; charset=utf-8';

/** A check under way serves everybody who asks meanwhile: load balancers ask from many places at once. */
let running: Promise<RedisHealth> | undefined;

function check(): Promise<RedisHealth> {
  running ??= redisHealthCheck().finally(() => {
    running = undefined;
  });
  return running;
}

/**
 * A handler for a route such as `/api/health/redis`. It answers 200 if all connections answer and 503 if not, within about a second in every case,
 * with `redisHealthCheck()` as JSON; HEAD has no body, other methods are 405. It never rejects. Errors: TypeError for invalid options.
 *
 *     http.createServer(redisHealthHandler());
 *     expressApp.get('/api/health/redis', redisHealthHandler());
 *     fastifyApp.get('/api/health/redis', redisHealthHandler());
 */
export function redisHealthHandler(options: HealthHandlerOptions = {}): HealthHandler {
  const { details = false }: HealthHandlerOptions = checkNames('options', options, NAMES);
  if (typeof details !== 'boolean') badOption('options.details', 'true or false', details);
  return handlerOf(TYPE, () => answerOf(details));
}

async function answerOf(details: boolean): Promise<Answer> {
  try {
    const { roles, warnings, silent, ...health } = await check();
    return { status: health.healthy ? 200 : 503, body: JSON.stringify(details ? { ...health, silent, roles, warnings } : health) };
  } catch (error) {
    // Settings that are of no use: the log says which, everybody may know that.
    logger().error(`[hawser] health check: ${(error as Error).message}`);
    const { code = 'E_INTERNAL' } = error as { code?: string };
    return { status: 503, body: JSON.stringify({ healthy: false, error: code, timestamp: new Date().toISOString() }) };
  }
}
