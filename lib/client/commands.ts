/**
 * The types of the commands' methods. Which there are, what they take and resolve is generated (`commands.generated.ts`); here is what a method
 * returns where: a client a promise of the reply, a pipeline itself.
 */
import type { GeneratedCommands } from './commands.generated';

/** As in ioredis: the first argument is null where all went well. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: a callback that names no type takes any reply
export type Callback<T = any> = (error?: Error | null, result?: T) => void;
export type RedisKey = string | Buffer;
export type RedisValue = string | Buffer | number;
/** One of them, or a list: lists are flattened. */
export type Many<T> = T | readonly T[];
/** What a command takes. */
export type CommandArgument = Many<RedisValue>;
/** What follows where a command's arguments are not told apart; the callback is the last. */
export type Rest<Reply> = CommandArgument | Callback<Reply> | undefined;

/** What a command's method returns, by where it is called. */
export interface ResultTypes<Result, Context> {
  default: Promise<Result>;
  pipeline: ChainableCommander<Context extends { mapping: 'resp3' } ? 'resp3' : 'resp2'>;
}

/** Where a command is called: on a client or on a pipeline, and whether RESP3's shapes are kept (`replyMapping: 'resp3'`). */
export interface ClientContext {
  type: keyof ResultTypes<unknown, unknown>;
  mapping?: 'resp2' | 'resp3';
}

/** What a method with the reply `T` returns in `Context`. For custom commands, see {@link RedisCommander}. */
export type Result<T, Context extends ClientContext> = ResultTypes<T, Context>[Context['type']];

/** A reply in the shape of RESP2 and in that of RESP3. */
export type Shape<Legacy, Resp3, Context extends ClientContext> = Context extends { mapping: 'resp3' } ? Resp3 : Legacy;
/** A score or a distance. */
export type Double<Text, Context extends ClientContext> = Shape<Text, number, Context>;

/** What EXEC and a pipeline resolve: one pair for each command. */
export type ExecResult = [error: Error | null, result: unknown][];

/**
 * All commands. An application adds its own (`defineCommand`) by augmentation:
 *
 *     declare module 'hawser' {
 *       interface RedisCommander<Context> {
 *         myCommand(key: string): Result<string, Context>;
 *       }
 *     }
 */
export interface RedisCommander<Context extends ClientContext = { type: 'default' }> extends GeneratedCommands<Context> {
  /** Any command by its name, in any case. */
  call(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  callBuffer(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  /** @deprecated Use `call`. */
  send_command(command: string, ...args: Rest<unknown>[]): Result<unknown, Context>;
  /** Ends a transaction, or sends a pipeline. */
  exec(callback?: Callback<ExecResult | null>): Promise<ExecResult | null>;
}

/** What collects commands: pipelines and transactions. */
export interface Transaction<Mapping extends 'resp2' | 'resp3' = 'resp2'> {
  /** Any number of commands in one write. */
  pipeline(commands?: readonly (readonly unknown[])[]): ChainableCommander<Mapping>;
  /** A transaction: a pipeline between MULTI and EXEC. With `{ pipeline: false }` MULTI is sent at once. */
  multi(options: { pipeline: false }): Promise<'OK'>;
  multi(options: { pipeline: true }): ChainableCommander<Mapping>;
  multi(commands?: readonly (readonly unknown[])[]): ChainableCommander<Mapping>;
}

/** A pipeline: every command adds itself and returns the pipeline. */
export interface ChainableCommander<Mapping extends 'resp2' | 'resp3' = 'resp2'> extends RedisCommander<{ type: 'pipeline'; mapping: Mapping }> {
  /** How many commands there are. */
  readonly length: number;
  multi(): this;
  addBatch(commands: readonly (readonly unknown[])[]): this;
}
