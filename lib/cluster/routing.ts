/**
 * Where commands go: by the slot of their keys and by `scaleReads` to a node, to the connections for subscriptions, or into the queue of a
 * cluster that is not ready. What nodes refuse or lose is the `Router`'s.
 */
import { CONNECTION_CLOSED_ERROR_MSG, AbortError, type Failure } from '../observe/errors';
import { ClusterNodeNumber, TicketFlag } from '../contract.generated';
import { Collection } from '../command/collection';
import { Command } from '../command/command';
import { isFieldsetControl } from '../command/fieldsets';
import type { Redis } from '../client/redis';
import type { ClusterStatus, NodeRole, ResolvedClusterOptions } from '../options/cluster_options';
import type { ClusterAllFailedError } from './errors';
import { oneOf, Pool } from './pool';
import { Router } from './router';
import { ShardSubscribers } from './shard_subscribers';
import { SLOTS, slotOf, slotOfCommand } from './slot';
import { keyOf, type NodeOptions } from './startup';
import { Subscriber } from './subscriber';
import { Transactions } from './transactions';
import { Unit } from './unit';
import { Waiting } from './waiting';

export interface RoutingClient {
  readonly options: ResolvedClusterOptions;
  readonly status: ClusterStatus;
  readonly isClosingByHand: boolean;
  emit(event: string, ...args: unknown[]): void;
  connectLazily(): void;
  onRefreshed(): void;
  onRefreshFailed(error: ClusterAllFailedError): void;
  onDrained(): void;
}

/** From this value on, the table names no node. */
const FIRST_SPECIAL: number = ClusterNodeNumber.Wait;
/** Unlike a promise, a batch asks nothing of the node's client. */
const SILENT = {};

export class Routing {
  readonly pool: Pool;
  readonly router: Router;
  readonly subscriber: Subscriber;
  readonly shards: ShardSubscribers;
  private readonly transactions: Transactions;
  /** Commands of a cluster that is not ready. */
  private readonly waiting: Waiting;
  private slotsView: string[][] | undefined = [];
  private readonly hasPlainOptions: boolean;

  constructor(private readonly client: RoutingClient) {
    const { options } = client;
    this.waiting = new Waiting(options);
    this.hasPlainOptions = options.scaleReads === 'master' && Boolean(options.enableOfflineQueue);
    this.pool = new Pool(options, {
      onAdded: (redis) => {
        client.emit('+node', redis);
        this.subscriber.onNode();
      },
      onRemoved: (redis, key) => {
        this.subscriber.onNodeGone(key);
        client.emit('-node', redis, key);
        if (this.pool.size === 0) client.onDrained();
      },
      onUp: (node) => this.router.onUp(node),
      onDown: (node, ended) => {
        // Nothing is opened again while everything is closed.
        if (!client.isClosingByHand) this.router.onDown(node, ended);
      },
      onError: (error, key) => client.emit('node error', error, key),
      ownerOf: (node) => this.router.ownerOf(node),
    });
    this.router = new Router(
      {
        options,
        get isOpen() {
          return !client.isClosingByHand;
        },
        onRefreshed: () => client.onRefreshed(),
        onRefreshFailed: (error) => client.onRefreshFailed(error),
        onNodeError: (error, key) => client.emit('node error', error, key),
        onMapped: () => this.onMapped(),
        admits: (unit, redis) => this.transactions.admits(unit, redis),
        onBack: (unit) => this.onBack(unit),
      },
      this.pool,
    );
    const host = {
      sample: (former?: string) => this.pool.sample('all', former === undefined ? undefined : this.pool.get(former)) ?? this.pool.sample('all'),
      keyOf: (redis: Redis) => keyOf(redis.options),
      emit: (event: string, ...args: unknown[]) => client.emit(event, ...args),
    };
    this.subscriber = new Subscriber(host);
    this.shards = new ShardSubscribers({
      ...host,
      masterOf: (slot) => this.masterOf(slot),
      masters: () => this.masters(),
      refresh: () => this.router.refresh(),
      options,
    });
    this.transactions = new Transactions({
      send: (unit) => this.sendUnit(unit),
      // A transaction that begins with a read may go on with a write, and a slot that is on its way has no entry in the table.
      nodeFor: ({ slot }) => (slot < 0 ? (this.pool.sample('master') ?? this.pool.sample('all')) : (this.pool.byNumber[this.router.table[slot]] ?? this.masterOf(slot))),
      pin: (command) => this.router.pinned.add(command),
    });
  }

  // ---- connecting

  start(nodes: readonly NodeOptions[]): void {
    this.pool.specify(nodes);
    this.router.start(nodes.map(keyOf));
    this.subscriber.start();
    this.shards.start();
  }

