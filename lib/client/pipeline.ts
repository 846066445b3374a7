/**
 * A pipeline collects commands and sends them in one write; a transaction is one that starts with MULTI. Commands of a pipeline have no promise
 * unless somebody reads it: the pipeline takes their outcomes by index.
 */
import { callBack, Command, type Batch, type Callback, type CommandOptions } from './command';
import { defineCommand, installCommands, STACKS, type CommandTarget, type Detours, type ScriptDefinition } from './commander';
import type { RedisCommander } from './commands';
import { decoded } from './decoded';
import type { ResolvedOptions } from './options';
import type { Script } from './script';
import { traceBatch, type Place } from './tracing';

/** One command's outcome: `[null, reply]`, or `[error]`, which reads as `[error, undefined]`. */
export type Outcome = [error: Error | null, result: unknown];

/** What a pipeline is made on. */
interface Client extends CommandTarget {
  addedBuiltinSet: Set<string>;
  /** @internal */ readonly resolved: ResolvedOptions;
  /** @internal */ place(): Place;
  sendCommand(command: Command, pipeline?: Pipeline): unknown;
}

const noop = (): void => {};

const SPENT = 'Pipeline cannot be used to send any commands when the `exec()` has been called on it.';

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export interface Pipeline extends RedisCommander<{ type: 'pipeline'; mapping: 'resp2' }> {}

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export class Pipeline implements CommandTarget, Batch {
  readonly isPipeline = true;
  readonly options: ResolvedOptions;
  readonly scriptsSet: Record<string, Script>;
  /** @internal */ readonly utf8Options: CommandOptions;
  /** @internal */ readonly bufferOptions: CommandOptions;
  /** @internal */ readonly detours: Detours | undefined;
  readonly isCluster = false;
  private settledBy: Promise<Outcome[]> | undefined = undefined;
  private queue: Command[] = [];
  private outcomes: Outcome[] = [];
  private missing = 0;
  /** MULTIs that have no EXEC yet. */
  private openTransactions = 0;
  private finish: (outcomes: Outcome[]) => void = noop;
  /** Whether a command of the transaction at hand wants Buffers: then EXEC brings all of it as Buffers, and the others are decoded here. */
  private wantsBuffers = false;
  private isSpent = false;

  constructor(
    readonly redis: Client,
    /** Whether it is a transaction of its own: `exec` sends EXEC and resolves what that replies. */
    private readonly isTransaction: boolean = false,
  ) {
    this.options = redis.resolved;
    this.scriptsSet = redis.scriptsSet;
    this.utf8Options = redis.utf8Options;
    this.bufferOptions = redis.bufferOptions;
    this.detours = redis.detours?.keepsStacks === true ? STACKS : undefined;
    const own = this as unknown as Record<string, unknown>;
    for (const name of [...Object.keys(this.scriptsSet), ...redis.addedBuiltinSet]) {
      own[name] = (redis as unknown as Record<string, unknown>)[name];
      own[`${name}Buffer`] = (redis as unknown as Record<string, unknown>)[`${name}Buffer`];
    }
    if (isTransaction) this.multi();
  }

  /** Resolves the outcomes of all commands, those of a transaction's MULTI and EXEC included, once `exec` has been called. */
  get promise(): Promise<Outcome[]> {
    return (this.settledBy ??= new Promise((resolve) => (this.finish = resolve)));
  }

  /** How many commands there are. */
  get length(): number {
    return this.queue.length;
  }

  /** Appends `[[name, ...args], ...]`. */
  addBatch(commands: readonly (readonly unknown[])[]): this {
    const own = this as unknown as Record<string, unknown>;
    for (const [name, ...args] of commands) {
      // What is no method is a TypeError, as in ioredis: a list of commands from outside must not reach the server unseen.
      (own[String(name)] as (...args: unknown[]) => unknown).apply(this, args);
    }
    return this;
  }

  /** Makes a Lua script a method of this pipeline. */
  defineCommand(name: string, definition: ScriptDefinition): void {
    defineCommand(this, name, definition);
  }

  /** Adds a command. */
  sendCommand(command: Command): this {
    if (this.isSpent) throw new Error(SPENT);
    command.pipelineIndex = this.queue.length;
    command.inTransaction = this.openTransactions > 0;
    if (command.inTransaction && !command.replyEncoding) this.wantsBuffers = true;
    this.queue.push(command);
    return this;
  }

  /** Adds MULTI; `exec` then adds EXEC. */
  multi(): this {
    this.openTransactions++;
    return this.sendCommand(new Command('multi', [], this.utf8Options));
  }

  private closeTransaction(): void {
    this.openTransactions--;
    this.sendCommand(new Command('exec', [], this.wantsBuffers ? this.bufferOptions : this.utf8Options));
    this.wantsBuffers = false;
  }

  /**
   * Sends what was collected and resolves `[[error, reply], ...]`, also where commands fail. A transaction resolves the outcomes of its commands,
   * or null when a WATCH aborted it, and rejects when EXEC was refused. Within an open inner MULTI: adds its EXEC.
   */
  exec(callback?: Callback<Outcome[] | null>): Promise<Outcome[] | null> {
    // Nothing is sent twice; as in ioredis, a second call resolves what was answered, MULTI and EXEC included.
    if (this.isSpent) return withCallback(this.promise, callback);
    if (this.openTransactions > 0) {
      this.closeTransaction();
      if (!this.isTransaction) return this as unknown as Promise<Outcome[] | null>;
    }
    if (!this.isTransaction) {
      this.send();
      return withCallback(this.promise, callback);
    }
    const run = (): Promise<Outcome[] | null> => {
      this.send();
      return this.promise.then(unwrapTransaction);
    };
    // MULTI and EXEC are not the user's.
    return withCallback(traceBatch(run, Math.max(this.queue.length - 2, 0), () => this.redis.place()), callback);
  }

  /** @deprecated Use `exec`: commands say themselves whether they want Buffers. */
  execBuffer(callback?: Callback<Outcome[] | null>): Promise<Outcome[] | null> {
    if (this.isTransaction || this.openTransactions > 0) return this.exec(callback);
    return this.sendCommand(new Command('exec', [], this.bufferOptions, callback as Callback)) as unknown as Promise<Outcome[] | null>;
  }

  private send(): void {
    const { queue } = this;
    void this.promise;
    if (queue.length === 0) return this.finish([]);
    this.isSpent = true;
    this.outcomes = new Array<Outcome>(queue.length);
    this.missing = queue.length;
    for (const command of queue) {
      command.batch = this;
      this.redis.sendCommand(command, this);
    }
  }

  /** @internal The outcome of command `index`. */
  put(index: number, outcome: Outcome): void {
    const [error, reply] = outcome;
    if (error === null && Array.isArray(reply) && this.queue[index]?.meta.lower === 'exec') this.transform(index, reply);
    this.outcomes[index] = outcome;
    if (--this.missing === 0) this.finish(this.outcomes);
  }

  /** The items of an EXEC are the replies of the commands before it. */
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

installCommands(Pipeline.prototype);

/** Replies of an EXEC as pairs. */
export function pairsOf(replies: unknown): Outcome[] | null {
  if (!Array.isArray(replies)) return null;
  return replies.map((reply: unknown): Outcome => (reply instanceof Error ? ([reply] as unknown as Outcome) : [null, reply]));
}

function unwrapTransaction(outcomes: Outcome[]): Outcome[] | null {
  const [error, replies] = outcomes[outcomes.length - 1];
  if (!error) return pairsOf(replies);
  const previousErrors = outcomes.slice(0, -1).flatMap(([previous]) => (previous ? [previous] : []));
  throw Object.assign(error, { previousErrors });
}

function withCallback<T>(promise: Promise<T>, callback: Callback<T> | undefined): Promise<T> {
  return callback === undefined ? promise : callBack(promise, callback as Callback);
}
