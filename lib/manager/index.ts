/**
 * The manager, the single owner of the process's connections. Applications call this class; the other files of the folder hold the state
 * and the decisions.
 */
import { checkMs } from '../cache/validate';
import { readEnv } from '../env';
import { ownOptions } from '../names';
import { bullMQOptions, type BullMQConnectionOptions } from './bullmq';
import type { ManagerClusterNode, ManagerClusterOptions } from './cluster_options';
import { bullMQCluster, client, closeAll, configure, isCluster, managerOptions, noteBullMQ, settings } from './connections';
import './gauges';
import { redisHealthHandler } from './http';
import { pingRole, redisHealthCheck, type RedisHealth } from './health';
import { withConnection, type LendOptions, type PoolStats } from './lending';
import type { CacheEngineOptions, ManagerOptions, PoolOptions } from './options';
import { stats, type ManagerStats, type NodeStats, type RoleStats } from './stats';
import type { ServerInfo } from './server_info';
import { CLOSE_TIMEOUT, installShutdownHooks, type ShutdownOptions } from './shutdown';
import type { Cluster } from '../cluster/cluster';
import type { Redis } from '../client/redis';

export { redisHealthCheck, redisHealthHandler };
export type { HealthHandler, HealthHandlerOptions, HealthReply } from './http';
export type { BullMQConnectionOptions, ManagerClusterNode, ManagerClusterOptions, CacheEngineOptions, LendOptions, ManagerOptions, ManagerStats, NodeStats, PoolOptions, PoolStats, RedisHealth, RoleStats, ServerInfo, ShutdownOptions };
export type { ConnectionFault, Latency } from '../link/gauge';

/** Options of `RedisManager.closeAll`. */
export interface CloseOptions {
  /** Time limit for closing, in milliseconds; after it, sockets are destroyed. Default 2,000. */
  timeoutMs?: number;
}

/**
 * Owns every connection of the process: one for commands, one for subscriptions, one for publishing. Each is opened at first use and
 * shared by all callers.
 *
 *     const redis = await RedisManager.getMainClient();
 *     await redis.set('greeting', 'hello');
 *     await RedisManager.closeAll();
 *
 * A shared connection has one database and one transaction state. If you block (`BLPOP`), use `WATCH` or change the database with
 * `SELECT`, borrow a connection with {@link RedisManager.withConnection}. The first such command on a shared client is a warning in the log.
 */
export class RedisManager {
  /**
   * Sets options, which take precedence over environment variables. Call it before the first use of the manager or a cache, or after
   * `closeAll`. Errors: TypeError or RangeError that names the option; HawserError `E_BAD_STATE` if the manager is in use, `E_BAD_OPTION`
   * for a `keyPrefix`.
   */
  static configure(options: ManagerOptions): void {
    configure(options);
  }