  /** Closes the connections for subscriptions; the subscriptions are kept for the next ones. */
  stopSubscribers(): void {
    this.subscriber.stop();
    this.shards.stop();
  }

  /** Closes all connections. */
  stop(): void {
    this.stopSubscribers();
    this.router.stop();
  }

  /** There will be no connection any more. */
  end(error: Error): void {
    this.failWaiting({ code: 'E_CONN_CLOSED', node: '', message: error.message });
    this.transactions.end(error);
  }

  /** Gives up what waits for a connection; commands that come later wait again. */
  failWaiting(failure: Failure): void {
    for (const unit of this.waiting.take()) fail(unit, failure);
  }

  /** Sends a command without a key to the node of a slot. */
  sendToSlot(command: Command, slot: number): void {
    const unit = new Unit([command], slot);
    this.router.unitOf.set(command, unit);
    this.sendUnit(unit);
  }

  /** The cluster is ready. */
  sendWaiting(): void {
    for (const unit of this.waiting.take()) this.sendUnit(unit);
  }

  // ---- the map

  /** Whether the nodes of the slots are known. */
  get hasMap(): boolean {
    return this.router.shards.length > 0;
  }

  /** The nodes of each slot, `['host:port', ...]`, master first. Empty before the first map. */
  get slots(): string[][] {
    return (this.slotsView ??= this.viewOfSlots());
  }

  private viewOfSlots(): string[][] {
    const { shards, shardOf } = this.router;
    const keys = shards.map((nodes) => nodes.flatMap((node) => this.pool.keyOf(node) ?? []));
    const view: string[][] = [];
    for (let slot = 0; slot < SLOTS; slot++) if (shardOf[slot] < keys.length) view[slot] = keys[shardOf[slot]];
    return view;
  }

  private onMapped(): void {
    this.slotsView = undefined;
    this.shards.onMapped();
  }

  private masterOf(slot: number): Redis | undefined {
    const [master] = this.router.shards[this.router.shardOf[slot]] ?? [];
    return master === undefined ? undefined : this.pool.byNumber[master];
  }

  private masters(): Redis[] {
    return this.router.shards.flatMap(([master]) => this.pool.byNumber[master] ?? []);
  }

  anyNode(): Redis | undefined {
    return this.pool.sample('all');
  }

  // ---- commands

  /** Whether commands go to masters alone, and need not wait for a connection. */
  get isPlain(): boolean {
    return this.hasPlainOptions && !this.transactions.isOpen;
  }

  /** Commands of one group share an automatic pipeline. Undefined before the first map. */
  groupOf(command: Command): number | undefined {
    if (!this.hasMap) return undefined;
    const slot = slotOfCommand(command);
    const shard = slot < 0 ? 0xffff : this.router.shardOf[slot];
    const isSeparate = this.client.options.scaleReads !== 'master' && (command.meta.isReadOnly || command.isReadOnly === true);
    return 2 * shard + (isSeparate ? 1 : 0);
  }

  /** The node of a slot that takes every command now. */
  readyNode(key: string | Buffer): Redis | undefined {
    return this.pool.byNumber[this.router.table[slotOf(key)]];
  }

  /** Sends a command, or queues or refuses it. */
  send(command: Command): void {
    if (this.client.status === 'wait') this.client.connectLazily();
    if (this.client.status === 'end') return command.reject(new Error(CONNECTION_CLOSED_ERROR_MSG));
    if (this.transactions.takes(command)) return;
    if (command.batch === undefined && this.client.status === 'ready' && isFieldsetControl(command)) return this.sendToMasters(command);
    this.sendUnit(new Unit([command], slotInBatch(command)));
  }

  /** Fieldsets are state of a connection, and any master may be the next one. The reply is the first master's. */
  private sendToMasters(command: Command): void {
    const { name, args, replyEncoding } = command;
    const options = { replyEncoding: replyEncoding ?? null };
    const replies = this.pool.list('master').map((redis) => redis.sendCommand(new Command(name, args, options)) as Promise<unknown>);
    Promise.all(replies).then(
      ([first]) => command.resolve(first),
      (error: Error) => command.reject(error),
    );
  }

