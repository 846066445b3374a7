/**
 * Transactions go to one node as a whole. Those of pipelines are collected from MULTI to EXEC; one that is opened by hand
 * (`multi({ pipeline: false })`) stays with the node of its first key.
 */
import { Collection } from '../command/collection';
import type { Command } from '../command/command';
import type { Redis } from '../client/redis';
import { shadowOf, Unit } from './unit';

/** A transaction that was opened by hand. */
interface Manual {
  readonly multi: Command;
  /** The node of its first key. */
  redis: Redis | undefined;
}

export interface TransactionHost {
  send(unit: Unit): void;
  /** The node for a command of a transaction by hand. */
  nodeFor(command: Command): Redis | undefined;
  /** The command does not leave its node. */
  pin(command: Command): void;
}

/** The replies of a transaction to which nothing was added. */
const LEGACY = { protocol: 2, replyMapping: 'legacy' } as const;
const SILENT = {};

/** Whether it is the last command of its pipeline. */
function isLast({ batch, pipelineIndex }: Command): boolean {
  return batch instanceof Collection && pipelineIndex === batch.queue.length - 1;
}

export class Transactions {
  private manual: Manual | undefined = undefined;
  /** The commands of a pipeline's transaction so far. */
  private collected: Command[] = [];
  /** Nodes on which a WATCH of this client is active. */
  private readonly guarded = new WeakSet<Redis>();

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
      this.manual = { multi: command, redis: undefined };
      command.deliver(command.replyEncoding ? 'OK' : Buffer.from('OK'), LEGACY);
      return true;
    }
    const isEnd = lower === 'exec' || lower === 'discard';
    if (isEnd) this.manual = undefined;
    if (manual.redis === undefined) {
      if (isEnd) {
        command.deliver(lower === 'exec' ? [] : command.replyEncoding ? 'OK' : Buffer.from('OK'), LEGACY);
        return true;
      }
      manual.redis = this.host.nodeFor(command);
      if (manual.redis === undefined) return false;
      this.pinTo(manual.redis, shadowOf(manual.multi));
    }
    this.pinTo(manual.redis, command);
    return true;
  }

  private pinTo(redis: Redis, command: Command): void {
    this.host.pin(command);
    redis.sendCommand(command, SILENT);
  }

  /** A unit goes to this node. */
  follow(unit: Unit, redis: Redis): void {
    const [{ meta }] = unit.commands;
    if (unit.isTransaction) {
      unit.isGuarded = this.guarded.has(redis);
      this.guarded.delete(redis);
    } else if (meta.lower === 'watch') this.guarded.add(redis);
    else if (meta.lower === 'unwatch') this.guarded.delete(redis);
  }

  end(error: Error): void {
    this.manual = undefined;
    const commands = this.collected;
    this.collected = [];
    for (const command of commands) command.deliverError(error);
  }
}
