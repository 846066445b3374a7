import rateLimit from 'express-rate-limit';
import { RedisStore } from 'rate-limit-redis';
import * as redis from 'redis';

const client = redis.createClient({ url: 'redis://user:secret@localhost:6379' });
client.connect().catch(console.error);

export const limiter = rateLimit({
  windowMs: 60_000,
  store: new RedisStore({ sendCommand: (...args: string[]) => client.sendCommand(args) }),
});