  /**
   * The client for commands. Resolves at once with a client that connects on its own; commands that you send before it is ready wait in
   * its queue. It is always the same instance until it is ended; then the next call returns a new one. Rejects with HawserError
   * `E_BAD_OPTION` (an unusable URL or environment variable). On `memory://` its commands reject with `E_NEEDS_SERVER`. On a Redis
   * Cluster it is a `Cluster`, with one connection to each node in use: `getMainClient<Cluster>()`.
   */
  static async getMainClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('main') as T;
  }

  /**
   * The client for subscriptions. On a Redis Cluster it has one connection, to any node, and one to each master with channels of SSUBSCRIBE. Otherwise as
   * {@link RedisManager.getMainClient}.
   */
  static async getSubscriberClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('subscriber') as T;
  }

  /** The client for publishing. On a Redis Cluster it is the main client. Otherwise as {@link RedisManager.getMainClient}. */
  static async getPublisherClient<T extends Redis | Cluster = Redis>(): Promise<T> {
    return client('publisher') as T;
  }

  /**
   * Lends a connection of its own for as long as `fn` runs, for commands that block, watch or change the database. Returns what `fn` returns. The
   * connection goes back to a pool, clean: a transaction, a WATCH and another database are undone, listeners are removed, and what cannot be undone
   * (subscriptions, a command that still blocks, `CLIENT TRACKING` ...) closes it instead. If all connections are lent, the call waits.
   *
   *     const job = await RedisManager.withConnection((redis) => redis.blpop('jobs', 5));
   *
   *     await RedisManager.withConnection(async (redis) => {
   *       await redis.watch('balance');
   *       const balance = Number(await redis.get('balance'));
   *       return redis.multi().set('balance', balance - 10).exec(); // null if somebody else has changed it
   *     });
   *
   * On a Redis Cluster the client is a `Cluster` with connections of its own, one for each node that its commands go to: each command finds the node of
   * its keys. Keys of one WATCH and its transaction must be in one slot.
   *
   * The client is `fn`'s only while it runs; afterwards its commands reject with `E_BAD_STATE`. Errors: what `fn` throws; HawserError `E_TIMEOUT` if
   * no connection became free within `pool.waitTimeoutMs`, `E_CONN_CLOSED` if `closeAll` was called meanwhile; TypeError or RangeError for invalid arguments.
   */
  static withConnection<T, Lent extends Redis | Cluster = Redis>(fn: (redis: Lent) => Promise<T> | T, options?: LendOptions): Promise<T> {
    return withConnection(fn, options);
  }

  /**
   * Options for BullMQ's `connection`, with all parts of the URL: user, password, TLS, database, socket path. BullMQ opens and closes its
   * own connections. Throws HawserError `E_NEEDS_SERVER` on `memory://`, `E_BAD_OPTION` for unusable settings.
   *
   *     new Queue('orders', { connection: RedisManager.getBullMQConnection() });
   *
   * On a Redis Cluster it is a client instead, one `Cluster` for all queues, which `closeAll` closes. BullMQ's keys must be in one slot there:
   *
   *     new Queue('orders', { connection: RedisManager.getBullMQConnection(), prefix: '{bull}' });
   */
  static getBullMQConnection(): BullMQConnectionOptions;
  static getBullMQConnection<T extends Cluster>(): T;
  static getBullMQConnection(): BullMQConnectionOptions | Cluster {
    const connection = isCluster() ? bullMQCluster() : bullMQOptions(settings());
    noteBullMQ();
    return connection;
  }

  /** The value of `REDIS_MANAGER_ENABLED`, for a migration behind a flag. Nothing else depends on it. */
  static isEnabled(): boolean {
    return managerOptions().enabled ?? readEnv('REDIS_MANAGER_ENABLED');
  }

  /** Whether the main connection answers a PING within 1,000 ms. Never rejects. Always true on `memory://`. */
  static async healthCheck(): Promise<boolean> {
    return (await pingRole('main')) !== undefined;
  }

  /**
   * The state of every connection by role and node: latencies, queues, reconnects, errors, traffic, and what the servers say of themselves. Opens no
   * connection and answers within 1,000 ms. Rejects only for unusable settings (HawserError `E_BAD_OPTION`).
   */
  static async stats(): Promise<ManagerStats> {
    return stats();
  }

  /**
   * Closes all connections and stops the bus. It first waits for the answers to earlier operations, as far as time allows; then it sends
   * QUIT; then it destroys the sockets. It works when Redis is down or frozen, and you may call it repeatedly. Everything may be used
   * again afterwards. Rejects only for an invalid `timeoutMs` (RangeError).
   */
  static async closeAll(options: CloseOptions = {}): Promise<void> {
    // Also as a listener to a signal, which is called with its name.
    const { timeoutMs = CLOSE_TIMEOUT.default } = ownOptions(Object(options) as CloseOptions);
    await closeAll(checkMs('timeoutMs', timeoutMs, CLOSE_TIMEOUT));
  }

  /**
   * On SIGTERM and SIGINT, runs `closeAll` and then lets the process end as it would have without the hook. If your application also
   * listens to the signal, your application must end the process. Calling this again replaces the options.
   */
  static installShutdownHooks(options?: ShutdownOptions): void {
    installShutdownHooks(options);
  }
}
