/** The options of a `Cluster` and of Sentinel as ioredis types them, for code that names these types. */
import type { SrvRecord } from 'node:dns';
import type { ConnectionOptions } from 'node:tls';
import type { ReplyMappingFromOptions, ReplyMappingMode } from './commands';
import type { RedisOptions } from './options';

export type NodeRole = 'master' | 'slave' | 'all';
export type ClusterStatus = 'wait' | 'connecting' | 'connect' | 'ready' | 'close' | 'reconnecting' | 'disconnecting' | 'end';
/** A URL, a port, or options of the connection. */
export type ClusterNode = string | number | { host?: string | undefined; port?: number | undefined } | RedisOptions;
type Address = { host: string; port: number };
/** Where nodes are as seen from here, by the address that they announce, `host:port`. */
export type NatMap = { [announced: string]: Address } | ((announced: string) => Address | null);
export type DNSResolveSrvFunction = (hostname: string, callback: (error: NodeJS.ErrnoException | null | undefined, records?: SrvRecord[]) => void) => void;
export type DNSLookupFunction = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null | undefined, address: string, family?: number) => void,
) => void;

/** A list of fields that HIMPORT knows by name; prepared on every connection. */
export interface HimportFieldset {
  readonly name: string | Buffer;
  readonly fields: readonly (string | Buffer)[];
}

export interface ClusterOptions {
  keyPrefix?: string | undefined;
  showFriendlyErrorStack?: boolean | undefined;
  /** How long to wait before attempt number `times`, in ms; anything but a number: never again. Default: min(100 + 2 times, 2000). */
  clusterRetryStrategy?: ((times: number, reason?: Error) => number | void | null) | null | undefined;
  /** The same for each node's connection. Default: nodes do not reconnect by themselves. */
  clusterNodeRetryStrategy?: ((times: number) => number | void | null) | null | undefined;
  enableOfflineQueue?: boolean | undefined;
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
  shardedSubscribers?: boolean | undefined;
  /** Options of each node's connection. */
  redisOptions?: Partial<RedisOptions> | undefined;
  lazyConnect?: boolean | undefined;
  useSRVRecords?: boolean | undefined;
  resolveSrv?: DNSResolveSrvFunction | undefined;
  dnsLookup?: DNSLookupFunction | undefined;
  natMap?: NatMap | undefined;
  enableAutoPipelining?: boolean | undefined;
  autoPipeliningIgnoredCommands?: string[] | undefined;
  scripts?: Record<string, { lua: string; numberOfKeys?: number | undefined; readOnly?: boolean | undefined }> | undefined;
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

export interface SentinelAddress {
  host: string;
  port: number;
  family?: number;
}

/** A replica as Sentinel describes it. */
interface ReplicaAddress {
  ip: string;
  port: string;
  flags?: string | undefined;
}
type PreferredReplica = { ip: string; port: string; prio?: number | undefined };

export interface SentinelConnectionOptions {
  /** Name of the group of instances. */
  name?: string | undefined;
  role?: 'master' | 'slave' | undefined;
  tls?: ConnectionOptions | undefined;
  sentinelUsername?: string | undefined;
  sentinelPassword?: string | undefined;
  sentinels?: Partial<SentinelAddress>[] | undefined;
  path?: string | undefined;
  family?: number | undefined;
  sentinelRetryStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  sentinelReconnectStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  preferredSlaves?: ((replicas: ReplicaAddress[]) => ReplicaAddress | null) | PreferredReplica[] | PreferredReplica | undefined;
  connectTimeout?: number | undefined;
  disconnectTimeout?: number | undefined;
  sentinelCommandTimeout?: number | undefined;
  enableTLSForSentinelMode?: boolean | undefined;
  sentinelTLS?: ConnectionOptions | undefined;
  natMap?: NatMap | undefined;
  updateSentinels?: boolean | undefined;
  /** Default 10. */
  sentinelMaxConnections?: number | undefined;
  failoverDetector?: boolean | undefined;
  protocol?: 2 | 3 | undefined;
  replyMapping?: ReplyMappingMode | undefined;
}
