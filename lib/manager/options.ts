/** The manager's options: their types, defaults and checks, and the resulting settings. */
import { checkCompression, type Compression } from '../cache/compression';
import { checkFunction, checkMs, checkNames, checkReplicas, checkTtl } from '../cache/validate';
import type { CacheSettings } from '../contract.generated';
import { isSet, readEnv } from '../env';
import { badOption, HawserError } from '../errors';
import { guardedClock, guardedLogger } from '../guard';
import { copyOptions, isOptions, ownOptions } from '../names';
import type { ClusterOptions } from '../options/cluster_options';
import { hideSecrets } from '../observe/secrets';
import type { ClientOptions } from '../options/options';
import { consoleLogger, LEVELS, type Logger } from '../logger';
import { methodOf } from '../logger_shapes';
import { checkCluster, clusterEndpoint, type ManagerClusterOptions } from './cluster_options';
import { keyPrefixRefused, parseEndpoint, type Endpoint } from './endpoint';

/** Times and limits of the cache engine, for the whole process. Times are in milliseconds. */
export interface CacheEngineOptions {
  /**
   * How much silence of the server one step of a read bears, from the moment the connection is ready; then the loader runs without the cache.
   * A turn in a burst, an answer that is arriving, and a process that was busy are no silence. Default 250.
   */
  commandTimeoutMs?: number;
  /** How long a read waits while the process makes its first connection. Default 1,000. */
  connectBudgetMs?: number;
  /** How much silence `set`, `delete`, `deletePattern`, `invalidateTags` and `clear` bear, and how long they wait for a connection. Default 5,000. */
  writeTimeoutMs?: number;
  /** Time to live of a load's lease unless its holder renews it. Default 10,000. */
  leaseMs?: number;
  /** How often a running load renews its lease. Default 3,000. */
  renewMs?: number;
  /** How long a caller waits at most for the load of another one, in another process or in this one, before it loads without storing. Default 30,000. */
  lockTimeoutMs?: number;
  /**
   * How long a load may run for its result to be stored. After that its lease is given back: its callers still get the result, and others load
   * the key. Default 300,000.
   */
  longestLoadMs?: number;
  /** Maximum number of tags and keys whose invalidation could not be delivered and is kept for delivery later. Default 10,000. */
  maxUndelivered?: number;
  /** Size limit of the in-process store of `memory://`, in bytes. Default 64 MiB. */
  memoryBytes?: number;
  /**
   * How much the parsed values of this process may take, in bytes: a hit whose value was parsed before gets a copy of it. The measure is twice the
   * length of a value's text. 0 switches them off. Default 16 MiB.
   */
  parsedBytes?: number;
  /**
   * The longest value that is stored, in bytes of its text before compression. `set` and its like reject a longer one with `E_TOO_LARGE`; one that a loader brings is
   * returned and not stored, with a warning. A lower limit of the server's (`proto-max-bulk-len`) or of `memoryBytes` holds as well. Default 64 MiB.
   */
  maxValueBytes?: number;
  /**
   * The clock by which entries of `memory://` grow old, in milliseconds, for tests: `() => Date.now()` follows fake timers. Only `memory://`
   * uses it; on a server time is the server's. Default: a monotonic clock that fake timers do not move.
   */
  clock?: () => number;
  /**
   * How many replicas must have an invalidation before `delete`, `deleteMany`, `deletePattern`, `invalidateTags` and `clear` resolve, of repositories that do
   * not say otherwise. Such calls reject with `E_NOT_REPLICATED` if fewer have it. Default 0: the master's answer is enough.
   */
  minReplicas?: number;
  /** How long to wait for these replicas. Default 1,000. */
  replicaTimeoutMs?: number;
  /** `compression` of repositories that do not say otherwise: `false`, `'zstd'`, `'lz4'` or `{ algorithm, minBytes?, level? }`. Default false. */
  compression?: Compression;
  /** `strictValues` of repositories that do not say otherwise, for a test run for example. Default false. */
  strictValues?: boolean;
  /**
   * Whether the server wakes reads that wait for a load of another process, over one more connection to each server (the role `cache`). `false`: they look again after 5 to 100 ms, and the
   * process has no more than the manager's three connections. A near cache has that connection in any case. Default true.
   */
  watchLoads?: boolean;
}

