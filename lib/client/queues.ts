/**
 * `commandQueue` and `offlineQueue` as others read them: how many commands wait, and which. The commands themselves are the link's; these are
 * views, made when somebody looks.
 */
import type { Command } from '../command/command';

/** As ioredis keeps it. */
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

  /** The one at `index`, from the end where it is negative. */
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
