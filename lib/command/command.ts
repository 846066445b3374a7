/**
 * One command: its name, its arguments as sent, and its outcome. It is compatible with ioredis's `Command`, because APM tools and tests
 * replace `resolve` and `reject` or read `promise`. All three are made only on access.
 */
import calculateSlot from 'cluster-key-slot';
import { ClassBit } from '../contract.generated';
import { keyIndexes, metaOf, transformers, type ArgumentTransformer, type Meta, type ReplyContext, type ReplyTransformer } from './table';
import { errorOf, type Failure } from '../observe/errors';
import type { CommandFailure } from '../observe/instrument';
import { prefixKeys, stringify } from './arguments';
import type { Batch } from './batch';
import { blockingTimeOf } from './blocking';
import { callBack, type Callback } from './callback';
import { decoded } from './decoded';
import { fail, takeStack } from './failure';
import { FLAGS } from './flags';
import { clearTimeout, setImmediate, setTimeout, surface } from '../clock';
import { Rare, type Reject, type Resolve } from './rare';
import type { Script } from './script';
import { written } from './written';

/** Options of a `Command` that an application makes for `sendCommand`. */
export interface CommandOptions {
  /** `'utf8'` for strings; if absent, replies are Buffers. */
  replyEncoding?: string | null;
  /** A prefix for each of the command's keys. */
  keyPrefix?: string | Buffer;
  /** The stack of the caller, which the command's errors include. */
  errorStack?: Error;
  /** Whether a script may run on a replica. */
  readOnly?: boolean;
}

const EXEC_BITS = ClassBit.PipelineTail | ClassBit.InTransaction;

/** The context of a command that no connection has touched. */
const LEGACY = { protocol: 2, replyMapping: 'legacy' } as const;

// One executor for all promises: no closures per command.
let lastResolve: Resolve;
let lastReject: Reject;
const executor = (resolve: Resolve, reject: Reject): void => {
  lastResolve = resolve;
  lastReject = reject;
};

/** Shared by commands without rare state. */
const NOTHING: Readonly<Rare> = new Rare();

/** One command: its name, its arguments as they are sent, and the promise of its reply. `redis.sendCommand(new Command('GET', ['key']))` sends it. */
export class Command {
  /** Commands by their effect on a connection. */
  static FLAGS = FLAGS;

  /** Whether a command, in any case, is in one of the `FLAGS`. */
  static checkFlag(flag: keyof typeof Command.FLAGS, name: string): boolean {
    return Command.FLAGS[flag].includes(name.toLowerCase());
  }

  /** Changes the arguments of a command, for all clients of the process, before keys get their prefix. */
  static setArgumentTransformer(name: string, transformer: ArgumentTransformer): void {
    transformers.argument[name] = transformer;
  }

  /** Changes the replies of a command, for all clients of the process. */
  static setReplyTransformer(name: string, transformer: ReplyTransformer): void {
    transformers.reply[name] = transformer;
  }

  /** The tables under ioredis's name, from which tests delete. */
  static readonly _transformer = transformers;

  /** The arguments as sent: flattened, transformed, as text or Buffers, with prefixed keys. */
  args: (string | Buffer)[];
  callback: Callback | undefined;
  replyEncoding: string | null | undefined;
  /** Whether it was issued between MULTI and EXEC. */
  inTransaction = false;
  /** Its index in its pipeline. */
  pipelineIndex: number | undefined = undefined;
  /** Whether it has a reply. */
  isResolved = false;
  /** Whether it has a reply or an error. */
  isSettled = false;
  declare isTraced?: boolean;
  declare ignore?: boolean;

  /** @internal */ meta: Meta;
  /** @internal Whether a tool has replaced `resolve` or `reject`. */ isWrapped = false;
  /** @internal */ batch: Batch | undefined = undefined;
  private context: Omit<ReplyContext, 'commandName'> | undefined = undefined;
  private settledBy: Promise<unknown> | undefined = undefined;
  private doResolve: Resolve | undefined = undefined;
  private doReject: Reject | undefined = undefined;
  private rare: Readonly<Rare> = NOTHING;

  constructor(
    public name: string,
    args: unknown[] = [],
    options: CommandOptions = {},
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: a callback that names no type takes any reply
    callback?: Callback<any>,
    /** @internal Whether no one else uses `args`. */ isOwn = false,
  ) {
    this.meta = metaOf(name);
    this.args = (isOwn ? args : Array.isArray(args) ? args.slice() : []) as (string | Buffer)[];
    this.callback = callback;
    this.replyEncoding = options.replyEncoding;
    if (options.errorStack !== undefined || options.readOnly !== undefined) {
      this.errorStack = options.errorStack;
      this.isReadOnly = options.readOnly;
    }
    this.prepare(options.keyPrefix);
    // Make the promise in the caller's async context, which a pipeline's outcome does not have.
    if (callback !== undefined) void this.promise;
  }

