/** Health, metrics, and what the operations page shows. */
import { Router } from 'express';
import { metricsHandler } from 'hawser/express';
import { background } from '../../database/pool';
import { isMemory } from '../../flags';
import type { Parts } from '../app';
import { redisFigures } from '../redis_figures';
import { tierFigures } from '../tier_figures';

/** For load balancers and Prometheus: without sign-in. */
export function openRoutes({ instance, services, tables }: Parts): Router {
  const routes = Router();

  // The database is needed for everything, Redis is not: without it, this instance is slower and correct.
  routes.get('/api/health', async (_request, response) => {
    try {
      await background(() => tables.db.query('select 1'));
      response.json({ status: 'ok', instance });
    } catch {
      response.status(503).json({ status: 'no database', instance });
    }
  });

  routes.get('/api/health/redis', services.observers[0].health);

  const text = () => `# HELP shipcrowd_database_queries_total Queries sent to the database.\n# TYPE shipcrowd_database_queries_total counter\nshipcrowd_database_queries_total ${tables.db.queries}\n`;
  routes.get('/metrics', metricsHandler({ also: text }));

  return routes;
}

export function operationRoutes({ instance, flags, services, tables }: Parts): Router {
  const routes = Router();
  routes.get('/operations', async (_request, response) => {
    const { observers, queues } = services;
    const [connections, redis, counts, jobs] = await Promise.all([
      Promise.all(observers.map((observer) => observer.connections())),
      redisFigures(observers[0]),
      within(2_000, queues.counts(), []),
      tables.jobs.counts(),
    ]);
    response.json({
      instance,
      uptime: Math.round(process.uptime()),
      flags,
      memory: isMemory(process.env),
      connections: connections.flat(),
      redis,
      tiers: tierFigures(),
      queues: counts,
      jobs,
      database: { queries: tables.db.queries, background: tables.db.background },
    });
  });
  return routes;
}

/** BullMQ waits for Redis without a limit; a page does not. */
function within<T>(ms: number, promise: Promise<T>, otherwise: T): Promise<T> {
  return Promise.race([promise.catch(() => otherwise), new Promise<T>((resolve) => setTimeout(() => resolve(otherwise), ms).unref())]);
}
