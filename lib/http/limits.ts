/** The manager's connection in the hands of packages that limit rates. */
import { createHash } from 'node:crypto';
import { checkNames, checkText } from '../cache/validate';
import { HawserError } from '../errors';
import type { Redis } from '../client/redis';
import { client, settings } from '../manager/connections';
import { peer } from '../peer';

/** The main client, whatever its kind. Throws HawserError `E_NEEDS_SERVER` on `memory://`, where there is nothing that counts for the fleet. */
export function limitClient(user: string): Redis {
  if (settings().endpoint.memory) throw new HawserError('E_NEEDS_SERVER', `${user} needs a Redis server; the manager's URL is memory://`);
  return client('main') as Redis;
}

/**
 * Sends a command on the manager's main connection, in the form that rate-limit-redis asks for. That loads its scripts once, when it is made, and fails forever if Redis does not
 * answer in that moment. So a script that could not be loaded has its name all the same; a server that does not know it says so later, and it is loaded then.
 */
export async function sendCommand(...command: string[]): Promise<LimitReply> {
  const [name, ...args] = command;
  const sent = limitClient('sendCommand').call(name, ...args) as Promise<LimitReply>;
  if (!/^script$/i.test(name) || !/^load$/i.test(args[0] ?? '')) return sent;
  return sent.catch((error: Error) => {
    if (error.name === 'ReplyError' || args[1] === undefined) throw error;
    return createHash('sha1').update(args[1]).digest('hex');
  });
}

/** The replies of rate-limit-redis's scripts. */
export type LimitReply = boolean | number | string | (boolean | number | string)[];

/** What express-rate-limit asks of a store. */
export interface LimitStore {
  init?(options: object): void;
  get?(key: string): Promise<{ totalHits: number; resetTime: Date | undefined } | undefined>;
  increment(key: string): Promise<{ totalHits: number; resetTime: Date | undefined }>;
  decrement(key: string): Promise<void>;
  resetKey(key: string): Promise<void>;
  prefix?: string;
}

/** Options of `rateLimitStore`. */
export interface RateLimitStoreOptions {
  /** What the keys begin with. Default `rl:`. */
  prefix?: string | undefined;
}

const NAMES = new Set(['prefix']);
const USER = 'rateLimitStore of hawser/express';

/** Makes a `RedisStore` of rate-limit-redis on the manager's main connection. */
export function rateLimitStore(options: RateLimitStoreOptions = {}): LimitStore {
  const { prefix = 'rl:' }: RateLimitStoreOptions = checkNames('rateLimitStore', options, NAMES);
  checkText('rateLimitStore.prefix', prefix);
  limitClient(USER);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only a call can be caught; written out, so that bundlers see it
  const { RedisStore } = peer('rate-limit-redis', USER, () => require('rate-limit-redis') as { RedisStore: new (options: object) => LimitStore });
  return new RedisStore({ sendCommand, prefix });
}
