/** Health and figures, from the manager. */
import type { ConnectionState, Observer } from '../../../contract';
import { isMemory } from '../../../flags';
import { RedisManager, redisHealthHandler } from './redis.manager';

export class ManagerObserver implements Observer {
  readonly health = redisHealthHandler();

  async connections(): Promise<ConnectionState[]> {
    if (isMemory(process.env)) return [];
    const { main, subscriber, publisher } = await RedisManager.stats();
    return Object.entries({ main, subscriber, publisher }).map(([name, { state }]) => ({ name, library: 'hawser', state }));
  }

  async info(): Promise<string | null> {
    if (isMemory(process.env)) return null;
    const redis = await RedisManager.getMainClient();
    return redis.info();
  }
}
