/**
 * The words that the types of commands are made of: keys, values, callbacks, and what a method returns by where it is called.
 */

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

/** What a command's method returns, by where it is called. */
// eslint-disable-next-line @typescript-eslint/no-unused-vars -- `commands.ts` adds what a pipeline's method returns, which depends on it
export interface ResultTypes<Result, Context> {
  default: Promise<Result>;
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
