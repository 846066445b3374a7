/**
 * The building blocks of the commands' types: keys, values, callbacks, and the return type of a method by its target.
 */

/** As in ioredis: the first argument is null on success. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: a callback that names no type takes any reply
export type Callback<T = any> = (error?: Error | null, result?: T) => void;
/** A key; text is UTF-8. */
export type RedisKey = string | Buffer;
/** A value; numbers are sent as text. */
export type RedisValue = string | Buffer | number;
/** One value or a list; lists are flattened. */
export type Many<T> = T | readonly T[];
/** An argument of a command. */
export type CommandArgument = Many<RedisValue>;
/** The arguments of a command without a detailed type; the callback comes last. */
export type Rest<Reply> = CommandArgument | Callback<Reply> | undefined;

/** The return type of a command's method, by its target. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- `commands.ts` adds what a pipeline's method returns, which depends on it
export interface ResultTypes<Result, Context> {
  default: Promise<Result>;
}

/** The target of a command, a client or a pipeline, and whether RESP3's shapes are kept (`replyMapping: 'resp3'`). */
export interface ClientContext {
  type: keyof ResultTypes<unknown, unknown>;
  mapping?: 'resp2' | 'resp3';
}

/** The return type of a method with the reply `T` in `Context`. For custom commands, see {@link RedisCommander}. */
export type Result<T, Context extends ClientContext> = ResultTypes<T, Context>[Context['type']];

/** A reply in the shape of RESP2 and in that of RESP3. */
export type Shape<Legacy, Resp3, Context extends ClientContext> = Context extends { mapping: 'resp3' } ? Resp3 : Legacy;
/**
 * The reply of VSIM: names, with the score, the attributes or both of each on request. Under RESP2, these follow their name in the list.
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
