/** The types of `replyMapping`, which selects the shapes of replies. */

/**
 * The shapes of replies: RESP2's under either protocol, or RESP3's as the server sends them (maps as objects, doubles as numbers,
 * booleans, pairs as pairs; a map's names are text in the Buffer forms too). It is the option `replyMapping` and the type parameter of
 * `Redis` and `Cluster`.
 */
export type ReplyMappingMode = 'legacy' | 'resp3';
/** The type parameter of commands for a mode. If the mode may be either, the types are RESP2's. */
export type MappingOf<Mode extends ReplyMappingMode> = Mode extends 'resp3' ? 'resp3' : 'resp2';
/** The mode of a client of mode `Current` with these `Options`. */
export type ReplyMappingFromOptions<Current extends ReplyMappingMode, Options> = Options extends { replyMapping: infer Mode }
  ? [Extract<Mode, ReplyMappingMode>] extends [never]
    ? Current
    : Extract<Mode, ReplyMappingMode>
  : Current;
