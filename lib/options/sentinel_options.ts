/** The options of Sentinel, by ioredis's names and types. */
import type { ConnectionOptions } from 'node:tls';
import type { ReplyMappingMode } from './reply_mapping';

type Address = { host: string; port: number };
/** Where nodes are as seen from here, by the address that they announce, `host:port`. */
export type NatMap = { [announced: string]: Address } | ((announced: string) => Address | null);
/** Where a Sentinel is. */
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

/** How a master or a replica is found by Sentinel. */
export interface SentinelConnectionOptions {
  /** Name of the group of instances. */
  name?: string | undefined;
  /** Default `'master'`. */
  role?: 'master' | 'slave' | undefined;
  /** Of the connection to the server; to Sentinels where `enableTLSForSentinelMode`. */
  tls?: ConnectionOptions | undefined;
  /** ACL user of the Sentinels. */
  sentinelUsername?: string | undefined;
  /** Password of the Sentinels. */
  sentinelPassword?: string | undefined;
  /** Asked one after another. */
  sentinels?: Partial<SentinelAddress>[] | undefined;
  path?: string | undefined;
  family?: number | undefined;
  /** How long to wait in ms when none answered; anything but a number: never again. Default: min(10 times, 1000). */
  sentinelRetryStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  /** The same for the connections that watch for a failover. Default: 60000. */
  sentinelReconnectStrategy?: ((retryAttempts: number) => number | void | null) | undefined;
  /** Which replica to take: a choice, or addresses by `prio`, the lowest first. */
  preferredSlaves?: ((replicas: ReplicaAddress[]) => ReplicaAddress | null) | PreferredReplica[] | PreferredReplica | undefined;
  connectTimeout?: number | undefined;
  disconnectTimeout?: number | undefined;
  /** `commandTimeout` of the connections to Sentinels, in ms. */
  sentinelCommandTimeout?: number | undefined;
  /** Whether `tls` holds for the server. Default false. */
  enableTLSForSentinelMode?: boolean | undefined;
  /** TLS of the connections to Sentinels. */
  sentinelTLS?: ConnectionOptions | undefined;
  natMap?: NatMap | undefined;
  /** Learns of other Sentinels from those that answer. Default true. */
  updateSentinels?: boolean | undefined;
  /** Default 10. */
  sentinelMaxConnections?: number | undefined;
  /** Listens to the Sentinels and reconnects at once when the master changes. Default false. */
  failoverDetector?: boolean | undefined;
  protocol?: 2 | 3 | undefined;
  replyMapping?: ReplyMappingMode | undefined;
}
