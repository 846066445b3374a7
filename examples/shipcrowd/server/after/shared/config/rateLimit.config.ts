/** express-rate-limit, with its counters in Redis: rate-limit-redis sends its commands over the manager's connection. Same prefix as ever. */
import { rateLimit } from 'express-rate-limit';
import { sendCommand } from 'hawser/express';
import { RedisStore } from 'rate-limit-redis';
import { apiLimitOptions } from '../../../app/limits';
import { API_LIMIT_PREFIX } from '../../../state';
import { ifItAnswers } from '../../infrastructure/redis/raw-commands';

export const apiLimit = () => rateLimit({ ...apiLimitOptions(), store: new RedisStore({ sendCommand: send, prefix: API_LIMIT_PREFIX }) });

/** Scripts are loaded while the client connects. */
const send = (...command: string[]) => (command[0] === 'SCRIPT' ? sendCommand(...command) : ifItAnswers(() => sendCommand(...command)));
