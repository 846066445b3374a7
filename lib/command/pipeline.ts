/**
 * A pipeline collects commands and sends them in one write. A transaction is a pipeline that starts with MULTI. A command's promise is
 * made only when somebody reads it; the pipeline collects outcomes by index.
 */
import { callBack, type Callback } from './callback';
import { Command } from './command';
import { DEFAULTS, LIFE, type CommandDefaults } from './command_defaults';
import { defineCommand, installCommands, type CommandTarget, type ScriptDefinition } from './commander';
import type { RedisCommander } from './commands';
import { Collection, type Outcome } from './collection';
import { followBatch } from './followed';
import type { Fieldsets } from './fieldsets';
import type { Script } from './script';
import type { TargetOptions } from './target_options';
import { hearing } from '../observe/instrument';
import { traceBatch, type Place } from '../observe/tracing';

export type { Outcome };

/** What a pipeline asks of its client's state. */
export interface PipelineHost {
  readonly options: TargetOptions;
  place(): Place;
  readonly fieldsets?: Fieldsets | undefined;
  /** A cluster checks the keys, and waits until it knows the nodes. Rejects if the pipeline cannot be sent. */
  whenSendable?(commands: readonly Command[]): Promise<void> | undefined;
}

/** The client that a pipeline belongs to. */
interface Client extends CommandTarget {
  addedBuiltinSet: Set<string>;
  /** @internal */ readonly [LIFE]: PipelineHost;
  sendCommand(command: Command, pipeline?: object): unknown;
}

/** The key of the collected commands. It is a symbol for the reason given at `DEFAULTS`. */
const COLLECTION = Symbol('collection');

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the methods come from the command table
export interface Pipeline extends RedisCommander<{ type: 'pipeline'; mapping: 'resp2' }> {}

/** Commands that are collected, sent together by `exec`, and answered in one array; with `multi`, as a transaction. */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- see above
export class Pipeline implements CommandTarget {
  readonly isPipeline = true;
  readonly options: TargetOptions;
  readonly scriptsSet: Record<string, Script>;
  readonly isCluster = false;
  /** @internal */ readonly [DEFAULTS]: CommandDefaults;
  private readonly [COLLECTION]: Collection;

  constructor(
    readonly redis: Client,
    /** Whether this is a transaction: `exec` sends EXEC and resolves with its reply. */
    isTransaction = false,
  ) {
    const { utf8, buffers, slowPath } = redis[DEFAULTS];
    this.options = redis[LIFE].options;
    this.scriptsSet = redis.scriptsSet;
    this[DEFAULTS] = slowPath === undefined ? redis[DEFAULTS] : { utf8, buffers, slowPath: slowPath.keepsStacks ? { keepsStacks: true, autoPipeline: undefined } : undefined };
    this[COLLECTION] = new Collection(isTransaction);
    const own = this as unknown as Record<string, unknown>;
    for (const name of [...Object.keys(this.scriptsSet), ...redis.addedBuiltinSet]) {
      own[name] = (redis as unknown as Record<string, unknown>)[name];
      own[`${name}Buffer`] = (redis as unknown as Record<string, unknown>)[`${name}Buffer`];
    }
    if (isTransaction) this.multi();
  }

  /** Resolves after `exec` with the outcomes of all commands, including a transaction's MULTI and EXEC. */
  get promise(): Promise<Outcome[]> {
    return this[COLLECTION].promise;
  }

  /** The number of commands. */
  get length(): number {
    return this[COLLECTION].queue.length;
  }

  /** Appends `[[name, ...args], ...]`. */
  addBatch(commands: readonly (readonly unknown[])[]): this {
    const own = this as unknown as Record<string, unknown>;
    for (const [name, ...args] of commands) {
      // A name that is not a method throws a TypeError, as in ioredis, so that an untrusted list of commands cannot send unknown
      // commands.
      (own[String(name)] as (...args: unknown[]) => unknown).apply(this, args);
    }
    return this;
  }

  /** Adds a Lua script as a method of this pipeline. */
  defineCommand(name: string, definition: ScriptDefinition): void {
    defineCommand(this, name, definition);
  }

  /** Adds a command. */
  sendCommand(command: Command): this {
    this[COLLECTION].add(command);
    return this;
  }

  /** Adds MULTI; `exec` then adds EXEC. */
  multi(): this {
    this[COLLECTION].openTransactions++;
    return this.sendCommand(new Command('multi', [], this[DEFAULTS].utf8));
  }

  /**
   * Sends the collected commands. Resolves with `[[error, reply], ...]`, even if commands fail. A transaction resolves with the outcomes
   * of its commands, or with null if a WATCH aborted it; it rejects if EXEC was refused. Within an open inner MULTI, `exec` only adds
   * that MULTI's EXEC.
   */
  exec(callback?: Callback<Outcome[] | null>): Promise<Outcome[] | null> {
    const collection = this[COLLECTION];
    const { isTransaction, queue } = collection;
    const sendAll = (): Promise<Outcome[]> => collection.send(this.redis, preparationOf(this.redis[LIFE], queue));
    const send = (): Promise<Outcome[]> => (hearing.instrument === undefined || queue.length === 0 ? sendAll() : followBatch(collection, queue, isTransaction, sendAll));
    // Nothing is sent twice. As in ioredis, a second call resolves with all outcomes, including those of MULTI and EXEC.
    if (collection.isSpent) return withCallback(collection.promise, callback);
    if (collection.openTransactions > 0) {
      collection.closeTransaction(this[DEFAULTS]);
      if (!collection.isTransaction) return this as unknown as Promise<Outcome[] | null>;
    }
    if (!collection.isTransaction) return withCallback(send(), callback);
    const run = (): Promise<Outcome[] | null> => send().then(unwrapTransaction);
    // The batch size does not count MULTI and EXEC.
    return withCallback(traceBatch(run, Math.max(this.length - 2, 0), () => this.redis[LIFE].place()), callback);
  }

  /** @deprecated Use `exec`: each command decides whether it returns Buffers. */
  execBuffer(callback?: Callback<Outcome[] | null>): Promise<Outcome[] | null> {
    const { isTransaction, openTransactions } = this[COLLECTION];
    if (isTransaction || openTransactions > 0) return this.exec(callback);
    return this.sendCommand(new Command('exec', [], this[DEFAULTS].buffers, callback as Callback)) as unknown as Promise<Outcome[] | null>;
  }
}

/** What a pipeline waits for before it is sent. */
function preparationOf(host: PipelineHost, commands: readonly Command[]): Promise<void> | undefined {
  return host.fieldsets?.preparation(commands) ?? host.whenSendable?.(commands);
}

installCommands(Pipeline.prototype);

/** Converts the replies of an EXEC to pairs. */
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
