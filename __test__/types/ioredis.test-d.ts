/**
 * Whatever ioredis's types accept of a command, hawser's accept, and the reply can be used as there. The class itself is different: ioredis's has
 * private members, so no other class is assignable to it.
 */
import type IORedis from 'ioredis';
import type { ChainableCommander as TheirPipeline, ClusterOptions as TheirClusterOptions, RedisCommander as Theirs, RedisOptions as TheirOptions } from 'ioredis';
import { Redis, type ChainableCommander, type Cluster, type ClusterOptions, type RedisCommander, type RedisOptions } from 'hawser';

/**
 * Where ioredis's types are not what servers answer: BGSAVE and RESET have texts of their own, CLIENT TRACKINGINFO a list, CLUSTER ADDSLOTS and its like an
 * OK, COMMAND COUNT and MSETNX of an object a number, SET with IFEQ null where the value was another, ARGREP and VEMB RAW lists of their own.
 */
type Known = 'bgsave' | 'client' | 'clientBuffer' | 'cluster' | 'command' | 'msetnx' | 'reset' | 'set' | 'argrep' | 'argrepBuffer' | 'vemb' | 'vembBuffer';

declare const redis: Redis;
declare const cluster: Cluster;
declare const commands: RedisCommander;
declare const pipeline: ChainableCommander;

export const a: Omit<Theirs, Known> = commands;
export const b: Omit<Theirs, Known> = redis;
export const c: Omit<Theirs, Known> = cluster;
/** A pipeline has every method, and each returns hawser's pipeline. */
export const d: { [K in keyof TheirPipeline]: unknown } = pipeline;

// The same for the shapes of RESP3. For ACL GETUSER, ARINFO, CLIENT TRACKINGINFO, HRANDFIELD and VLINKS, ioredis's types only have those of RESP2.
type Known3 = Known | 'acl' | 'aclBuffer' | 'arinfo' | 'arinfoBuffer' | 'clientBuffer' | 'hrandfield' | 'hrandfieldBuffer' | 'vlinks' | 'vlinksBuffer';
type Resp3 = { type: 'default'; mapping: 'resp3' };
declare const redis3: Redis<'resp3'>;
declare const commands3: RedisCommander<Resp3>;
export const a3: Omit<Theirs<Resp3>, Known3> = commands3;
export const b3: Omit<Theirs<Resp3>, Known3> = redis3;
/** A client is not assignable to one whose replies have other shapes. */
// @ts-expect-error scores are numbers here and text there
export const c3: Redis = redis3;
// @ts-expect-error and the other way round
export const d3: Redis<'resp3'> = redis;

// Options can be passed from one to the other, as a whole and one by one: what can be read from ioredis's can be read from hawser's.
declare const theirs: TheirOptions;
declare const theirClusters: TheirClusterOptions;
export const f: RedisOptions = theirs;
export const g: ClusterOptions = theirClusters;
/** A connector of hawser needs none of the protected members of ioredis's. */
type Read<T> = { [K in Exclude<keyof T, 'Connector' | 'redisOptions' | 'scripts'>]-?: T[K] | undefined };
declare const ours: Read<RedisOptions>;
declare const ourClusters: Read<ClusterOptions>;
declare const ourNodes: Read<NonNullable<ClusterOptions['redisOptions']>>;
export const f2: Read<TheirOptions> = ours;
export const g2: Read<TheirClusterOptions> = ourClusters;
export const n2: Read<NonNullable<TheirClusterOptions['redisOptions']>> = ourNodes;

/** What ioredis's constructor accepts, although its types do not say so. */
new Redis({ keyPrefix: Buffer.from('a:'), password: null, tls: true, reconnectOnError: () => 0 as const });
new Redis({ tls: 'RedisCloudFixed' });
/** A subclass passes options on without knowing their reply mapping. */
export class Passing extends Redis {
  constructor(options: RedisOptions) {
    super(options);
  }
}

// Where a library's types ask for ioredis's class, a client needs a cast; with npm's overrides that class is hawser's, and no cast is needed.
// @ts-expect-error private members
export const h: IORedis = redis;
export const i: IORedis = redis as unknown as IORedis;

/** The names of types that ioredis exports. */
export type {
  BatchOperationContext,
  Callback,
  ChainableCommander,
  ClientContext,
  ClusterNode,
  ClusterOptions,
  ClusterStatus,
  CommandTraceContext,
  CommonRedisOptions,
  ConnectTraceContext,
  DNSLookupFunction,
  DNSResolveSrvFunction,
  HimportFieldset,
  NatMap,
  NodeRole,
  RedisCommander,
  RedisKey,
  RedisOptions,
  RedisStatus,
  RedisValue,
  Result,
  ScanStreamOptions,
  SentinelAddress,
  SentinelConnectionOptions,
  StandaloneConnectionOptions,
} from 'hawser';
