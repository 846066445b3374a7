/** Commands in flight: a ring indexed by their numbers. What is touched per command lies in one object, so this is a base class. */
import type { Command } from '../command/command';
import { Encoder } from '../command/encoder';
import { ClassBit } from '../contract.generated';

/** Commands that there is room for at first. */
export const START = 16;
const NO_RING: (Command | undefined)[] = [];

export const mask32 = (n: number): number => n >>> 0;

export abstract class InFlight extends Encoder {
  /** Commands in flight, by number. */
  protected ring: (Command | undefined)[] = NO_RING;
  protected mask = -1;
  /** The number of the oldest command that is not settled, and of the next one. */
  protected oldest = 0;
  protected nextId = 0;

  /** Room for the first commands. */
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

  /** @internal Whether a reply may be a long time coming. */
  isBlocked(): boolean {
    return this.ring.some((command) => command !== undefined && (command.meta.class & ClassBit.Blocking) !== 0);
  }

  /** Callers' commands that are not answered, in their order. */
  pending(): Command[] {
    const commands: Command[] = [];
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) {
      const command = this.ring[id & this.mask];
      if (command !== undefined) commands.push(command);
    }
    return commands;
  }
}
