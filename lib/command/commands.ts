/**
 * The types of the commands' methods. Which there are, what they take and resolve is generated (`commands.generated.ts`); here is what a method
 * returns where: a client a promise of the reply, a pipeline itself.
 */
import type { GeneratedCommands } from './commands.generated';

/** As in ioredis: the first argument is null where all went well. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: a callback that names no type takes any reply
export type Callback<T = any> = (error?: Error | null, result?: T) => void;
/** A key: text is UTF-8. */
export type RedisKey = string | Buffer;
/** A value: numbers are sent as text. */
export type RedisValue = string | Buffer | number;
/** One of them, or a list: lists are flattened. */
export type Many<T> = T | readonly T[];
/** What a command takes. */
export type CommandArgument = Many<RedisValue>;
/** What follows where a command's arguments are not told apart; the callback is the last. */
export type Rest<Reply> = CommandArgument | Callback<Reply> | undefined;

/**
 * The shapes of replies: RESP2's under either protocol, or RESP3's as the server sends them (maps as objects, doubles as numbers, booleans, pairs as
 * pairs; a map's names are text in the Buffer forms too). The option `replyMapping`; the type parameter of `Redis` and `Cluster`.
 */
export type ReplyMappingMode = 'legacy' | 'resp3';
/** The same as commands have it. Where it is either, the types are RESP2's. */
export type MappingOf<Mode extends ReplyMappingMode> = Mode extends 'resp3' ? 'resp3' : 'resp2';
/** What `Options` make of a client of mode `Current`. */
export type ReplyMappingFromOptions<Current extends ReplyMappingMode, Options> = Options extends { replyMapping: infer Mode }
  ? [Extract<Mode, ReplyMappingMode>] extends [never]
    ? Current
    : Extract<Mode, ReplyMappingMode>
  : Current;

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
/**
 * What VSIM replies: names; with a score, attributes or both of each where asked for. Under RESP2 these follow their name in the list.
 */
export type Similar<Arguments extends readonly unknown[], Text, Context extends ClientContext> =
  Extract<Arguments[number], 'WITHSCORES' | 'WITHATTRIBS'> extends never ? Text[] : Shape<Text[], SimilarWith<Arguments[number], Text>, Context>;
type SimilarWith<Argument, Text> =
  Extract<Argument, 'WITHATTRIBS'> extends never
    ? Record<string, number>
    : Extract<Argument, 'WITHSCORES'> extends never
      ? Record<string, Text | null>
      : Record<string, [score: number, attributes: Text | null]>;

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
  /** [VSIM](https://redis.io/docs/latest/commands/vsim/) */
  vsim<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments, callback: Callback<Similar<Arguments, string, Context>>]): Result<Similar<Arguments, string, Context>, Context>;
  vsim<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments]): Result<Similar<Arguments, string, Context>, Context>;
  vsimBuffer<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments, callback: Callback<Similar<Arguments, Buffer, Context>>]): Result<Similar<Arguments, Buffer, Context>, Context>;
  vsimBuffer<Arguments extends RedisValue[]>(...args: [key: RedisKey, ...args: Arguments]): Result<Similar<Arguments, Buffer, Context>, Context>;
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
