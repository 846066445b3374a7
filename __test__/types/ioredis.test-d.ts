/**
 * Whatever ioredis's types accept of a command, hawser's accept, and the reply can be used as there. The class itself is another matter: ioredis's has
 * private members, so that no other class is assignable to it.
 */
import type IORedis from 'ioredis';
import type { ChainableCommander as TheirPipeline, ClusterOptions as TheirClusterOptions, RedisCommander as Theirs, RedisOptions as TheirOptions } from 'ioredis';
import type { ChainableCommander, Cluster, ClusterOptions, Redis, RedisCommander, RedisOptions } from 'hawser';

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
/** Every method of a pipeline is there; what it returns is hawser's pipeline. */
export const d: { [K in keyof TheirPipeline]: unknown } = pipeline;

// Options pass from one to the other.
declare const theirs: TheirOptions;
declare const theirClusters: TheirClusterOptions;
export const f: RedisOptions = theirs;
export const g: ClusterOptions = theirClusters;

// A client is passed on where a library's types ask for ioredis's class by a cast; with npm's overrides that class is hawser's and nothing is needed.
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
