/**
 * `Cluster`: the client of a Redis Cluster, compatible with ioredis. Each node's connection is a `Redis`; this class is the public side:
 * options, status, events, commands.
 */
import { callBack, type Callback } from '../command/callback';
import type { Command } from '../command/command';
import { CommandClient, type ClientClass } from '../command/client';
import { DEFAULTS, LIFE, makeDefaults, watchOptions, type CommandDefaults } from '../command/command_defaults';
import type { CommandTarget } from '../command/commander';
import { checkedFieldsets } from '../command/fieldsets';
import type { MappingOf, RedisCommander, ReplyMappingMode, Transaction } from '../command/commands';
import { follow } from '../command/followed';
import { metaOf } from '../command/table';
import { ClassBit } from '../contract.generated';
import { noop } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import {
  resolveClusterOptions,
  type ClusterNode,
  type ClusterOptions,
  type ClusterOptionsWithReplyMapping,
  type ClusterStatus,
  type NodeRole,
  type ReplyMappingFromClusterOptions,
  type ResolvedClusterOptions,
} from '../options/cluster_options';
import { hearing } from '../observe/instrument';
import { hideSecrets } from '../observe/secrets';
import { AutoPipelines } from './auto_pipelines';
import type { ClusterEvents } from './events';
import { ClusterLife } from './life';

export interface Cluster<ReplyMapping extends ReplyMappingMode = 'legacy'>
  extends RedisCommander<{ type: 'default'; mapping: MappingOf<ReplyMapping> }>, Transaction<MappingOf<ReplyMapping>> {}

/** What a node is asked while it need not make a promise. */
const SILENT = {};

/** Commands with one of these bits are more than a request to one node. */
const SPECIAL = ClassBit.Kind;

