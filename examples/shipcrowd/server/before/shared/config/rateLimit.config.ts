/** express-rate-limit, with its counters in Redis over another client of the library `redis`. */
import { rateLimit } from 'express-rate-limit';
import { RedisStore } from 'rate-limit-redis';
import { apiLimitOptions } from '../../../app/limits';
import { API_LIMIT_PREFIX } from '../../../state';
import { connectNodeRedis } from '../../infrastructure/utilities/redis.connection';

export function apiLimit() {
  const client = connectNodeRedis('rateLimit.config');
  return rateLimit({ ...apiLimitOptions(), store: new RedisStore({ sendCommand: (...args: string[]) => client.sendCommand(args), prefix: API_LIMIT_PREFIX }) });
}