/** The connections that `RedisManager.withConnection` lends. */
export interface PoolOptions {
  /** Maximum number of connections. Default 10. */
  max?: number;
  /** How long a caller waits if all are lent, in milliseconds. Default 30,000. */
  waitTimeoutMs?: number;
  /** How long a connection stays open without a borrower, in milliseconds. Default 10,000. */
  idleMs?: number;
}

/** The same, with the defaults. */
export type PoolSettings = Readonly<Required<PoolOptions>>;

/** Options that say where the server is; the connection URL sets them. */
type PlaceOption = 'host' | 'port' | 'path';

/** Options of `RedisManager.configure`. Each overrides the environment variable in its description. */
export interface ManagerOptions {
  /** `REDIS_URL`. Default `redis://localhost:6379`. */
  url?: string;
  /** Start of the connections' names in `CLIENT LIST`; `:` and the role follow. Default `hawser`. */
  connectionName?: string;
  /** `REDIS_MAX_RETRIES`: the number of reconnect attempts before a waiting request fails. Default 10. */
  maxRetries?: number;
  /** `REDIS_RETRY_DELAY`: the base of the reconnect delay, in milliseconds. Default 100. */
  retryDelayMs?: number;
  /** `REDIS_MANAGER_ENABLED`: the result of `isEnabled`. Default false. */
  enabled?: boolean;
  /** `REDIS_MONITOR_ENABLED`: logs the name and time of each command at debug level. Default false. */
  monitor?: boolean;
  /** `CACHE_DEFAULT_TTL`, in seconds. Default 3600. */
  defaultTtl?: number;
  /** `CACHE_ENABLE_TAGS`. Default true. */
  enableTags?: boolean;
  /** `CACHE_ENABLE_SWR`. Default true. */
  enableSwr?: boolean;
  /** `CACHE_METRICS_ENABLED`. Default true. */
  enableMetrics?: boolean;
  /**
   * Whether to use the entries of a former master after a failover. `'cold'` (default): no. `'trust'`: yes, so entries return if their
   * invalidation was not yet replicated. Use the same value in the whole fleet.
   */
  afterFailover?: 'cold' | 'trust';
  /** Times and limits of the cache. */
  cache?: CacheEngineOptions;
  /**
   * The logger: `console`, a logger of winston or pino (also a child), or an object with the methods `debug`, `info`, `warn` and `error`. Default:
   * warnings and errors go to the console.
   */
  logger?: Logger;
  /** The connections that `withConnection` lends. They are opened at first use. */
  pool?: PoolOptions;
  /**
   * `REDIS_CLUSTER`: whether Redis is a Redis Cluster; an object also says yes. Without `nodes` in it, `url` or the environment names the start
   * nodes. Default false.
   */
  cluster?: boolean | ManagerClusterOptions;
  /**
   * More options for the clients: TLS, timeouts, family ... They hold for each node of a cluster. With `sentinels` and `name`, the clients use the master of that group, and `username`,
   * `password` and `db` may be given too; with `cluster`, `username` and `password`. Otherwise options that the URL sets are refused, and so is `keyPrefix`.
   */
  redis?: ClientOptions & { [Name in PlaceOption | 'keyPrefix' | 'connectionName']?: never };
}

