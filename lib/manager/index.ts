/** The manager: the one owner of the process's connections. State and decisions are in `manager/`; this is what applications call. */
import { checkMs } from '../cache/validate';
import { readEnv } from '../env';
import { bullMQOptions, type BullMQConnectionOptions } from './bullmq';
import { client, closeAll, configure, managerOptions, settings } from './connections';
import { pingRole, redisHealthCheck, type RedisHealth } from './health';
import type { CacheEngineOptions, ManagerOptions } from './options';
import { CLOSE_TIMEOUT, installShutdownHooks, type ShutdownOptions } from './shutdown';
import type { Cluster } from '../cluster/cluster';
import type { Redis } from '../client/redis';

export { redisHealthCheck };
export type { BullMQConnectionOptions, CacheEngineOptions, ManagerOptions, RedisHealth, ShutdownOptions };

/** Options of `RedisManager.closeAll`. */
export interface CloseOptions {
  /** How long closing may take, in milliseconds; after that sockets are destroyed. Default 2,000. */
  timeoutMs?: number;
}

/**
 * Owns every connection of the process: one for commands, one for subscriptions, one for publishing, each opened at its first use and
 * shared by everybody who asks for it.
 *
 *     const redis = await RedisManager.getMainClient();
 *     await redis.set('greeting', 'hello');
 *     await RedisManager.closeAll();
 *
 * A shared connection has one database and one transaction state. Whoever blocks (`BLPOP`), uses `WATCH` or changes the database with
 * `SELECT` takes a connection of its own: `redis.duplicate()`.
 */
export class RedisManager {
  /**
   * Sets options, which go before environment variables. Call it before the first use of the manager or a cache, or after `closeAll`.
   * Errors: TypeError or RangeError that names the option; HawserError `E_BAD_STATE` when the manager is in use, `E_BAD_OPTION` for a
   * `keyPrefix`, `E_UNSUPPORTED` for Sentinel.
   */
  static configure(options: ManagerOptions): void {
    configure(options);
  }

  /**
   * The client for commands. Resolves at once, with a client that connects by itself; commands issued before it is ready wait in its
   * queue. Always the same instance, until somebody ends it: then the next call gives a new one.
   * Rejects with HawserError `E_BAD_OPTION` (a URL or environment variable that cannot be used) or `E_UNSUPPORTED` (Cluster, Sentinel).
   * On `memory://` its commands reject with `E_NEEDS_SERVER`.
   */
  static async getMainClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('main') as Redis | Cluster as T;
  }

  /** The client for subscriptions. As {@link RedisManager.getMainClient}. */
  static async getSubscriberClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('subscriber') as Redis | Cluster as T;
  }

  /** The client for publishing. As {@link RedisManager.getMainClient}. */
  static async getPublisherClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('publisher') as Redis | Cluster as T;
  }

  /**
   * Options for BullMQ's `connection`, with all that the URL says: user, password, TLS, database, socket path. BullMQ opens and closes its
   * own connections. Throws HawserError `E_NEEDS_SERVER` on `memory://`, `E_UNSUPPORTED` on a cluster, `E_BAD_OPTION`.
   *
   *     new Queue('orders', { connection: RedisManager.getBullMQConnection() });
   */
  static getBullMQConnection(): BullMQConnectionOptions {
    return bullMQOptions(settings());
  }

  /** What `REDIS_MANAGER_ENABLED` says, for a migration behind a flag. Nothing else depends on it. */
  static isEnabled(): boolean {
    return managerOptions().enabled ?? readEnv('REDIS_MANAGER_ENABLED');
  }

  /** Whether the main connection answers a PING within 1,000 ms. Never rejects. On `memory://` always true. */
  static async healthCheck(): Promise<boolean> {
    return (await pingRole('main')) !== undefined;
  }

  /**
   * Closes all connections and stops the bus. What was issued before is answered first, as far as time allows; then QUIT, then sockets are
   * destroyed. Works when Redis is down or frozen, may be called again and again, and everything may be used again afterwards. Never
   * rejects but for a wrong `timeoutMs` (RangeError).
   */
  static async closeAll(options: CloseOptions = {}): Promise<void> {
    await closeAll(checkMs('timeoutMs', options.timeoutMs ?? CLOSE_TIMEOUT.default, CLOSE_TIMEOUT));
  }

  /**
   * On SIGTERM and SIGINT: `closeAll`, then the process ends as it would have. Where the application listens to the signal itself, ending
   * the process stays its business. Calling it again replaces the options.
   */
  static installShutdownHooks(options?: ShutdownOptions): void {
    installShutdownHooks(options);
  }
}
