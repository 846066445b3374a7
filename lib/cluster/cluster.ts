/** The interface of Redis Cluster: ioredis's types, and the same commands as `Redis`. A later version brings the router. */
import { EventEmitter } from 'node:events';
import type {
  ClusterNode,
  ClusterOptions,
  ClusterOptionsWithReplyMapping,
  ClusterStatus,
  NodeRole,
  ReplyMappingFromClusterOptions,
} from '../options/cluster_options';
import type { Command } from '../command/command';
import type { Callback, MappingOf, RedisCommander, ReplyMappingMode, Transaction } from '../command/commands';
import type { EmitterClass } from '../observe/events';
import type { ClusterEvents } from './events';
import type { ScriptDefinition } from '../command/commander';
import type { ScanOptions, ScanStream } from '../command/scan_stream';
import { HawserError } from '../errors';
import type { Redis } from '../client/redis';

export interface Cluster<ReplyMapping extends ReplyMappingMode = 'legacy'>
  extends RedisCommander<{ type: 'default'; mapping: MappingOf<ReplyMapping> }>, Transaction<MappingOf<ReplyMapping>> {
  /** Your options with the defaults. */
  options: ClusterOptions;
  /** The cluster's status. An event of the same name follows one tick later. */
  status: ClusterStatus;
  /** The nodes of each slot, `['host:port', ...]`, master first. */
  slots: string[][];
  /** The number of commands that wait for their automatic pipeline. */
  readonly autoPipelineQueueSize: number;
  /** Connects. Resolves when the cluster is ready; rejects if no node answers. */
  connect(): Promise<void>;
  /** Closes all connections at once. With `reconnect`, `clusterRetryStrategy` opens them again. */
  disconnect(reconnect?: boolean): void;
  /** The connections to nodes of a role. */
  nodes(role?: NodeRole): Redis<ReplyMapping>[];
  /** A new cluster with the same nodes and options; the arguments replace some of them. */
  duplicate<Override extends ClusterOptionsWithReplyMapping<ReplyMappingMode> | undefined = undefined>(
    overrideStartupNodes?: readonly ClusterNode[],
    overrideOptions?: Override,
  ): Cluster<ReplyMappingFromClusterOptions<ReplyMapping, Override>>;
  /** Calls back when the cluster is ready. */
  delayUntilReady(callback: Callback): void;
  /** Sends a command to the node of its keys. */
  sendCommand(command: Command): unknown;
  /** The names of all commands that are methods, in lower case. */
  getBuiltinCommands(): string[];
  /** Adds methods for a command that the client does not know. */
  addBuiltinCommand(name: string): void;
  /** Reads the slot table again. */
  refreshSlotsCache(callback?: Callback<void>): void;
  /** Adds a Lua script as a method, to this client and to its future pipelines. */
  defineCommand(name: string, definition: ScriptDefinition): void;
  /** Streams the results of SSCAN, HSCAN and ZSCAN in pages. A cluster has no SCAN over all keys: scan each of `nodes('master')`. */
  sscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  sscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  hscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  hscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  zscanStream(key: string | Buffer, options?: ScanOptions): ScanStream;
  zscanBufferStream(key: string | Buffer, options?: ScanOptions): ScanStream;
}

/** Not supported by this version: the constructor throws `E_UNSUPPORTED`. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export class Cluster<ReplyMapping extends ReplyMappingMode = 'legacy'> extends (EventEmitter as EmitterClass<ClusterEvents>) {
  /** Tells a cluster from a client of one server. */
  readonly isCluster = true;

  constructor(startupNodes: readonly ClusterNode[], options?: ClusterOptionsWithReplyMapping<ReplyMapping>) {
    super();
    void startupNodes;
    void options;
    throw new HawserError('E_UNSUPPORTED', 'Redis Cluster is not supported by this version of hawser: use Redis with one server');
  }
}