  /** Flattens, transforms and stringifies the arguments, and prefixes the keys. */
  private prepare(keyPrefix: string | Buffer | undefined): void {
    const args = this.args;
    for (let i = 0; i < args.length; i++) {
      if (typeof args[i] !== 'string') {
        this.normalize();
        break;
      }
    }
    const transform = this.meta.argumentTransformer;
    if (transform !== undefined) {
      this.args = transform(this.args) as (string | Buffer)[];
      this.stringifyArguments();
    }
    if (keyPrefix !== undefined && keyPrefix.length !== 0) prefixKeys(this.args, this.meta, keyPrefix);
  }

  private normalize(): void {
    for (const arg of this.args as unknown[]) {
      if (Array.isArray(arg)) {
        this.args = (this.args as unknown[]).flat() as (string | Buffer)[];
        break;
      }
    }
    // The transformers of mset, hset and similar commands unfold objects.
    if (this.meta.argumentTransformer === undefined) this.stringifyArguments();
  }

  /** Arguments as strings and Buffers. */
  stringifyArguments(): void {
    stringify(this.args);
  }

  private get ownRare(): Rare {
    if (this.rare === NOTHING) this.rare = new Rare();
    return this.rare;
  }

  get errorStack(): Error | undefined {
    return this.rare.errorStack;
  }

  set errorStack(errorStack: Error | undefined) {
    this.ownRare.errorStack = errorStack;
  }

  get isReadOnly(): boolean | undefined {
    return this.rare.isReadOnly;
  }

  set isReadOnly(isReadOnly: boolean | undefined) {
    this.ownRare.isReadOnly = isReadOnly;
  }

  get script(): Script | undefined {
    return this.rare.script;
  }

  set script(script: Script | undefined) {
    this.ownRare.script = script;
  }

  /** @internal Hears once how the command ends. */
  set onOutcome(hear: (failure?: CommandFailure) => void) {
    this.ownRare.onOutcome = hear;
  }

  /** It is about to settle. */
  private over(failure?: CommandFailure): void {
    const { timer, onOutcome } = this.rare;
    clearTimeout(timer);
    onOutcome?.(failure);
  }

  /** The class word of this call. */
  get class(): number {
    let word = this.meta.class;
    if (!this.replyEncoding) word |= ClassBit.Buffers;
    // EXEC ends a transaction and, as in ioredis, is not marked as inside it.
    if (this.pipelineIndex !== undefined && this.pipelineIndex > 0) word |= this.meta.isExec ? EXEC_BITS : ClassBit.PipelineTail;
    if (this.inTransaction) word |= ClassBit.InTransaction;
    return word;
  }

  /** Settles with the command. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: the caller knows the type
  get promise(): Promise<any> {
    let promise = this.settledBy;
    if (promise === undefined) {
      promise = this.settledBy = new Promise<unknown>(executor);
      this.doResolve = lastResolve;
      this.doReject = lastReject;
      if (this.callback !== undefined) void callBack(promise, this.callback);
    }
    return promise;
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
  set promise(promise: Promise<any>) {
    this.settledBy = promise;
  }

  /** Settles the command. You may call it without `this`, and replace it; the replacement is then called instead. */
  get resolve(): Resolve {
    if (this.rare.resolve === undefined) {
      this.ownRare.resolve = (value: unknown): Promise<unknown> => {
        // The caller may pass Buffers from a socket, and these may be too long for a string.
        try {
          this.settle(this.replyEncoding ? decoded(value) : value);
        } catch (error) {
          this.settleError(error as Error);
        }
        return this.promise;
      };
    }
    return this.rare.resolve as Resolve;
  }

  set resolve(resolve: Resolve) {
    this.ownRare.resolve = resolve;
    this.isWrapped = true;
  }

  get reject(): Reject {
    if (this.rare.reject === undefined) this.ownRare.reject = (error) => this.settleError(error);
    return this.rare.reject as Reject;
  }

  set reject(reject: Reject) {
    this.ownRare.reject = reject;
    this.isWrapped = true;
  }

  /** Makes the promise, if there is none. */
  initPromise(): void {
    void this.promise;
  }

  /** Sets the shape of the reply for the transformer. */
  setReplyContext(context: Omit<ReplyContext, 'commandName'>): void {
    this.context = context;
  }

  /** @internal A reply arrived. */
  deliver(value: unknown, context: Omit<ReplyContext, 'commandName'>): void {
    if (this.meta.replyTransformer !== undefined || this.batch !== undefined) this.context = context;
    if (this.isWrapped) this.callReplaced(value);
    else this.settle(value);
  }

  /** An exception in a tool's `resolve` or `reject` must not stop the other replies of the same read. */
  private callReplaced(value: unknown, error?: Error): void {
    try {
      if (error === undefined) this.resolve(value);
      else this.reject(error);
    } catch (thrown) {
      surface(thrown);
    }
  }

