/** Everything that an application can import. index.js gives it its CommonJS shape: the class `Redis` itself, with the rest as properties. */
import { Cluster } from './cluster';
import { Redis } from './redis';

Redis.Cluster = Cluster;

export { Redis, Cluster };
export default Redis;
export type {
  ClusterNode,
  ClusterOptions,
  ClusterStatus,
  DNSLookupFunction,
  DNSResolveSrvFunction,
  HimportFieldset,
  NatMap,
  NodeRole,
  SentinelAddress,
  SentinelConnectionOptions,
} from './client/cluster_options';
export { Command, type CommandOptions } from './client/command';
export type {
  Callback,
  ChainableCommander,
  ClientContext,
  CommandArgument,
  ExecResult,
  RedisCommander,
  RedisKey,
  RedisValue,
  ReplyMappingMode,
  Result,
} from './client/commands';
export { AbstractConnector, SentinelConnector, SentinelIterator } from './client/connectors';
export { AbortError, MaxRetriesPerRequestError, RedisError, ReplyError } from './client/errors';
export type { ClusterEvents, ConnectionEvents, RedisEvents } from './client/events';
export type { ClientOptions, CommonRedisOptions, RedisOptions, StandaloneConnectionOptions } from './client/options';
export { Pipeline, type Outcome } from './client/pipeline';
export { print } from './client/print';
export { ScanStream, type ScanOptions, type ScanStreamOptions } from './client/scan_stream';
export type { ReplyTransformer, ArgumentTransformer, ReplyContext } from './client/table';
export type { BatchOperationContext, CommandTraceContext, ConnectTraceContext } from './client/trace_contexts';
export type { RedisStatus } from './client/lifecycle';
export * from './facade';
