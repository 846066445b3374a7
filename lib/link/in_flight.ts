/** Commands in flight: a ring indexed by their numbers. This is a base class, so that all state touched per command is in one object. */
import { surface } from '../clock';
import type { Command } from '../command/command';
import { Encoder } from '../command/encoder';
import { ClassBit } from '../contract.generated';
import { Asking } from './asking';

/** The initial capacity. */
export const START = 16;
const NO_RING: (Command | undefined)[] = [];

const HALF = 2 ** 31;

/** XREAD blocks only with BLOCK. */
function mayBlock(command: Command): boolean {
  return (command.meta.class & ClassBit.Blocking) !== 0 && command.extractBlockingTimeout() !== null;
}

/** What waits for the outcome of all commands before the number `id`. */
interface Barrier {
  id: number;
  run: () => void;
}

export const mask32 = (n: number): number => n >>> 0;

export abstract class InFlight extends Encoder {
  /** Commands in flight, by number. */
  protected ring: (Command | undefined)[] = NO_RING;
  protected mask = -1;
  /** The number of the oldest unsettled command, and of the next command. */
  protected oldest = 0;
  protected nextId = 0;
  /** Commands that wait or are in flight, the core's own included. */
  abstract get queued(): number;
  /** What runs when commands before it have their outcome, in order. */
  protected readonly barriers: Barrier[] = [];

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

  /** @internal The oldest command without an outcome, unless it may block: the one whose reply is due next. */
  due(): Command | undefined {
    const oldest = this.ring[this.oldest & this.mask];
    return oldest === undefined || mayBlock(oldest) ? undefined : oldest;
  }

  /** @internal Whether a reply may take long. */
  isBlocked(): boolean {
    return this.ring.some((command) => command !== undefined && mayBlock(command));
  }

  /** @internal Whether replies are due that do not depend on a command that blocks. The core's own commands are among the `queued`. */
  awaitsReply(): boolean {
    if (this.queued === 0) return false;
    const oldest = this.ring[this.oldest & this.mask];
    return oldest === undefined || !mayBlock(oldest) || this.queued > this.unanswered();
  }

  private unanswered(): number {
    return this.ring.reduce((sum, command) => sum + (command === undefined ? 0 : 1), 0);
  }

  /** Callers' commands without an answer, in order. */
  pending(): Command[] {
    const commands: Command[] = [];
    for (let id = this.oldest; id !== this.nextId; id = mask32(id + 1)) {
      const command = this.ring[id & this.mask];
      if (command !== undefined && !(command instanceof Asking)) commands.push(command);
    }
    return commands;
  }

  /** Those whose first key is in the hash slot. */
  pendingIn(slot: number): Command[] {
    return this.pending().filter((command) => command.getSlot() === slot);
  }

  /**
   * Runs `run` when every command that has been issued on this link has its outcome: answered, refused, rejected or handed back. If
   * that is so already, runs it at once.
   */
  onceAnswered(run: () => void): void {
    if (this.oldest === this.nextId) run();
    else this.barriers.push({ id: this.nextId, run });
  }

  /** Runs the functions whose commands all have their outcome. */
  protected passBarriers(): void {
    // Numbers wrap around: a number less than half the range ahead has been passed.
    while (this.barriers.length > 0 && mask32(this.oldest - this.barriers[0].id) < HALF) {
      try {
        (this.barriers.shift() as Barrier).run();
      } catch (error) {
        surface(error);
      }
    }
  }
}
