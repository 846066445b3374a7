/** What waits for a cluster that is not ready, within the limits of a node's queue: `maxQueueCommands` and `maxQueueBytes` of `redisOptions`. */
import type { ResolvedClusterOptions } from '../options/cluster_options';
import type { ClientOptions } from '../options/options';
import type { Unit } from './unit';

export class Waiting {
  private units: Unit[] = [];
  private commands = 0;
  private bytes = 0;

  constructor(private readonly options: ResolvedClusterOptions) {}

  /** False if the queue is full. */
  add(unit: Unit): boolean {
    const { maxQueueCommands, maxQueueBytes } = (this.options.redisOptions ?? {}) as ClientOptions;
    const bytes = maxQueueBytes === undefined ? 0 : bytesOf(unit);
    if (maxQueueCommands !== undefined && this.commands + unit.commands.length > maxQueueCommands) return false;
    if (maxQueueBytes !== undefined && this.bytes + bytes > maxQueueBytes) return false;
    this.put(unit, bytes);
    return true;
  }

  /** A unit that was accepted before. */
  put(unit: Unit, bytes = 0): void {
    this.units.push(unit);
    this.commands += unit.commands.length;
    this.bytes += bytes;
  }

  take(): Unit[] {
    const { units } = this;
    this.units = [];
    this.commands = this.bytes = 0;
    return units;
  }
}

/** About what the arguments take on the wire. */
function bytesOf({ commands }: Unit): number {
  let bytes = 0;
  for (const { args } of commands) for (const arg of args) bytes += arg.length + 16;
  return bytes;
}
