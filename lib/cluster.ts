/** The seam of Redis Cluster: the same commands as `Redis`, for types; a later version brings the router. */
import { EventEmitter } from 'node:events';
import type { RedisCommands } from './client/commands';
import { HawserError } from './errors';

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export interface Cluster extends RedisCommands {}

/** Not supported by this version: the constructor throws `E_UNSUPPORTED`. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export class Cluster extends EventEmitter {
  readonly isCluster = true;

  constructor(...args: unknown[]) {
    super();
    void args;
    throw new HawserError('E_UNSUPPORTED', 'Redis Cluster is not supported by this version of hawser: use Redis with one server');
  }
}
