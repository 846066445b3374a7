/** What is counted for each repository. */

/** Counters of one repository, or of all. */
export interface CacheCounters {
  /** Reads answered with a fresh value from the cache. */
  hits: number;
  /** Of the hits, those from this process's own memory (`nearCache`). */
  nearHits: number;
  /** Reads answered with a stale value from the cache. */
  stale: number;
  /** Reads that found no usable entry. */
  misses: number;
  /** Of the misses, those that the load of another caller answered, also one that failed, without a wait for another process. */
  joins: number;
  /** Reads that waited for a load of another process, whatever they got then. */
  leaseWaits: number;
  /** Loaders that ran to answer a read. */
  loads: number;
  /** Of those, the ones that failed. */
  loadErrors: number;
  /** Loaders that ran in the background for a stale value. */
  refreshes: number;
  /** Of those, the ones that failed. */
  refreshErrors: number;
  /** Entries stored by `set`, `setWithTags` and `setMany`. */
  writes: number;
  /** Calls of `delete`, `deleteMany`, `deletePattern`, `invalidateTags` and `clear` that succeeded. */
  invalidations: number;
  /** Writes and invalidations that were rejected. */
  writeErrors: number;
  /** Of these, the invalidations that are kept and will be repeated. */
  pendingInvalidations: number;
  /** Reads answered with a value that `staleIfError` kept, because their loader failed. */
  staleIfError: number;
  /** Reads that went without the cache because Redis was away, or silent for longer than `commandTimeoutMs`. */
  givenUp: number;
  /** Reads that went without the cache because Redis was not asked for a while (the event `breaker`). */
  notAsked: number;
  /** Reads that went without the cache because Redis refused them. */
  readsRefused: number;
  /** Reads that went without the cache because another load took longer than `lockTimeoutMs`. */
  outwaited: number;
  /** Loads whose value was returned and not stored because Redis was away, or silent for longer than `commandTimeoutMs`. */
  notStored: number;
  /** The same, because the key was written, deleted or evicted while the loader ran. */
  leaseLost: number;
  /** The same, because Redis refused the value. */
  storeRefused: number;
  /** The same, because the value was too long. */
  tooLarge: number;
  /** The same, because a tag that the loader named could not be added. */
  untagged: number;
  /** The same, because a tag that came with the value may have been invalidated while the loader ran. */
  unproven: number;
  /** Stale values that were not refreshed because Redis was away, silent, or refused. */
  refreshesDropped: number;
  /** Loaders that ran for longer than 30 s. */
  slowLoads: number;
  /** Loaders that ran for longer than `longestLoadMs`. */
  endlessLoads: number;
  /** Loaders and waits for the loaders of others that `loaderTimeoutMs.hard` ended. */
  loaderTimeouts: number;
  /** Loaders whose caller got a kept value because `loaderTimeoutMs.soft` had passed. Callers that only wait for one are stale hits then. */
  softTimeouts: number;
  /** Near copies that had to make room (`nearCache.maxBytes`). */
  nearEvictions: number;
  /** Parsed values that had to make room (`cache.parsedBytes`), by the repository that has read them last. */
  parsedEvictions: number;
  /** Bytes of the values that were stored compressed (`compression`). */
  bytesBeforeCompression: number;
  /** Bytes that were stored for them. */
  bytesAfterCompression: number;
}

export const NAMES = [
  'hits', 'nearHits', 'stale', 'misses', 'joins', 'leaseWaits', 'loads', 'loadErrors', 'refreshes', 'refreshErrors', 'writes', 'invalidations', 'writeErrors', 'pendingInvalidations', 'staleIfError',
  'givenUp', 'notAsked', 'readsRefused', 'outwaited', 'notStored', 'leaseLost', 'storeRefused', 'tooLarge', 'untagged', 'unproven', 'refreshesDropped',
  'slowLoads', 'endlessLoads', 'loaderTimeouts', 'softTimeouts', 'nearEvictions', 'parsedEvictions', 'bytesBeforeCompression', 'bytesAfterCompression',
] as const satisfies readonly (keyof CacheCounters)[];

export function zero(): CacheCounters {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as CacheCounters;
}

export function add(to: CacheCounters, more: CacheCounters): void {
  for (const name of NAMES) to[name] += more[name];
}