/** The settings after all sources have been read and checked. */
export interface Settings {
  readonly endpoint: Endpoint;
  readonly connectionName: string;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  readonly monitor: boolean;
  readonly defaultTtl: number;
  readonly tags: boolean;
  readonly metrics: boolean;
  readonly logger: Logger;
  readonly maxValueBytes: number;
  readonly strictValues: boolean;
  readonly watchLoads: boolean;
  readonly compression: Compression;
  readonly clock: (() => number) | undefined;
  readonly memoryBytes: number;
  readonly parsedBytes: number;
  readonly minReplicas: number;
  readonly replicaTimeoutMs: number;
  readonly pool: PoolSettings;
  readonly redis: Readonly<Record<string, unknown>>;
  /** Options of a cluster. */
  readonly cluster: Readonly<ClusterOptions>;
  /** The cache engine's configuration, as JSON. */
  readonly engine: string;
}

const HOUR = 3_600_000;
/** Bounds and defaults of the pool. */
export const POOL = {
  max: { min: 1, max: 10_000, default: 10 },
  waitTimeoutMs: { min: 0, max: HOUR, default: 30_000 },
  idleMs: { min: 0, max: HOUR, default: 10_000 },
} satisfies Record<keyof PoolOptions, unknown>;
const POOL_NAMES: ReadonlySet<string> = new Set(Object.keys(POOL));
/** Options of the cache that are numbers. */
type Numeric = Exclude<keyof CacheEngineOptions, 'strictValues' | 'watchLoads' | 'clock' | 'minReplicas' | 'compression'>;

const ENGINE: Record<Numeric, { min: number; max: number; count?: true }> = {
  commandTimeoutMs: { min: 1, max: HOUR },
  connectBudgetMs: { min: 1, max: HOUR },
  writeTimeoutMs: { min: 1, max: HOUR },
  leaseMs: { min: 100, max: HOUR },
  renewMs: { min: 10, max: HOUR },
  lockTimeoutMs: { min: 1, max: HOUR },
  longestLoadMs: { min: 100, max: 24 * HOUR },
  maxUndelivered: { min: 0, max: 10_000_000, count: true },
  memoryBytes: { min: 1 << 16, max: 2 ** 40, count: true },
  parsedBytes: { min: 0, max: 2 ** 40, count: true },
  replicaTimeoutMs: { min: 1, max: HOUR },
  maxValueBytes: { min: 1, max: 2 ** 29, count: true },
};
const ENGINE_NAMES: ReadonlySet<string> = new Set([...Object.keys(ENGINE), 'strictValues', 'watchLoads', 'clock', 'minReplicas', 'compression']);
const NAMES: ReadonlySet<string> = new Set([
  'url', 'connectionName', 'maxRetries', 'retryDelayMs', 'enabled', 'monitor', 'defaultTtl', 'enableTags', 'enableSwr', 'enableMetrics',
  'afterFailover', 'cache', 'logger', 'pool', 'cluster', 'redis',
]);
const PLACE = ['host', 'port', 'path'];
const FROM_URL = [...PLACE, 'username', 'password', 'db'];
/** What no node of a cluster has of its own. */
const OF_CLUSTER = [...PLACE, 'db'];
const LEASE_MS = 10_000;
const RENEW_MS = 3_000;
const PARSED_BYTES = 16 << 20;

