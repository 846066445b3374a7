/** Everything that an application can import. index.js gives it the CommonJS shape: the class `Redis` with the rest as properties. */
// First of all: where there is no binary, its error comes before any other.
import './native';
import { Cluster } from './cluster/cluster';
import { Redis } from './client/redis';

type ClusterClass = typeof Cluster;

declare module './client/redis' {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- adds to the class without a circle between the two files
  namespace Redis {
    /** `new Redis.Cluster(nodes, options)`, as in ioredis. */
    let Cluster: ClusterClass;
  }
}
Redis.Cluster = Cluster;

export { Redis, Cluster };
export default Redis;
export type {
  ClusterNode,
  ClusterOptions,
  ClusterStatus,
  DNSLookupFunction,
  DNSResolveSrvFunction,
  NodeRole,
} from './options/cluster_options';
export type { NatMap, SentinelAddress, SentinelConnectionOptions } from './options/sentinel_options';
export { Command, type CommandOptions } from './command/command';
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
} from './command/commands';
export { AbstractConnector } from './client/connectors';
export { SentinelConnector } from './client/sentinel_connector';
export { SentinelIterator } from './sentinel/iterator';
export { AbortError, MaxRetriesPerRequestError, RedisError, ReplyError } from './observe/errors';
export type { ClusterEvents } from './cluster/events';
export type { ConnectionEvents, RedisEvents } from './observe/events';
export type { Credentials, CredentialsFunction } from './options/credentials';
export type { ClientOptions, CommonRedisOptions, HimportFieldset, RedisOptions, StandaloneConnectionOptions } from './options/options';
export { Pipeline, type Outcome } from './command/pipeline';
export { print } from './observe/print';
export { ScanStream, type ScanOptions, type ScanStreamOptions } from './command/scan_stream';
export type { ReplyTransformer, ArgumentTransformer, ReplyContext } from './command/table';
export type { BatchOperationContext, CommandTraceContext, ConnectTraceContext } from './observe/trace_contexts';
export type { RedisStatus } from './client/lifecycle';
export * from './facade';
