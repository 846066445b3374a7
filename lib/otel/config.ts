/** The options of the instrumentation. */

/** Makes `db.query.text` of a command. Passwords are masked. */
export type StatementSerializer = (command: string, args: readonly (string | Buffer)[]) => string | undefined;

/** Options of `HawserInstrumentation` and `registerHawserOtel`. */
export interface HawserInstrumentationConfig {
  /** Whether to begin at once. Default true. */
  enabled?: boolean | undefined;
  /** Makes `db.query.text` of each command, which shows keys and values unless you leave them out. Default: none, and no argument is in any span. */
  dbStatementSerializer?: StatementSerializer | undefined;
  /** Makes `hawser.cache.key` of calls of the cache for one key, and of their loads. Default: none, and no key is in any span. */
  cacheKeySerializer?: ((repository: string, key: string) => string | undefined) | undefined;
  /** Makes spans only within another span, so that background work makes no traces of its own. Metrics count all the same. Default false. */
  requireParentSpan?: boolean | undefined;
  /** Whether commands are spans. Default true. */
  commands?: boolean | undefined;
  /** Whether calls of the cache, and loaders, are spans. Default true. */
  cache?: boolean | undefined;
}

/** Runs a function of the application, which must not fail the command that it is about. */
export function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}
