/** The seam of Redis Cluster: ioredis's types of it, and the same commands as `Redis`; a later version brings the router. */
import { EventEmitter } from 'node:events';
import type { ClusterNode, ClusterOptions, ClusterStatus, NodeRole } from './client/cluster_options';
import type { Callback, RedisCommander, Transaction } from './client/commands';
import type { ScriptDefinition } from './client/commander';
import type { ScanStream, ScanStreamOptions } from './client/scan_stream';
import { HawserError } from './errors';
import type { Redis } from './redis';

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export interface Cluster extends RedisCommander, Transaction {
  options: ClusterOptions;
  status: ClusterStatus;
  /** `['host:port', ...]` by slot, the master first. */
  slots: string[][];
  readonly autoPipelineQueueSize: number;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  /** The connections to nodes of a role. */
  nodes(role?: NodeRole): Redis[];
  duplicate(overrideStartupNodes?: readonly ClusterNode[], overrideOptions?: ClusterOptions): Cluster;
  refreshSlotsCache(callback?: Callback<void>): void;
  defineCommand(name: string, definition: ScriptDefinition): void;
  sscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  sscanBufferStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  hscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  hscanBufferStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  zscanStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
  zscanBufferStream(key: string | Buffer, options?: ScanStreamOptions): ScanStream;
}

/** Not supported by this version: the constructor throws `E_UNSUPPORTED`. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export class Cluster extends EventEmitter {
  readonly isCluster = true;

  constructor(startupNodes: readonly ClusterNode[], options?: ClusterOptions) {
    super();
    void startupNodes;
    void options;
    throw new HawserError('E_UNSUPPORTED', 'Redis Cluster is not supported by this version of hawser: use Redis with one server');
  }
}
