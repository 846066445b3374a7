/**
 * Drives the core's part of a cluster: it hears what nodes refuse and lose, and carries out what the core decides. Commands that go where the
 * table says never come here.
 */
import { nextTick, surface } from '../clock';
import type { Command } from '../command/command';
import { LIFE } from '../command/command_defaults';
import { ClusterAction, ClusterRejection, ClusterState, Slots, TicketFlag } from '../contract.generated';
import type { Redis } from '../client/redis';
import type { CommandOwner } from '../link/link_client';
import { WakeTimer } from '../link/wake';
import { native, type NativeCluster } from '../native';
import type { Failure } from '../observe/errors';
import type { ResolvedClusterOptions } from '../options/cluster_options';
import { sendSource } from '../command/script_source';
import { noop } from '../client/lifecycle';
import { ClusterAllFailedError, nodeError, wordsOf } from './errors';
import { MapReader } from './map_reader';
import { mappedRedirect, mappedRows } from './nat';
import { type Pool } from './pool';
import { Silence } from './silence';
import { SLOTS, slotOfCommand } from './slot';
import { Unit } from './unit';

export interface RouterClient {
  readonly options: ResolvedClusterOptions;
  /** Whether commands may move to another node. If not, those that are lost fail. */
  readonly isOpen: boolean;
  onRefreshed(): void;
  onRefreshFailed(error: ClusterAllFailedError): void;
  onNodeError(error: Error, key: string): void;
  /** The slots belong to others than before. */
  onMapped(): void;
  /** Whether a unit may be sent to a node. If not, its callers have their answers. */
  admits(unit: Unit, redis: Redis): boolean;
  /** The cluster is closed: this waits for the next connection, or fails. */
  onBack(unit: Unit): void;
}

/** Errors that say something about where a command should be, and not about the command. */
const ROUTED = /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY|LOADING|MASTERDOWN)\b/;
const CLOSED: Failure = { code: 'E_CONN_CLOSED', node: '' };
/** A batch of nobody: the client makes no promise for the command that it sends. */
const SILENT = {};

export class Router {
  /** The node of each slot; from `ClusterNodeNumber.Wait` on, the core knows more. */
  readonly table: Uint16Array = new Uint16Array(SLOTS).fill(0xffff);
  /** The shard of each slot: an index into `shards`. */
  readonly shardOf: Uint16Array = new Uint16Array(SLOTS).fill(0xffff);
  /** Nodes by shard, the master first. */
  shards: number[][] = [];
  readonly unitOf = new WeakMap<Command, Unit>();
  /** Commands of transactions that were opened by hand: they stay with their node. */
  readonly pinned = new WeakSet<Command>();

  /** Where announced addresses are reached, of those that `natMap` maps. */
  announced: ReadonlyMap<string, string> = new Map();

  /** Called after the core has acted: nodes or the table may be others than before. */
  onActed: (() => void) | undefined = undefined;

  private readonly state = new Float64Array(Slots.ClusterState);
  private core: NativeCluster;
  private readonly units: (Unit | undefined)[] = [];
  private readonly free: number[] = [];
  private held = 0;
  private readonly readers = new Map<number, MapReader>();
  /** Why nodes gave no map, for the errors that tell of it. */
  private readonly failures = new Map<string, Error>();
  private readonly timer = new WakeTimer(() => {
    this.core.tick();
    this.drain();
  });
  private readonly silence: Silence;
  private isDraining = false;
  private isDue = false;

  constructor(
    private readonly client: RouterClient,
    readonly pool: Pool,
  ) {
    this.core = new native.NativeCluster(JSON.stringify(settingsOf(client.options)));
    this.silence = new Silence(pool, (node) => {
      this.core.nodeSilent(node);
      this.drain();
    });
    this.core.share(this.table, this.shardOf, this.state, (...items) => items);
  }

  // ---- connecting

