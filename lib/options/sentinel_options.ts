/** Sentinel's options, with ioredis's names and types. */
import type { ConnectionOptions } from 'node:tls';
import type { ReplyMappingMode } from './reply_mapping';

type Address = { host: string; port: number };
/** The reachable address of each node, by the address `host:port` that the node announces. */
export type NatMap = { [announced: string]: Address } | ((announced: string) => Address | null);
/** The address of a Sentinel. */
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

/** How Sentinel finds a master or a replica. */
export interface SentinelConnectionOptions {
  /** The name of the master group. */
  name?: string | undefined;
  /** Default `'master'`. */
  role?: 'master' | 'slave' | undefined;
  /** TLS for the server's connection; applied if `enableTLSForSentinelMode` is set. */
  tls?: ConnectionOptions | undefined;
  /** ACL user of the Sentinels. */
  sentinelUsername?: string | undefined;
  /** Password of the Sentinels. */
  sentinelPassword?: string | undefined;
  /** The Sentinels, asked one after another. */
  sentinels?: Partial<SentinelAddress>[] | undefined;
  /** A unix socket, for a client that ignores `sentinels`. As in ioredis. */
  path?: string | undefined;
  /** 4 or 6: the version of IP for the connections to Sentinels. */
  family?: number | undefined;
  /** Returns the delay in ms if no Sentinel answered; any other value stops retrying. Default: min(10 times, 1000). */
  sentinelRetryStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  /** The same for the connections that watch for a failover. Default: 60000. */
  sentinelReconnectStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  /** Selects a replica: a function that chooses one, or addresses ordered by `prio`, lowest first. */
  preferredSlaves?: ((replicas: ReplicaAddress[]) => ReplicaAddress | null) | PreferredReplica[] | PreferredReplica | undefined;
  /** How long a connection to a Sentinel may take to open, in ms. */
  connectTimeout?: number | undefined;
  /** How long the connection to a Sentinel may take to close, in ms. */
  disconnectTimeout?: number | undefined;
  /** `commandTimeout` of the connections to Sentinels, in ms. */
  sentinelCommandTimeout?: number | undefined;
  /** Applies `tls` to the server's connection. Default false. */
  enableTLSForSentinelMode?: boolean | undefined;
  /** TLS for the connections to Sentinels. */
  sentinelTLS?: ConnectionOptions | undefined;
  /** Translates the addresses that Sentinels announce. */
  natMap?: NatMap | undefined;
  /** Learns about other Sentinels from those that answer. Default true. */
  updateSentinels?: boolean | undefined;
  /** Default 10. */
  sentinelMaxConnections?: number | undefined;
  /** Listens to the Sentinels and reconnects at once when the master changes. Default false. */
  failoverDetector?: boolean | undefined;
  /** The version of RESP. */
  protocol?: 2 | 3 | undefined;
  /** The shape of replies. */
  replyMapping?: ReplyMappingMode | undefined;
}