/** Checks options without reading the environment. Errors name the full path: `manager.cache.leaseMs must be ...`. */
export function checkManagerOptions(options: unknown): ManagerOptions {
  if (typeof options === 'object' && options !== null && 'keyPrefix' in ownOptions(options)) throw keyPrefixRefused('manager.keyPrefix');
  const o: ManagerOptions = checkNames('manager', options, NAMES);
  if (o.url !== undefined && typeof o.url !== 'string') badOption('manager.url', 'a connection URL', o.url);
  if (o.connectionName !== undefined && (typeof o.connectionName !== 'string' || !/^[\x21-\x7e]+$/.test(o.connectionName))) {
    badOption('manager.connectionName', 'printable ASCII without spaces', o.connectionName);
  }
  for (const name of ['enabled', 'monitor', 'enableTags', 'enableSwr', 'enableMetrics'] as const) {
    if (o[name] !== undefined && typeof o[name] !== 'boolean') badOption(`manager.${name}`, 'true or false', o[name]);
  }
  if (o.maxRetries !== undefined && !(Number.isInteger(o.maxRetries) && o.maxRetries >= 0)) {
    badOption('manager.maxRetries', 'a whole number of retries from 0', o.maxRetries, RangeError);
  }
  if (o.retryDelayMs !== undefined) checkMs('manager.retryDelayMs', o.retryDelayMs, { min: 1, max: 60_000 });
  if (o.defaultTtl !== undefined) checkTtl('manager.defaultTtl', o.defaultTtl);
  if (o.afterFailover !== undefined && o.afterFailover !== 'cold' && o.afterFailover !== 'trust') {
    badOption('manager.afterFailover', "'cold' or 'trust'", o.afterFailover);
  }
  if (o.cache !== undefined) checkEngine(o.cache);
  if (o.logger !== undefined) checkLogger(o.logger);
  if (o.pool !== undefined) checkPool(o.pool);
  if (o.cluster !== undefined) checkCluster(o.cluster);
  if (o.redis !== undefined) checkClientOptions(o.redis, 'manager.redis', o.cluster ? OF_CLUSTER : FROM_URL);
  const { redisOptions } = clusterOf(o);
  if (redisOptions !== undefined) checkClientOptions(redisOptions, 'manager.cluster.redisOptions', [...OF_CLUSTER, 'sentinels']);
  return o;
}

function checkEngine(cache: CacheEngineOptions): void {
  const own = checkNames('manager.cache', cache, ENGINE_NAMES);
  for (const name of Object.keys(ENGINE) as Numeric[]) {
    const { min, max, count } = ENGINE[name];
    const value = own[name] as number | undefined;
    if (value === undefined) continue;
    if (!count) checkMs(`manager.cache.${name}`, value, { min, max });
    else if (!Number.isInteger(value) || value < min || value > max) {
      badOption(`manager.cache.${name}`, `a whole number from ${min} to ${max}`, value, RangeError);
    }
  }
  const { strictValues, watchLoads, clock, minReplicas, compression } = own;
  if (compression !== undefined) checkCompression('manager.cache.compression', compression);
  if (minReplicas !== undefined) checkReplicas('manager.cache.minReplicas', minReplicas);
  if (clock !== undefined) checkFunction('manager.cache.clock', clock);
  if (strictValues !== undefined && typeof strictValues !== 'boolean') badOption('manager.cache.strictValues', 'true or false', strictValues);
  if (watchLoads !== undefined && typeof watchLoads !== 'boolean') badOption('manager.cache.watchLoads', 'true or false', watchLoads);
  const { leaseMs = LEASE_MS, renewMs = defaultRenewMs(leaseMs) }: CacheEngineOptions = own;
  if (renewMs >= leaseMs) badOption('manager.cache.renewMs', `less than manager.cache.leaseMs (${leaseMs})`, renewMs, RangeError);
}

function defaultRenewMs(leaseMs: number): number {
  return Math.min(RENEW_MS, Math.floor(leaseMs / 3));
}

function checkPool(pool: PoolOptions): void {
  const { max, waitTimeoutMs, idleMs }: PoolOptions = checkNames('manager.pool', pool, POOL_NAMES);
  if (max !== undefined && !(Number.isInteger(max) && max >= POOL.max.min && max <= POOL.max.max)) {
    badOption('manager.pool.max', `a whole number from ${POOL.max.min} to ${POOL.max.max}`, max, RangeError);
  }
  if (waitTimeoutMs !== undefined) checkMs('manager.pool.waitTimeoutMs', waitTimeoutMs, POOL.waitTimeoutMs);
  if (idleMs !== undefined) checkMs('manager.pool.idleMs', idleMs, POOL.idleMs);
}