  start(addresses: readonly string[]): void {
    this.silence.start();
    this.core.start(JSON.stringify(addresses));
    this.drain();
  }

  stop(): void {
    this.silence.stop();
    this.core.stop();
    this.drain();
    this.timer.stop();
  }

  refresh(): void {
    this.core.refresh();
    this.drain();
  }

  // ---- nodes

  onUp(node: number): void {
    this.core.nodeUp(node);
    this.drain();
  }

  onDown(node: number, ended: boolean): void {
    this.core.nodeDown(node, ended);
    this.drain();
  }

  ownerOf(node: number): CommandOwner {
    return {
      onRefused: (command, text) => this.onRefused(node, command, text),
      onHandedBack: (command, sent) => this.onHandedBack(node, command, sent),
      whereabouts: (command) => this.unitOf.get(command)?.whereabouts() ?? { node: this.pool.keyOf(node) ?? '', maybeExecuted: true },
    };
  }

  // ---- commands

  /** A unit whose slot has no node that takes it now. */
  route(unit: Unit): void {
    unit.limit(this.client.options.redisOptions?.commandTimeout);
    this.core.route(this.hold(unit), unit.slot);
    this.drainSoon();
  }

  sendTo(node: number, unit: Unit, asking = false): void {
    const redis = this.pool.byNumber[node];
    if (redis === undefined) {
      // It has ended, and the core is about to hear of it.
      this.backFrom(node, unit, false);
      return;
    }
    // Its caller has stopped waiting.
    if (unit.isSettled || !this.client.admits(unit, redis)) return;
    unit.leavesFor(this.pool.keyOf(node) ?? '');
    const commands = unit.toSend();
    if (!asking) {
      for (const command of commands) redis.sendCommand(command, SILENT);
      return;
    }
    const connecting = redis.status === 'wait' ? redis.connect() : undefined;
    connecting?.catch(noop);
    const { fieldsets } = redis[LIFE];
    if (fieldsets === undefined) return this.pushAsking(redis, commands);
    // A connection prepares its fieldsets before it is ready, and what is still missing before ASKING.
    (connecting ?? Promise.resolve()).catch(noop).then(() => fieldsets.preparation(commands)).then(
      () => {
        if (!unit.isSettled) this.pushAsking(redis, commands);
      },
      (error: Error) => {
        for (const command of commands) if (!command.isSettled) command.reject(error);
      },
    );
  }

  private pushAsking(redis: Redis, commands: readonly Command[]): void {
    // The other node may not know the script, and a second attempt would need another ASKING.
    for (const command of commands) if (command.script !== undefined && command.name === 'evalsha') sendSource(command, command.script);
    redis[LIFE].link?.pushAsking(commands);
  }

  /** Sends what the core has placed, with what it has noted about it. */
  private sendOn(node: number, unit: Unit, asking: boolean, trail: number): void {
    unit.trail = trail;
    this.sendTo(node, unit, asking);
  }

  private unit(command: Command): Unit {
    let unit = this.unitOf.get(command);
    if (unit === undefined) this.unitOf.set(command, (unit = new Unit([command])));
    return unit;
  }

  private onRefused(node: number, command: Command, text: string): boolean {
    if (this.pinned.has(command)) return false;
    const known = this.unitOf.get(command);
    if (known?.isTransaction === true) return this.onTransactionRefused(node, known, command, text);
    if (command.inTransaction || !ROUTED.test(text)) return false;
    return this.isTaken(node, known ?? this.unit(command), text);
  }

  /** Commands of a transaction move when EXEC was refused, all together. */
  private onTransactionRefused(node: number, unit: Unit, command: Command, text: string): boolean {
    if (command !== unit.last) {
      if (unit.isGuarded || !ROUTED.test(text)) return false;
      unit.holdRefusal(command, this.replyFailure(node, text));
      return true;
    }
    const reason = text.startsWith('EXECABORT') ? unit.firstRefusal : text;
    if (reason !== undefined && !unit.isGuarded && ROUTED.test(reason) && this.isTaken(node, unit, reason)) return true;
    unit.releaseRefusals();
    return false;
  }

