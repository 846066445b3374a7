/** The options of a `Cluster`, by ioredis's names and types. */
import type { SrvRecord } from 'node:dns';
import type { ReplyMappingFromOptions, ReplyMappingMode } from './reply_mapping';
import type { HimportFieldset, RedisOptions } from './options';
import type { NatMap } from './sentinel_options';

/** Which nodes are meant. */
export type NodeRole = 'master' | 'slave' | 'all';
/** Of the cluster as a whole. */
export type ClusterStatus = 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'reconnecting' | 'disconnecting' | 'end';
/** A URL, a port, or options of the connection. */
export type ClusterNode = string | number | { host?: string | undefined; port?: number | undefined } | RedisOptions;
/** As `dns.resolveSrv`. */
export type DNSResolveSrvFunction = (hostname: string, callback: (error: NodeJS.ErrnoException | null | undefined, records?: SrvRecord[]) => void) => void;
/** As `dns.lookup`. */
export type DNSLookupFunction = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null | undefined, address: string, family?: number) => void,
) => void;

/** The options of `new Cluster`, by ioredis's names. */
export interface ClusterOptions {
  /** Put before keys. Default none. */
  keyPrefix?: string | undefined;
  /** Errors end with the stack of the call. Default false. */
  showFriendlyErrorStack?: boolean | undefined;
  /** How long to wait before attempt number `times`, in ms; anything but a number: never again. Default: min(100 + 2 times, 2000). */
  clusterRetryStrategy?: ((times: number, reason?: Error) => number | void | null) | null | undefined;
  /** The same for each node's connection. Default: nodes do not reconnect by themselves. */
  clusterNodeRetryStrategy?: ((times: number) => number | void | null) | null | undefined;
  /** Whether commands wait while the cluster is not ready. Default true. */
  enableOfflineQueue?: boolean | undefined;
  /** CLUSTER INFO before `ready`. Default true. */
  enableReadyCheck?: boolean | undefined;
  /** Which nodes read-only commands go to; a function gets the nodes and the command. Default `'master'`. */
  // eslint-disable-next-line @typescript-eslint/no-unsafe-function-type -- ioredis's type; what it gets is the application's to say
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
  /** One connection for SSUBSCRIBE per master. Default false. */
  shardedSubscribers?: boolean | undefined;
  /** Options of each node's connection. */
  redisOptions?: Partial<RedisOptions> | undefined;
  /** Connects with the first command or `connect()`. Default false. */
  lazyConnect?: boolean | undefined;
  /** Start-up nodes are names of SRV records. Default false. */
  useSRVRecords?: boolean | undefined;
  /** Default `dns.resolveSrv`. */
  resolveSrv?: DNSResolveSrvFunction | undefined;
  /** Default `dns.lookup`; `(name, callback) => callback(null, name)` leaves names to TLS. */
  dnsLookup?: DNSLookupFunction | undefined;
  /** Addresses that nodes announce, as they are reached from here. */
  natMap?: NatMap | undefined;
  /** As in `RedisOptions`, per node. */
  enableAutoPipelining?: boolean | undefined;
  /** Names of commands that do not join it, lower-case. */
  autoPipeliningIgnoredCommands?: string[] | undefined;
  /** Lua scripts that become methods, by name. */
  scripts?: Record<string, { lua: string; numberOfKeys?: number | undefined; readOnly?: boolean | undefined }> | undefined;
  /** Experimental in ioredis: lists of fields that are prepared on every connection. */
  himportFieldsets?: readonly HimportFieldset[] | undefined;
}

/** The options of a cluster whose replies have the shapes of `Mode`. */
export type ClusterOptionsWithReplyMapping<Mode extends ReplyMappingMode> = ClusterOptions & {
  redisOptions?: (ClusterOptions['redisOptions'] & { replyMapping?: Mode | undefined }) | undefined;
};
/** What `Options` make of a cluster of mode `Current`. */
export type ReplyMappingFromClusterOptions<Current extends ReplyMappingMode, Options> = Options extends { redisOptions: infer Nodes }
  ? ReplyMappingFromOptions<Current, Nodes>
  : Current;
