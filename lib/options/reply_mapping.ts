/** `replyMapping` in the types: which shapes replies have. */

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