function checkLogger(logger: Logger): void {
  for (const level of LEVELS) {
    if (methodOf(logger, level) === undefined) checkFunction(`manager.logger.${level}`, (logger as Partial<Logger> | null)?.[level]);
  }
}

/** `refused`: what says already where the server is. */
function checkClientOptions(given: object, path: string, refused: readonly string[]): void {
  if (!isOptions(given)) badOption(path, 'an object', given);
  const redis = ownOptions(given);
  if ('keyPrefix' in redis) throw keyPrefixRefused(`${path}.keyPrefix`);
  const { retryStrategy, resend, poll, transport, credentials, lookup } = redis as ClientOptions;
  if (retryStrategy !== undefined) checkFunction(`${path}.retryStrategy`, retryStrategy);
  if (credentials !== undefined && credentials !== null) checkFunction(`${path}.credentials`, credentials);
  if (lookup !== undefined && lookup !== null) checkFunction(`${path}.lookup`, lookup);
  if (resend !== undefined && !['all', 'idempotent', 'none'].includes(resend)) {
    badOption(`${path}.resend`, "'all', 'idempotent' or 'none'", resend);
  }
  if (poll !== undefined && poll !== 'auto' && poll !== false) badOption(`${path}.poll`, "'auto' or false", poll);
  if (transport !== undefined && transport !== 'socket' && transport !== 'thread') badOption(`${path}.transport`, "'socket' or 'thread'", transport);
  if ('connectionName' in redis) throw new HawserError('E_BAD_OPTION', `${path}.connectionName: set manager.connectionName instead; the manager appends the role`);
  const hasGroup = Boolean((redis as ClientOptions).sentinels) && !refused.includes('sentinels');
  if (hasGroup) checkSentinel(redis);
  for (const name of hasGroup ? PLACE : refused) {
    if (name in redis) throw new HawserError('E_BAD_OPTION', `${path}.${name} is part of the connection URL: set manager.url or REDIS_URL`);
  }
}

function checkSentinel({ sentinels, name, role = 'master' }: ClientOptions): void {
  if (!Array.isArray(sentinels) || sentinels.length === 0) badOption('manager.redis.sentinels', 'an array of at least one address', sentinels);
  if (typeof name !== 'string' || name === '') badOption('manager.redis.name', 'the name of the master group', name);
  // The cache and the bus write.
  if (role !== 'master') badOption('manager.redis.role', "'master'", role);
}

/** The group that `manager.redis` names. */
function sentinelEndpoint({ sentinels, name, username, password, db }: ClientOptions): Endpoint | undefined {
  if (!sentinels || name === undefined) return undefined;
  return {
    memory: false,
    host: undefined,
    port: undefined,
    path: undefined,
    sentinel: { sentinels, name },
    cluster: undefined,
    tls: false,
    username: username ?? undefined,
    password: password ?? undefined,
    db: db ?? 0,
    query: {},
  };
}

/**
 * Merges the options with the environment; options win. Throws for the first malformed variable.
 */
