/**
 * Outcomes on their way to the callers, in the order of the commands. An error is expensive to make: many are made in portions, between which the
 * event loop turns.
 */
import { setImmediate, surface } from '../clock';
import type { Command } from '../command/command';
import { afterFailure } from '../command/failure';
import type { Failure } from '../observe/errors';
import type { ReplyContext } from '../command/table';

/** Errors of one turn of the event loop: a few milliseconds. */
const PORTION = 256;

export type Context = Omit<ReplyContext, 'commandName'>;

interface Outcome {
  command: Command;
  reply: unknown;
  failure: Failure | undefined;
  /** The server's error, which has its place among its replies. */
  isReply: boolean;
}

export class Delivery {
  private queue: Outcome[] = [];
  private next = 0;
  /** Errors that this turn may still make. */
  private left = PORTION;
  private isRunning = false;

  constructor(private readonly context: () => Context) {}

  /** Whether outcomes wait. Later ones then wait behind them. */
  get isBehind(): boolean {
    return this.isRunning;
  }

  /** A reply. `run` delivers it. */
  addReply(command: Command, reply: unknown): void {
    this.queue.push({ command, reply, failure: undefined, isReply: true });
  }

  /** The server's error. `run` delivers it. */
  addError(command: Command, failure: Failure): void {
    this.queue.push({ command, reply: undefined, failure, isReply: true });
  }

  /** The link has given the command up. */
  reject(command: Command, failure: Failure): void {
    this.queue.push({ command, reply: undefined, failure, isReply: false });
    this.run();
  }

  /** Delivers the added outcomes, unless that is under way. */
  run(): void {
    if (!this.isRunning) this.deliver();
  }

  private deliver(): void {
    this.isRunning = true;
    let isTold = false;
    while (this.next < this.queue.length) {
      const outcome = this.queue[this.next];
      // A caller hears of an error some turns after it is told, and replies behind it wait for that.
      if (isTold && outcome.isReply) return afterFailure(() => this.deliver());
      if (outcome.failure !== undefined && --this.left < 0) return this.goOnLater();
      this.next++;
      isTold = this.deliverOne(outcome) || isTold;
    }
    this.queue = [];
    this.next = 0;
    this.isRunning = false;
  }

  private goOnLater(): void {
    setImmediate(() => {
      this.left = PORTION;
      this.deliver();
    });
  }

  /** True if its caller hears of it later. */
  private deliverOne({ command, reply, failure }: Outcome): boolean {
    try {
      if (failure !== undefined) return command.deliverFailure(failure);
      command.deliver(reply, this.context());
    } catch (error) {
      surface(error);
    }
    return false;
  }
}
