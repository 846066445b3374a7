/** The options of a `Cluster`, with ioredis's names and types. */
import { lookup, resolveSrv, type SrvRecord } from 'node:dns';
import { ownOptions } from '../names';
import { hideSecrets } from '../observe/secrets';
import type { ReplyMappingFromOptions, ReplyMappingMode } from './reply_mapping';
import type { HimportFieldset, RedisOptions } from './options';
import type { NatMap } from './sentinel_options';

/** The nodes of a role, or all nodes. */
export type NodeRole = 'master' | 'slave' | 'all';
/** The status of the whole cluster. */
export type ClusterStatus = 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'reconnecting' | 'disconnecting' | 'end';
/** A URL, a port, or connection options. */
export type ClusterNode = string | number | { host?: string | undefined; port?: number | undefined } | RedisOptions;
/** The signature of `dns.resolveSrv`. */
export type DNSResolveSrvFunction = (hostname: string, callback: (error: NodeJS.ErrnoException | null | undefined, records?: SrvRecord[]) => void) => void;
/** The signature of `dns.lookup`. */
export type DNSLookupFunction = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null | undefined, address: string, family?: number) => void,
) => void;

/** The options of `new Cluster`, with ioredis's names. */
export interface ClusterOptions {
  /** A prefix for all keys. Default: none. */
  keyPrefix?: string | undefined;
  /** Errors end with the stack of the call. Default false. */
  showFriendlyErrorStack?: boolean | undefined;
  /** Returns the delay before attempt number `times`, in ms; any other value stops reconnecting. Default: min(100 + 2 times, 2000). */
  clusterRetryStrategy?: ((times: number, reason?: Error) => number | void | null) | null | undefined;
  /** The same for each node's connection. Default: nodes do not reconnect on their own. */
  clusterNodeRetryStrategy?: ((times: number) => number | void | null) | null | undefined;
  /** Whether commands wait while the cluster is not ready. Default true. */
  enableOfflineQueue?: boolean | undefined;
  /** Sends CLUSTER INFO before `ready`. Default true. */
  enableReadyCheck?: boolean | undefined;
  /** The nodes that receive read-only commands; a function receives the nodes and the command. Default `'master'`. */
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- ioredis's type; the application declares the parameters
  scaleReads?: NodeRole | Function | undefined;
  /** Default 16. */
  maxRedirections?: number | undefined;
  /** In ms. Default 100. */
  retryDelayOnFailover?: number | undefined;
  /** In ms. Default 100. */
  retryDelayOnClusterDown?: number | undefined;
  /** In ms. Default 100. */
  retryDelayOnTryAgain?: number | undefined;
  /** In ms. Default 0. */
  retryDelayOnMoved?: number | undefined;
  /** In ms. Default 1000. */
  slotsRefreshTimeout?: number | undefined;
  /** In ms. Default: off. */
  slotsRefreshInterval?: number | undefined;
  /** Opens one connection for SSUBSCRIBE per master. Default false. */
  shardedSubscribers?: boolean | undefined;
  /** Options of each node's connection. */
  redisOptions?: Partial<RedisOptions> | undefined;
  /** Connects on the first command or on `connect()`. Default false. */
  lazyConnect?: boolean | undefined;
  /** The start-up nodes are names of SRV records. Default false. */
  useSRVRecords?: boolean | undefined;
  /** Default `dns.resolveSrv`. */
  resolveSrv?: DNSResolveSrvFunction | undefined;
  /** Default `dns.lookup`; `(name, callback) => callback(null, name)` leaves names to TLS. */
  dnsLookup?: DNSLookupFunction | undefined;
  /** Maps the addresses that nodes announce to reachable addresses. */
  natMap?: NatMap | undefined;
  /** As in `RedisOptions`, for each node. */
  enableAutoPipelining?: boolean | undefined;
  /** Lower-case names of commands that are not auto-pipelined. */
  autoPipeliningIgnoredCommands?: string[] | undefined;
  /** Lua scripts by name; each becomes a method. */
  scripts?: Record<string, { lua: string; numberOfKeys?: number | undefined; readOnly?: boolean | undefined }> | undefined;
  /** As in `RedisOptions`, for each master. */
  himportFieldsets?: readonly HimportFieldset[] | undefined;
}

/** The options of a cluster whose replies have the shapes of `Mode`. */
export type ClusterOptionsWithReplyMapping<Mode extends ReplyMappingMode> = ClusterOptions & {
  redisOptions?: (ClusterOptions['redisOptions'] & { replyMapping?: Mode | undefined }) | undefined;
};
/** The mode of a cluster of mode `Current` with these `Options`. */
export type ReplyMappingFromClusterOptions<Current extends ReplyMappingMode, Options> = Options extends { redisOptions: infer Nodes }
  ? ReplyMappingFromOptions<Current, Nodes>
  : Current;

export const DEFAULT_CLUSTER_OPTIONS = {
  clusterRetryStrategy: (times: number): number => Math.min(100 + times * 2, 2000),
  clusterNodeRetryStrategy: null,
  enableOfflineQueue: true,
  enableReadyCheck: true,
  scaleReads: 'master',
  maxRedirections: 16,
  retryDelayOnMoved: 0,
  retryDelayOnFailover: 100,
  retryDelayOnClusterDown: 100,
  retryDelayOnTryAgain: 100,
  slotsRefreshTimeout: 1000,
  useSRVRecords: false,
  resolveSrv,
  dnsLookup: lookup as DNSLookupFunction,
  enableAutoPipelining: false,
  autoPipeliningIgnoredCommands: [] as string[],
  shardedSubscribers: false,
  keyPrefix: '',
  showFriendlyErrorStack: false,
} satisfies ClusterOptions;

/** Options with their defaults. Unknown options are kept, as in ioredis. */
export type ResolvedClusterOptions = ClusterOptions & {
  [unknown: string]: unknown;
  scaleReads: NodeRole | ((nodes: unknown[], command: unknown) => unknown);
  maxRedirections: number;
  retryDelayOnMoved: number;
  retryDelayOnFailover: number;
  retryDelayOnClusterDown: number;
  retryDelayOnTryAgain: number;
  slotsRefreshTimeout: number;
  resolveSrv: DNSResolveSrvFunction;
  dnsLookup: DNSLookupFunction;
  keyPrefix: string;
};

/** Adds the defaults. Throws if `scaleReads` has no meaning. */
export function resolveClusterOptions(given: ClusterOptions): ResolvedClusterOptions {
  const options = { ...DEFAULT_CLUSTER_OPTIONS } as unknown as ResolvedClusterOptions;
  const own = ownOptions(given) as Record<string, unknown>;
  // Inherited properties count too, as in ioredis.
  for (const name in own) if (own[name] !== undefined) options[name] = own[name];
  const { redisOptions, scaleReads } = options;
  if (redisOptions?.keyPrefix && !options.keyPrefix) options.keyPrefix = redisOptions.keyPrefix;
  if (typeof scaleReads !== 'function' && !['all', 'master', 'slave'].includes(scaleReads)) {
    throw new Error(`Invalid option scaleReads "${String(scaleReads)}". Expected "all", "master", "slave" or a custom function`);
  }
  return hideSecrets(options);
}