export function resolveSettings(o: ManagerOptions): Settings {
  readEnv('REDIS_CLUSTER_NODES');
  readEnv('REDIS_MANAGER_ENABLED');
  const monitor = o.monitor ?? readEnv('REDIS_MONITOR_ENABLED');
  return hideSecrets({
    endpoint: endpointOf(o),
    connectionName: o.connectionName ?? 'hawser',
    maxRetries: o.maxRetries ?? readEnv('REDIS_MAX_RETRIES'),
    retryDelayMs: o.retryDelayMs ?? readEnv('REDIS_RETRY_DELAY'),
    monitor,
    defaultTtl: o.defaultTtl ?? readEnv('CACHE_DEFAULT_TTL'),
    tags: o.enableTags ?? readEnv('CACHE_ENABLE_TAGS'),
    metrics: o.enableMetrics ?? readEnv('CACHE_METRICS_ENABLED'),
    logger: guardedLogger(o.logger ?? consoleLogger({ debug: monitor })),
    maxValueBytes: o.cache?.maxValueBytes ?? 64 << 20,
    strictValues: o.cache?.strictValues ?? false,
    watchLoads: o.cache?.watchLoads ?? true,
    compression: checkCompression('manager.cache.compression', o.cache?.compression ?? false),
    clock: o.cache?.clock === undefined ? undefined : guardedClock(o.cache.clock),
    memoryBytes: o.cache?.memoryBytes ?? 64 << 20,
    parsedBytes: o.cache?.parsedBytes ?? PARSED_BYTES,
    minReplicas: o.cache?.minReplicas ?? 0,
    replicaTimeoutMs: o.cache?.replicaTimeoutMs ?? 1_000,
    pool: {
      max: o.pool?.max ?? POOL.max.default,
      waitTimeoutMs: o.pool?.waitTimeoutMs ?? POOL.waitTimeoutMs.default,
      idleMs: o.pool?.idleMs ?? POOL.idleMs.default,
    },
    redis: copyOptions({ ...o.redis, ...clusterOf(o).redisOptions }),
    cluster: copyOptions(clusterOptions(o)),
    engine: engineConfig(o),
  });
}

function endpointOf(o: ManagerOptions): Endpoint {
  const group = sentinelEndpoint({ ...o.redis });
  const { nodes } = clusterOf(o);
  if (group !== undefined && (o.cluster || o.url !== undefined)) {
    throw new HawserError('E_BAD_OPTION', `manager.${o.cluster ? 'cluster' : 'url'} and manager.redis.sentinels both say where the server is: give one of them`);
  }
  if (group !== undefined) return group;
  if (nodes !== undefined && o.url !== undefined) {
    throw new HawserError('E_BAD_OPTION', 'manager.url and manager.cluster.nodes both say where the server is: give one of them');
  }
  if (nodes !== undefined) return clusterEndpoint(nodes, 'manager.cluster.nodes');
  const isCluster = o.cluster === undefined ? readEnv('REDIS_CLUSTER') : o.cluster !== false;
  if (isCluster && o.url === undefined && isSet('REDIS_CLUSTER_NODES')) return clusterEndpoint(readEnv('REDIS_CLUSTER_NODES').split(','), 'REDIS_CLUSTER_NODES');
  const [url, source] = o.url === undefined ? [readEnv('REDIS_URL'), 'REDIS_URL'] : [o.url, 'manager.url'];
  return isCluster ? clusterEndpoint([url], source) : parseEndpoint(url, source);
}

const clusterOf = ({ cluster }: ManagerOptions): ManagerClusterOptions => (typeof cluster === 'object' ? ownOptions(cluster) : {});

function clusterOptions(o: ManagerOptions): ClusterOptions {
  const { nodes: _, redisOptions: __, ...options }: ManagerClusterOptions = { ...clusterOf(o) };
  return options;
}

function engineConfig(o: ManagerOptions): string {
  const { strictValues: _, watchLoads: ______, compression: __, clock: ___, minReplicas: ____, replicaTimeoutMs: _____, ...cache }: CacheEngineOptions = { ...o.cache };
  if (cache.leaseMs !== undefined) cache.renewMs ??= defaultRenewMs(cache.leaseMs);
  const settings: CacheSettings = { ...cache, parsedBytes: cache.parsedBytes ?? PARSED_BYTES, afterFailover: o.afterFailover ?? 'cold', swr: o.enableSwr ?? readEnv('CACHE_ENABLE_SWR') };
  return JSON.stringify(settings);
}

/** The maximum delay between two reconnect attempts. */
const MAX_DELAY_MS = 3_000;

/** The delay before attempt `times`: `min(base x times, 3000)` with full jitter, without an end. */
export function reconnectDelay(baseMs: number, times: number): number {
  return Math.round(Math.random() * Math.min(baseMs * times, MAX_DELAY_MS));
}