  private isTaken(node: number, unit: Unit, text: string): boolean {
    unit.node = this.pool.keyOf(node) ?? '';
    const ticket = this.hold(unit);
    const mapped = mappedRedirect(this.client.options.natMap, text, unit.node);
    const isTaken = this.core.refused(ticket, node, unit.slot, text, unit.trail, unit.flags, mapped);
    if (!isTaken) this.release(ticket);
    this.drainSoon();
    return isTaken;
  }

  private onHandedBack(node: number, command: Command, sent: boolean): void {
    if (command.isSettled) return;
    if (this.pinned.has(command)) return void command.deliverFailure({ ...CLOSED, node: this.pool.keyOf(node) ?? '', maybeExecuted: sent });
    const unit = this.unit(command);
    if (sent) unit.flags |= TicketFlag.MaybeExecuted;
    if (unit.isTransaction && !unit.comesBack(command)) return;
    this.backFrom(node, unit, sent);
  }

  private backFrom(node: number, unit: Unit, sent: boolean): void {
    if (sent) unit.flags |= TicketFlag.MaybeExecuted;
    unit.node = this.pool.keyOf(node) ?? '';
    if (this.client.isOpen) {
      const ticket = this.hold(unit);
      const isTaken = this.core.handedBack(ticket, node, unit.slot, unit.trail, unit.flags);
      if (!isTaken) this.release(ticket);
      this.drainSoon();
      if (isTaken) return;
    }
    unit.fail({ ...CLOSED, node: unit.node, maybeExecuted: (unit.flags & TicketFlag.MaybeExecuted) !== 0 });
  }

  private hold(unit: Unit): number {
    unit.isHeld = true;
    const ticket = this.free.pop() ?? this.units.length;
    this.units[ticket] = unit;
    unit.ticket = ticket;
    this.held++;
    return ticket;
  }

  private release(ticket: number): Unit {
    const unit = this.units[ticket] as Unit;
    this.units[ticket] = undefined;
    unit.ticket = -1;
    this.free.push(ticket);
    this.held--;
    return unit;
  }

  private replyFailure(node: number, message: string): Failure {
    return { code: 'E_REPLY', node: this.pool.byNumber[node]?.[LIFE].link?.node ?? '', message, maybeExecuted: false };
  }

  // ---- what the core decides

  /** After all refusals of one read, so that slots which turn together wait together. */
  private drainSoon(): void {
    if (this.isDue || this.isDraining) return;
    this.isDue = true;
    nextTick(() => this.drain());
  }

  private drain(): void {
    this.isDue = false;
    // What an action leads to comes after the actions that are there.
    if (this.isDraining) return;
    this.isDraining = true;
    const acts = this.state[ClusterState.Actions] > 0;
    try {
      while (this.state[ClusterState.Actions] > 0) {
        const actions = this.core.actions();
        for (let i = 0; i < actions.length; i += Slots.ClusterAction) {
          try {
            this.act(actions[i] as ClusterAction, actions[i + 1], actions[i + 2], actions[i + 3], actions[i + 4]);
          } catch (error) {
            surface(error);
          }
        }
      }
    } finally {
      this.isDraining = false;
    }
    if (acts) this.onActed?.();
    const wakeIn = this.state[ClusterState.WakeIn];
    if (wakeIn < 0) this.timer.stop();
    // A command that waits keeps the process alive.
    else this.timer.arm(wakeIn, this.held > 0, this.state[ClusterState.WakeAt]);
  }