  /** @internal The command failed. True if who awaits it hears of it some turns later (`afterFailure`). */
  deliverFailure(failure: Failure): boolean {
    if (this.isSettled) return false;
    if (this.isWrapped || this.batch !== undefined || this.errorStack !== undefined || this.callback !== undefined) {
      this.deliverError(this.errorOf(failure));
      return false;
    }
    if (this.rare !== NOTHING) this.over(failure);
    void this.promise;
    this.isSettled = true;
    (this.doResolve as Resolve)(fail(failure, this));
    return true;
  }

  /** @internal The command failed for this reason, which other commands may share. */
  deliverError(error: Error): void {
    if (this.isWrapped) this.callReplaced(undefined, error);
    else this.settleError(error);
  }

  /** @internal */
  errorOf(failure: Failure): Error {
    const error = errorOf(failure, { name: this.name, args: this.args });
    if (this.errorStack !== undefined) takeStack(error, this.errorStack);
    return error;
  }

  /**
   * Rejects the command after `ms`, unless it is settled by then. This is for commands that are sent by hand; the link has its own
   * deadlines.
   */
  setTimeout(ms: number): void {
    if (this.rare.timer !== undefined) return;
    this.ownRare.timer = setTimeout(() => setImmediate(() => this.reject(new Error('Command timed out'))), ms);
  }

  /**
   * @internal No link has the deadline of this command any more: it fails after `ms`, unless it is settled by then. `whereabouts` says where it is
   * at that time, and whether a server may have run it.
   */
  keepDeadline(ms: number, whereabouts: () => { node: string; maybeExecuted: boolean }): void {
    if (this.isSettled || this.rare.timer !== undefined) return;
    this.ownRare.timer = setTimeout(() => setImmediate(() => this.deliverFailure({ code: 'E_TIMEOUT', ...whereabouts() })), ms);
  }

  /** Resolves the command with null after `ms`, like a server on a time-out, unless it is settled by then. */
  setBlockingTimeout(ms: number): void {
    if (ms <= 0) return;
    clearTimeout(this.rare.timer);
    // Look at the socket once more first, because the reply may have arrived.
    this.ownRare.timer = setTimeout(() => setImmediate(() => this.resolve(null)), ms);
  }

  /** How long the command may block according to its arguments, in ms; 0: without limit; null: not at all. */
  extractBlockingTimeout(): number | null | undefined {
    return blockingTimeOf(this.meta.lower, this.args);
  }

  /** Applies the command's transformer to a reply. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis
  transformReply(value: unknown): any {
    const transform = this.meta.replyTransformer;
    if (transform === undefined || (this.inTransaction && value === 'QUEUED')) return value;
    const { protocol, replyMapping } = this.context ?? LEGACY;
    return transform(value, { commandName: this.name, protocol, replyMapping });
  }

  private settle(value: unknown): void {
    if (this.isSettled) return;
    if (this.meta.replyTransformer !== undefined) {
      try {
        value = this.transformReply(value);
      } catch (error) {
        this.settleError(error as Error);
        return;
      }
    }
    if (this.rare !== NOTHING) this.over();
    this.isResolved = true;
    this.isSettled = true;
    if (this.batch === undefined || this.settledBy !== undefined || this.callback !== undefined) {
      if (this.settledBy === undefined) void this.promise;
      this.doResolve?.(value);
    }
    // Last, so that a command's callback runs before the pipeline's.
    if (this.batch !== undefined) this.batch.put(this.pipelineIndex as number, [null, value]);
  }

  private settleError(error: Error): void {
    if (this.isSettled) return;
    if (this.rare !== NOTHING) this.over(error);
    this.isSettled = true;
    if (this.batch === undefined || this.settledBy !== undefined || this.callback !== undefined) {
      if (this.settledBy === undefined) void this.promise;
      // The pipeline reports the error to its caller, so nobody has to catch a promise that was only read.
      if (this.batch !== undefined && this.batch.isAutomatic !== true) this.promise.catch(() => {});
      this.doReject?.(error);
    }
    if (this.batch !== undefined) this.batch.put(this.pipelineIndex as number, [error]);
  }

  /** The arguments that are keys, with the prefix. */
  getKeys(): (string | Buffer)[] {
    this.ownRare.keys ??= keyIndexes(this.meta.lower, this.args).map((index) => this.args[index]);
    return this.rare.keys as (string | Buffer)[];
  }

  /** The hash slot of the first key. Null if there is none; the type is ioredis's, which omits that. */
  getSlot(): number {
    const [key] = this.getKeys();
    return key === undefined ? (null as unknown as number) : calculateSlot(key);
  }

  /** The command as RESP. The socket parameter exists as in ioredis and is ignored. */
  toWritable(_socket?: object): Buffer {
    return written(this.meta, this.args);
  }
}
