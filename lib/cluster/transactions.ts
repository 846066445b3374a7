/**
 * Transactions go to one node as a whole. Those of pipelines are collected from MULTI to EXEC; one that is opened by hand
 * (`multi({ pipeline: false })`) stays with the node of its first key.
 */
import type { Command } from '../command/command';
import type { Redis } from '../client/redis';
import { Unit } from './unit';

export class Transactions {
  /** The commands of a pipeline's transaction so far. */
  private collected: Command[] = [];
  /** Nodes on which a WATCH of this client is active. */
  private readonly guarded = new WeakSet<Redis>();

  constructor(private readonly send: (unit: Unit) => void) {}

  /** Whether a command belongs to a transaction and is taken over. */
  takes(command: Command): boolean {
    const { lower } = command.meta;
    if (command.batch === undefined || command.batch.isAutomatic === true) return false;
    if (this.collected.length > 0 && this.collected[0].batch !== command.batch) this.collected = [];
    if (this.collected.length === 0) {
      if (lower !== 'multi') return false;
      this.collected.push(command);
      return true;
    }
    this.collected.push(command);
    if (lower === 'exec' || lower === 'discard') {
      const commands = this.collected;
      this.collected = [];
      this.send(new Unit(commands));
    }
    return true;
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
    const commands = this.collected;
    this.collected = [];
    for (const command of commands) command.deliverError(error);
  }
}
