/** The messages of the cache's diagnostics channels. */

/**
 * What a read of a key came to. `near_hit`: from this process's memory. `remote_hit`: from Redis. `stale`: a stale value. `miss`: this call ran its
 * loader, or found nothing (`get`). `joined`: the load of another caller answered it. `uncached`: its loader ran without the cache. `fallback`: the
 * value that `staleIfError` has kept. `error`: the call rejected.
 */
export type CacheOutcome = 'near_hit' | 'remote_hit' | 'stale' | 'miss' | 'joined' | 'uncached' | 'fallback' | 'error';

/** The message of `hawser:cache:getOrSet`, `:get`, `:set` and `:invalidate`. Node adds `result` or `error`. */
export interface CacheCallMessage {
  /** The method: `getOrSet`, `getOrSetMany`, `get`, `getMany`, `set`, `setWithTags`, `setMany`, `delete`, `deleteMany`, `deletePattern` ... */
  readonly operation: string;
  /** The repository's prefix. */
  readonly repository: string;
  /** The keys that the caller named. */
  readonly keys?: readonly string[];
  /** The tags of `invalidateTags`. */
  readonly tags?: readonly string[];
  /** The pattern of `deletePattern`. */
  readonly pattern?: string;
  /** Of a read of one key, when it is over. */
  outcome?: CacheOutcome;
  /** Of reads, when they are over: how many keys had which outcome. */
  outcomes?: Partial<Record<CacheOutcome, number>>;
}

/** The message of `hawser:cache:load`. Node adds `result` or `error`. */
export interface CacheLoadMessage {
  readonly repository: string;
  /** What the loader was asked for; several keys in `getOrSetMany`. */
  readonly keys: readonly string[];
}

/** The message of `hawser:cache:evict`: a value had to make room in this process's memory. */
export interface CacheEvictMessage {
  /** Absent for a parsed value that no repository has read. */
  readonly repository?: string;
  /** `near`: a copy of `nearCache`. `parsed`: a parsed value (`cache.parsedBytes`). */
  readonly store: 'near' | 'parsed';
  /** Of a near copy. */
  readonly key?: string;
}