  private sendUnit(unit: Unit): void {
    // Its caller has stopped waiting.
    if (unit.isSettled) return;
    const [command] = unit.commands;
    const { status, options } = this.client;
    if (unit.isTransaction) for (const part of unit.commands) this.router.unitOf.set(part, unit);
    const isCluster = command.meta.lower === 'cluster';
    if (status !== 'ready' && !(isCluster && this.pool.size > 0)) return this.wait(unit);
    if (unit.manual !== undefined) return this.transactions.sendByHand(unit, unit.manual);
    if (isSubscription(command)) return this.subscribe(command, unit);
    const { slot } = unit;
    if (slot >= 0 && this.router.table[slot] >= FIRST_SPECIAL && status === 'ready') {
      this.router.unitOf.set(command, unit);
      return this.router.route(unit);
    }
    let redis: Redis | undefined;
    try {
      redis = this.choose(unit);
    } catch (thrown) {
      // `scaleReads` has. Others that are sent with it have nothing to do with that.
      return unit.reject(thrown as Error);
    }
    if (redis === undefined) return slot >= 0 && status === 'ready' ? this.router.sendTo(this.router.table[slot], unit) : this.wait(unit);
    if (!options.enableOfflineQueue && redis.status !== 'ready' && redis.status !== 'wait') {
      return unit.fail({ code: 'E_CONN_CLOSED', node: keyOf(redis.options), message: CONNECTION_CLOSED_ERROR_MSG });
    }
    if (!this.transactions.admits(unit, redis)) return;
    if (unit.isHeld) unit.leavesFor(keyOf(redis.options));
    for (const part of unit.toSend()) redis.sendCommand(part, SILENT);
  }

  private wait(unit: Unit): void {
    unit.isHeld = true;
    unit.limit(this.client.options.redisOptions?.commandTimeout);
    if (this.client.options.enableOfflineQueue) {
      if (!this.waiting.add(unit)) unit.fail({ code: 'E_QUEUE_FULL', node: '' });
    } else unit.fail({ code: 'E_OFFLINE', node: '', message: "Cluster isn't ready and enableOfflineQueue options is false" });
  }

  /** The cluster has closed before the command was answered. */
  private onBack(unit: Unit): void {
    if (this.client.isClosingByHand) return fail(unit, { code: 'E_ABORTED', node: unit.node, message: 'Cluster is ended.' });
    this.waiting.put(unit);
  }

  private choose(unit: Unit): Redis | undefined {
    const { scaleReads } = this.client.options;
    const isRead = unit.isRead && scaleReads !== 'master';
    if (unit.slot < 0) {
      const role = isRead && typeof scaleReads !== 'function' ? scaleReads : isRead ? 'all' : 'master';
      return this.pool.sample(role) ?? this.pool.sample('all');
    }
    return isRead ? this.chooseReader(unit, scaleReads) : this.pool.byNumber[this.router.table[unit.slot]];
  }

  private chooseReader(unit: Unit, scaleReads: NodeRole | ((nodes: unknown[], command: unknown) => unknown)): Redis | undefined {
    const nodes = (this.router.shards[this.router.shardOf[unit.slot]] ?? []).map((node) => this.pool.byNumber[node]);
    if (typeof scaleReads === 'function') {
      const chosen = scaleReads(nodes, unit.commands[0]);
      const redis = ((Array.isArray(chosen) ? oneOf(chosen) : chosen) as Redis | null | undefined) ?? nodes[0];
      if (redis !== undefined && typeof (redis as Partial<Redis>).sendCommand !== 'function') throw new TypeError('scaleReads must return one of the nodes it was given, or a list of them');
      return redis;
    }
    const usable = nodes.filter((redis) => redis !== undefined);
    return (scaleReads === 'slave' && nodes.length > 1 ? oneOf(usable.filter((redis) => redis !== nodes[0])) : oneOf(usable)) ?? nodes[0];
  }

  private subscribe(command: Command, unit: Unit): void {
    const isSharded = command.meta.lower === 'ssubscribe' || command.meta.lower === 'sunsubscribe';
    const redis = isSharded ? this.shards.take(command, unit.slot) : this.subscriber.take(command);
    if (redis instanceof Error) return command.reject(redis);
    if (redis === undefined) return command.reject(new AbortError('No subscriber for the cluster'));
    redis.sendCommand(command, SILENT);
  }
}

/** Tells the callers of a unit, and whether a node may have run it. */
function fail(unit: Unit, failure: Failure): void {
  unit.fail({ ...failure, maybeExecuted: (unit.flags & TicketFlag.MaybeExecuted) !== 0 });
}

/** The slot of the first key of a pipeline; -1 if it has none. */
const slotOfBatch = new WeakMap<Collection, number>();

/** A command of a pipeline without a key goes where the pipeline's first key is. */
function slotInBatch(command: Command): number | undefined {
  const { batch } = command;
  if (!(batch instanceof Collection)) return undefined;
  const own = slotOfCommand(command);
  if (own >= 0) return own;
  let slot = slotOfBatch.get(batch);
  if (slot === undefined) {
    const first = batch.queue.find((other) => slotOfCommand(other) >= 0);
    slotOfBatch.set(batch, (slot = first === undefined ? -1 : slotOfCommand(first)));
  }
  return slot;
}

function isSubscription({ meta }: Command): boolean {
  return Command.checkFlag('ENTER_SUBSCRIBER_MODE', meta.lower) || Command.checkFlag('EXIT_SUBSCRIBER_MODE', meta.lower);
}
