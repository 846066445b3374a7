/** express-rate-limit, with its counters in Redis: rate-limit-redis sends its commands over the manager's connection. Same prefix as ever. */
import { rateLimit } from 'express-rate-limit';
import { sendCommand } from 'hawser/express';
import { RedisStore } from 'rate-limit-redis';
import { apiLimitOptions } from '../../../app/limits';
import { API_LIMIT_PREFIX } from '../../../state';

export const apiLimit = () => rateLimit({ ...apiLimitOptions(), store: new RedisStore({ sendCommand, prefix: API_LIMIT_PREFIX }) });
