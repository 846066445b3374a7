/** Health and figures of the old connections, one by one. */
import type { RequestHandler } from 'express';
import type { ConnectionState, Observer } from '../../../contract';
import { oldConnections } from '../../measure';
import type { CacheService } from './cache.service';

export class OldObserver implements Observer {
  constructor(private readonly cache: CacheService) {}

  readonly health: RequestHandler = (_request, response) => {
    const all = oldConnections();
    const isHealthy = all.every(({ state }) => state === 'ready');
    response.status(isHealthy ? 200 : 503).json({ ...Object.fromEntries(all.map(({ name, state }) => [name, state])), timestamp: new Date().toISOString() });
  };

  async connections(): Promise<ConnectionState[]> {
    return oldConnections();
  }

  info(): Promise<string> {
    return this.cache.redis.info();
  }
}