  private act(action: ClusterAction, a: unknown, b: unknown, c: unknown, d: unknown): void {
    const { client, pool } = this;
    switch (action) {
      case ClusterAction.Open:
        return pool.open(a as number, b as string, c === 1);
      case ClusterAction.Close:
        return pool.close(a as number);
      case ClusterAction.Role:
        return pool.setRole(a as number, b === 1);
      case ClusterAction.AskMap:
        return this.askMap(a as number, c as string, d === 1);
      case ClusterAction.DropMap:
        this.readers.get(a as number)?.abandon();
        this.readers.delete(a as number);
        return;
      case ClusterAction.Send:
        return this.sendOn(b as number, this.release(a as number), c === 1, d as number);
      case ClusterAction.Reject:
        return this.reject(this.release(a as number), b as ClusterRejection, c as string, d === 1);
      case ClusterAction.Back:
        return client.onBack(this.release(a as number));
      case ClusterAction.Fence:
        return this.fence(a as number, b as number);
      case ClusterAction.Cut:
        return pool.cut(a as number);
      case ClusterAction.Mapped:
        this.shards = this.core.groups();
        return client.onMapped();
      case ClusterAction.Refreshed:
        this.failures.clear();
        return client.onRefreshed();
      case ClusterAction.RefreshFailed:
        return client.onRefreshFailed(new ClusterAllFailedError(ClusterAllFailedError.defaultMessage, this.failureOf(b as string, a as string)));
      case ClusterAction.NodeError:
        return client.onNodeError(this.failureOf(b as string, c as string), b as string);
    }
  }

  private reject(unit: Unit, reason: ClusterRejection, text: string, maybeExecuted: boolean): void {
    const isProtocol = reason === ClusterRejection.Protocol;
    unit.fail({
      code: isProtocol ? 'E_PROTOCOL' : 'E_REDIRECTIONS',
      message: isProtocol ? text : `Too many Cluster redirections. Last error: ${text}`,
      said: isProtocol ? wordsOf(text) : text,
      node: unit.node, maybeExecuted,
    });
  }

  /** Tells the core when everything that a node's connection has taken so far has its outcome. */
  private fence(fence: number, node: number): void {
    const link = this.pool.byNumber[node]?.[LIFE].link;
    const pending = link?.pending() ?? [];
    const slots = new Set<number>();
    for (const command of pending) {
      const slot = this.unitOf.get(command)?.slot ?? slotOfCommand(command);
      if (slot >= 0) slots.add(slot);
    }
    // A node that leaves also waits for commands without a slot.
    if (link === undefined || pending.length === 0) return this.core.answered(fence);
    this.core.pending(fence, Uint16Array.from(slots));
    link.onceAnswered(() => {
      this.core.answered(fence);
      this.drain();
    });
  }

  // ---- maps

  private askMap(request: number, key: string, asksEpoch: boolean): void {
    const reader = new MapReader(this.pool.optionsOf(key, false));
    this.readers.set(request, reader);
    reader.read(asksEpoch).then(
      ({ rows, epoch }) => {
        if (!this.readers.delete(request)) return;
        const { natMap } = this.client.options;
        if (natMap !== undefined) this.announced = mappedRows(natMap, rows, key);
        this.core.mapReceived(request, JSON.stringify(rows), epoch, natMap === undefined ? '' : JSON.stringify(Object.fromEntries(this.announced)));
        this.drain();
      },
      (error: Error) => {
        if (!this.readers.delete(request)) return;
        this.failures.set(key, error);
        this.core.mapFailed(request, error.message);
        this.drain();
      },
    );
  }

  private failureOf(key: string, text: string): Error {
    const known = this.failures.get(key);
    return known?.message === text ? known : nodeError(text);
  }
}

function settingsOf(options: ResolvedClusterOptions): Record<string, number> {
  const settings: Record<string, number> = {};
  for (const name of ['maxRedirections', 'retryDelayOnMoved', 'retryDelayOnFailover', 'retryDelayOnClusterDown', 'retryDelayOnTryAgain', 'slotsRefreshTimeout', 'slotsRefreshInterval']) {
    const value = options[name];
    if (typeof value === 'number') settings[name] = value;
  }
  return settings;
}
