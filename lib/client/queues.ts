/**
 * `commandQueue` and `offlineQueue`: how many commands wait, and which. The link owns the commands; these are views, made on access.
 */
import type { Command } from '../command/command';

/** An item of ioredis's queues. */
export interface QueuedCommand {
  command: Command;
}

export class CommandQueue {
  constructor(private readonly pending: () => Command[]) {}

  get length(): number {
    return this.pending().length;
  }

  isEmpty(): boolean {
    return this.length === 0;
  }

  toArray(): QueuedCommand[] {
    return this.pending().map((command) => ({ command }));
  }

  /** The item at `index`; a negative index counts from the end. */
  peekAt(index: number): QueuedCommand | undefined {
    return this.toArray().at(index);
  }

  peekFront(): QueuedCommand | undefined {
    return this.peekAt(0);
  }

  peekBack(): QueuedCommand | undefined {
    return this.peekAt(-1);
  }
}
