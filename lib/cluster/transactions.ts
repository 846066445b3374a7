/**
 * Transactions go to one node as a whole. Those of pipelines are collected from MULTI to EXEC; one that is opened by hand
 * (`multi({ pipeline: false })`) stays with the node of its first key. A WATCH guards transactions on its own connection alone. So a transaction
 * whose slot is elsewhere by now, or on another connection, does not run, and its EXEC returns null, as after a change to a watched key.
 */
import { Collection } from '../command/collection';
import type { Command } from '../command/command';
import type { Redis } from '../client/redis';
import { noop } from '../client/lifecycle';
import { slotOf } from './slot';
import { shadowOf, Unit, type Manual } from './unit';

export interface TransactionHost {
  /** Sends a unit now, or when the cluster is ready. */
  send(unit: Unit): void;
  /** The node for the first command of a transaction by hand. */
  nodeFor(unit: Unit): Redis | undefined;
  /** The command does not leave its node. */
  pin(command: Command): void;
}

/** The replies of a transaction to which nothing was added. */
const LEGACY = { protocol: 2, replyMapping: 'legacy' } as const;
const SILENT = {};

const replyOf = (command: Command, text: string): string | Buffer => (command.replyEncoding ? text : Buffer.from(text));

const slotsOf = ({ commands }: Unit): number[] => commands.flatMap((command) => command.getKeys().map(slotOf));

/** The reply to a command of a transaction that does not run because its WATCH is lost. */
function answer(command: Command): void {
  const { lower } = command.meta;
  const isControl = lower === 'multi' || lower === 'discard';
  command.deliver(lower === 'exec' ? null : replyOf(command, isControl ? 'OK' : 'QUEUED'), LEGACY);
}

/** Whether it is the last command of its pipeline. */
function isLast({ batch, pipelineIndex }: Command): boolean {
  return batch instanceof Collection && pipelineIndex === batch.queue.length - 1;
}

export class Transactions {
  private manual: Manual | undefined = undefined;
  /** The commands of a pipeline's transaction so far. */
  private collected: Command[] = [];
  /** The connection that each slot's WATCH was sent on. */
  private readonly watched = new Map<number, Redis>();

  constructor(private readonly host: TransactionHost) {}

  /** Whether every command belongs to a transaction that was opened by hand. */
  get isOpen(): boolean {
    return this.manual !== undefined;
  }

  /** Whether a command belongs to a transaction and is taken over. */
  takes(command: Command): boolean {
    const { lower } = command.meta;
    if (command.batch === undefined || command.batch.isAutomatic === true) return this.takesByHand(command);
    if (this.collected.length > 0 && this.collected[0].batch !== command.batch) this.collected = [];
    if (this.collected.length === 0) {
      // MULTI by name alone does not say where its commands begin and end.
      if (lower !== 'multi' || !command.inTransaction || isLast(command)) return false;
      this.collected.push(command);
      return true;
    }
    this.collected.push(command);
    // A pipeline may end without EXEC.
    if (lower === 'exec' || lower === 'discard' || isLast(command)) {
      const commands = this.collected;
      this.collected = [];
      this.host.send(new Unit(commands));
    }
    return true;
  }

  /** MULTI is answered at once and sent with the first command that follows it, to the node of that command. */
  private takesByHand(command: Command): boolean {
    const { lower } = command.meta;
    const { manual } = this;
    if (manual === undefined) {
      if (lower !== 'multi') return false;
      this.manual = { multi: command, state: 'empty', redis: undefined };
      answer(command);
      return true;
    }
    const isEnd = lower === 'exec' || lower === 'discard';
    if (isEnd) this.manual = undefined;
    if (isEnd && manual.state === 'empty') {
      command.deliver(lower === 'exec' ? [] : replyOf(command, 'OK'), LEGACY);
      return true;
    }
    if (manual.state === 'empty') manual.state = 'waiting';
    const unit = new Unit([command]);
    unit.manual = manual;
    this.host.send(unit);
    return true;
  }

  /** Sends a command of a transaction by hand. The first one decides where all of them go. */
  sendByHand(unit: Unit, manual: Manual): void {
    const [command] = unit.commands;
    if (manual.state === 'waiting') {
      const redis = this.host.nodeFor(unit);
      manual.redis = redis;
      manual.state = redis === undefined ? 'failed' : this.isLost(unit, redis) ? 'lost' : 'open';
      if (redis !== undefined) this.release(unit, redis);
      if (redis !== undefined && manual.state === 'open') this.pinTo(redis, shadowOf(manual.multi));
    }
    if (manual.state === 'lost') return answer(command);
    if (manual.redis === undefined) return void command.deliverFailure({ code: 'E_CONN_CLOSED', node: '' });
    this.pinTo(manual.redis, command);
  }

  private pinTo(redis: Redis, command: Command): void {
    this.host.pin(command);
    redis.sendCommand(command, SILENT);
  }

  /** A unit is about to be sent to a node. False: it must not run there, and its callers have their answers. */
  admits(unit: Unit, redis: Redis): boolean {
    if (!unit.isTransaction) {
      this.follow(unit, redis);
      return true;
    }
    // It comes back from the connection that its WATCH was on.
    const isLost = unit.last.meta.isExec && (unit.isGuarded || this.isLost(unit, redis));
    unit.isGuarded = [...this.watched.values()].includes(redis);
    this.release(unit, redis);
    if (isLost) for (const command of unit.commands) if (!command.isSettled) answer(command);
    return !isLost;
  }

  private follow(unit: Unit, redis: Redis): void {
    const [command] = unit.commands;
    const { lower } = command.meta;
    if (lower === 'watch') {
      for (const key of command.getKeys()) this.watched.set(slotOf(key), redis);
    } else if (lower === 'reset') this.release(unit, redis);
    else if (lower === 'unwatch') {
      for (const other of new Set(this.watched.values())) if (other !== redis && other.status !== 'end') other.unwatch().catch(noop);
      this.watched.clear();
    }
  }

  /** Whether a WATCH for one of its slots was sent on another connection than `redis`. */
  private isLost(unit: Unit, redis: Redis): boolean {
    return this.watched.size > 0 && slotsOf(unit).some((slot) => (this.watched.get(slot) ?? redis) !== redis);
  }

  /** What ends a transaction ends every WATCH of its connection; one that is lost is told once. */
  private release(unit: Unit, redis: Redis): void {
    if (this.watched.size === 0) return;
    for (const slot of slotsOf(unit)) this.watched.delete(slot);
    for (const [slot, holder] of this.watched) if (holder === redis) this.watched.delete(slot);
  }

  end(error: Error): void {
    this.manual = undefined;
    const commands = this.collected;
    this.collected = [];
    for (const command of commands) command.deliverError(error);
  }
}
