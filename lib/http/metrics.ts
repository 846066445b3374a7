/** The metrics of the cache as an HTTP handler. */
import { CacheMetrics } from '../cache/metrics';
import { checkFunction, checkNames } from '../cache/validate';
import { handlerOf, type Answer, type HttpHandler } from '../manager/answers';
import { logger } from '../manager/connections';
import { messageOf } from '../observe/errors';

/** Options of `metricsHandler`. */
export interface MetricsHandlerOptions {
  /** Text that follows that of the cache, such as `() => register.metrics()` of prom-client. */
  also?: (() => string | Promise<string>) | undefined;
}

const NAMES = new Set(['also']);

/**
 * A handler for a route such as `/metrics`, which answers with `CacheMetrics.prometheus()` in Prometheus' text format. HEAD has no body, other methods are
 * 405; where `also` fails, the answer is 500. Errors: TypeError for invalid options.
 */
export function metricsHandler(options: MetricsHandlerOptions = {}): HttpHandler {
  const { also }: MetricsHandlerOptions = checkNames('metricsHandler', options, NAMES);
  if (also !== undefined) checkFunction('metricsHandler.also', also);
  return handlerOf('text/plain; version=0.0.4; charset=utf-8', () => answerOf(also));
}

async function answerOf(also: MetricsHandlerOptions['also']): Promise<Answer> {
  try {
    const own = CacheMetrics.prometheus();
    return { status: 200, body: also === undefined ? own : `${own}${await also()}` };
  } catch (error) {
    logger().error(`[hawser] metrics: ${messageOf(error as Error)}`);
    return { status: 500, body: '' };
  }
}
