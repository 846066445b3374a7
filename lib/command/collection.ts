/**
 * The commands of a pipeline and their outcomes. A command's promise is made only when somebody reads it; the pipeline collects outcomes
 * by index.
 */
import type { Batch } from './batch';
import { Command } from './command';
import type { CommandDefaults } from './command_defaults';
import { decoded } from './decoded';

/** The outcome of one command: `[null, reply]`, or `[error]`, which destructures as `[error, undefined]`. */
export type Outcome = [error: Error | null, result: unknown];

interface Client {
  sendCommand(command: Command, pipeline: object): unknown;
}

const noop = (): void => {};

const SPENT = 'Pipeline cannot be used to send any commands when the `exec()` has been called on it.';

export class Collection implements Batch {
  readonly queue: Command[] = [];
  /** Whether the commands have been sent. */
  isSpent = false;
  /** The number of MULTIs without an EXEC. */
  openTransactions = 0;
  private settledBy: Promise<Outcome[]> | undefined = undefined;
  private outcomes: Outcome[] = [];
  private missing = 0;
  private finish: (outcomes: Outcome[] | Promise<Outcome[]>) => void = noop;
  /**
   * Whether a command of the open transaction wants Buffers. If so, EXEC returns all replies as Buffers, and `transform` decodes those of
   * the other commands.
   */
  private wantsBuffers = false;

  constructor(readonly isTransaction: boolean) {}

  get promise(): Promise<Outcome[]> {
    return (this.settledBy ??= new Promise((resolve) => (this.finish = resolve)));
  }

  add(command: Command): void {
    if (this.isSpent) throw new Error(SPENT);
    command.pipelineIndex = this.queue.length;
    command.inTransaction = this.openTransactions > 0;
    if (command.inTransaction && !command.replyEncoding) this.wantsBuffers = true;
    this.queue.push(command);
  }

  closeTransaction({ utf8, buffers }: CommandDefaults): void {
    this.openTransactions--;
    this.add(new Command('exec', [], this.wantsBuffers ? buffers : utf8));
    this.wantsBuffers = false;
  }

  /** Sends all commands, after `preparation` if there is one. Resolves with their outcomes; rejects with the preparation's error. */
  send(client: Client, preparation?: Promise<void>): Promise<Outcome[]> {
    const { queue, promise } = this;
    if (preparation !== undefined) {
      this.isSpent = true;
      preparation.then(() => this.send(client)).catch((error: unknown) => this.finish(Promise.reject(error as Error)));
      return promise;
    }
    if (queue.length === 0) {
      this.finish([]);
      return promise;
    }
    this.isSpent = true;
    this.outcomes = new Array<Outcome>(queue.length);
    this.missing = queue.length;
    for (const command of queue) {
      command.batch = this;
      client.sendCommand(command, this);
    }
    return promise;
  }

  /** Stores the outcome of command `index`. */
  put(index: number, outcome: Outcome): void {
    const [error, reply] = outcome;
    if (error === null && Array.isArray(reply) && this.queue[index]?.meta.lower === 'exec') this.transform(index, reply);
    this.outcomes[index] = outcome;
    if (--this.missing === 0) this.finish(this.outcomes);
  }

  /** Transforms the items of an EXEC reply, which are the replies to the commands before it. */
  private transform(index: number, replies: unknown[]): void {
    const areBuffers = !this.queue[index]?.replyEncoding;
    for (let i = 0; i < replies.length; i++) {
      const command = this.queue[index - (replies.length - i)];
      if (command === undefined || replies[i] instanceof Error) continue;
      try {
        const reply = areBuffers && command.replyEncoding ? decoded(replies[i]) : replies[i];
        replies[i] = command.transformReply(reply);
      } catch (error) {
        replies[i] = error;
      }
    }
  }
}
