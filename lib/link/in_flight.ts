/** Commands in flight: a ring indexed by their numbers. This is a base class, so that all state touched per command is in one object. */
import type { Command } from '../command/command';
import { Encoder } from '../command/encoder';
import { ClassBit } from '../contract.generated';

/** The initial capacity. */
export const START = 16;
const NO_RING: (Command | undefined)[] = [];

export const mask32 = (n: number): number => n >>> 0;

export abstract class InFlight extends Encoder {
  /** Commands in flight, by number. */
  protected ring: (Command | undefined)[] = NO_RING;
  protected mask = -1;
  /** The number of the oldest unsettled command, and of the next command. */
  protected oldest = 0;
  protected nextId = 0;

  /** Allocates the initial capacity. */
  protected openRing(): void {
    this.ring = new Array<Command | undefined>(START).fill(undefined);
    this.mask = START - 1;
  }

  protected growRing(): void {
    const ring = this.ring;
    const bigger = new Array<Command | undefined>(ring.length * 2).fill(undefined);
    const mask = bigger.length - 1;
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) bigger[id & mask] = ring[id & this.mask];
    this.ring = bigger;
    this.mask = mask;
  }

  protected takeOut(id: number): Command | undefined {
    const command = this.ring[id & this.mask];
    this.ring[id & this.mask] = undefined;
    return command;
  }

  protected advance(): void {
    while (this.oldest !== this.nextId && this.ring[this.oldest & this.mask] === undefined) this.oldest = mask32(this.oldest + 1);
  }

  /** @internal Whether a reply may take long. */
  isBlocked(): boolean {
    return this.ring.some((command) => command !== undefined && (command.meta.class & ClassBit.Blocking) !== 0);
  }

  /** Callers' commands without an answer, in order. */
  pending(): Command[] {
    const commands: Command[] = [];
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) {
      const command = this.ring[id & this.mask];
      if (command !== undefined) commands.push(command);
    }
    return commands;
  }
}