/**
 * A client of a Redis Cluster. It is compatible with ioredis: change the import. A pipeline may span slots; a transaction stays in one.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export class Cluster<ReplyMapping extends ReplyMappingMode = 'legacy'> extends (CommandClient as unknown as ClientClass<ClusterEvents>) implements CommandTarget {
  /** Tells a cluster from a client of one server. */
  readonly isCluster = true;
  /** The cluster's status. An event of the same name follows one tick later. */
  status: ClusterStatus = undefined as unknown as ClusterStatus;
  /** The nodes that are asked for the others. Assign it to change them for the next connection. */
  startupNodes: readonly ClusterNode[];
  /** @internal */ declare [DEFAULTS]: CommandDefaults;
  /** @internal */ readonly [LIFE]: ClusterLife;

  /**
   * Connects, unless `lazyConnect` is set. A node is a port, a URL or `{ host, port, ... }`, whose options win over `redisOptions`. One node
   * that answers is enough. Throws on invalid options. Later failures are `error` and `node error` events.
   */
  constructor(startupNodes: readonly ClusterNode[], options: ClusterOptionsWithReplyMapping<ReplyMapping> = {}) {
    super();
    // A copy, which prints without the passwords of URLs.
    this.startupNodes = Array.isArray(startupNodes) ? hideSecrets([...(startupNodes as ClusterNode[])]) : startupNodes;
    const resolved = resolveClusterOptions(options);
    if (resolved.himportFieldsets !== undefined) resolved.himportFieldsets = checkedFieldsets(resolved.himportFieldsets);
    this[LIFE] = new ClusterLife(this, resolved);
    this[DEFAULTS] = this.defaultsOf(resolved);
    for (const [name, definition] of Object.entries(resolved.scripts ?? {})) this.defineCommand(name, definition);
    if (resolved.lazyConnect) this[LIFE].setStatus('wait');
    else this.connect().catch(noop);
  }

  /** Your options with the defaults. */
  get options(): ResolvedClusterOptions {
    // The prototype has no options, and tools that mock classes read them there.
    const life = this[LIFE] as ClusterLife | undefined;
    if (life === undefined) return undefined as unknown as ResolvedClusterOptions;
    const { options } = life;
    if (life.watched !== options) {
      life.watched = options;
      watchOptions(options, () => {
        if (life.options === options) this[DEFAULTS] = this.defaultsOf(options, this[DEFAULTS]);
      });
    }
    return options;
  }

  /** The nodes of each slot, `['host:port', ...]`, master first. Empty before the first map. */
  get slots(): string[][] {
    return this[LIFE].routing.slots;
  }

  /** Connects. Resolves when the cluster is ready; rejects if no node answers. */
  connect(): Promise<void> {
    return this[LIFE].connect();
  }

  /** Closes all connections at once. With `reconnect`, `clusterRetryStrategy` opens them again. */
  disconnect(reconnect = false): void {
    this[LIFE].disconnect(reconnect);
  }

  /** Closes all connections when what was sent is answered. */
  quit(callback?: Callback<'OK'>): Promise<'OK'> {
    const quitting = this[LIFE].quit();
    return callback === undefined ? quitting : callBack(quitting, callback as Callback);
  }

  /** A new cluster with the same nodes and options; the arguments replace some of them. */
  duplicate<Override extends ClusterOptionsWithReplyMapping<ReplyMappingMode> | undefined = undefined>(
    overrideStartupNodes: readonly ClusterNode[] = [],
    overrideOptions?: Override,
  ): Cluster<ReplyMappingFromClusterOptions<ReplyMapping, Override>> {
    const { options: own } = this[LIFE];
    const options: ClusterOptions = { ...own, ...overrideOptions };
    if (own.redisOptions && overrideOptions?.redisOptions) options.redisOptions = { ...own.redisOptions, ...overrideOptions.redisOptions };
    const nodes = overrideStartupNodes.length > 0 ? overrideStartupNodes : [...this.startupNodes];
    return new Cluster(nodes, options as ClusterOptionsWithReplyMapping<ReplyMappingFromClusterOptions<ReplyMapping, Override>>);
  }

  /** The connections to the nodes of a role. */
  nodes(role: NodeRole = 'all'): Redis<ReplyMapping>[] {
    if (!(['all', 'master', 'slave'] as unknown[]).includes(role)) throw new Error(`Invalid role "${String(role)}". Expected "all", "master" or "slave"`);
    return this[LIFE].routing.pool.list(role) as unknown as Redis<ReplyMapping>[];
  }

  /** Calls back when the first map of the slots has arrived, or with why there is none. */
  delayUntilReady(callback: Callback): void {
    this[LIFE].delayUntilReady(callback);
  }

  /** Reads the slot map again: at once, or after the limit of two readings a second. */
  refreshSlotsCache(callback?: Callback<void>): void {
    this[LIFE].refresh(callback);
  }

  /** Sends a command to the node of its keys. Every command passes through this method, including pipelined ones, so tools can wrap it. */
  sendCommand(command: Command, pipeline?: unknown): unknown {
    if (command.name !== command.meta.name) command.meta = metaOf(command.name);
    if (hearing.instrument !== undefined) follow(hearing.instrument, command);
    const { meta } = command;
    const { routing } = this[LIFE];
    if (this.status === 'ready' && meta.hasOneKey && (meta.class & SPECIAL) === 0 && !command.inTransaction && routing.isPlain && command.args.length > 0) {
      const node = routing.readyNode(command.args[0]);
      if (node !== undefined) node.sendCommand(command, SILENT);
      else routing.send(command);
    } else routing.send(command);
    return pipeline === undefined ? command.promise : undefined;
  }

  private defaultsOf(options: ResolvedClusterOptions, former?: CommandDefaults): CommandDefaults {
    const { routing } = this[LIFE];
    return makeDefaults(this, options, former, () => new AutoPipelines(this, (command) => routing.groupOf(command), (callback) => {
      if (this.status === 'wait') this.connect().catch(noop);
      this[LIFE].delayUntilReady(callback);
    }));
  }
}
