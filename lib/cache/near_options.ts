/** The settings of a near cache. */

/** How callers get the value of a copy. */
export type Share = 'copy' | 'frozen';

/** The settings of a repository's near cache. */
export interface NearCacheOptions {
  /**
   * How many bytes its copies may take, by a measure of twice the length of their text and some for their places. The least recently used
   * ones go first.
   */
  maxBytes: number;
  /** The longest time for which a copy is served, in milliseconds. Default 60,000. */
  maxTtlMs?: number | undefined;
  /**
   * `'copy'` (default): each caller gets a value of its own, which it may change. `'frozen'`: all callers get the same object, which is frozen
   * with all that it contains; that is several times faster. A value of a serializer of your own is
   * deserialized for each caller, unless the serializer is `copyable`. A `Buffer` or a `Uint8Array` is copied for each caller, because its memory
   * cannot be frozen.
   */
  share?: Share | undefined;
}

/** The default of `maxTtlMs`. */
export const NEAR_MAX_TTL_MS = 60_000;
