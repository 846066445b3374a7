/** What is at an entry's key, in plain objects. Times are in seconds, as in the options. */

/**
 * The version of a tag or of the repository in an entry, compared with the one that counts now. `changed`: it was invalidated (cleared), and has been used
 * since. `missing`: it was invalidated and has not been used since, or the version was evicted. `otherOrigin`: the version was written before the server was
 * restarted, restored or promoted. Only an entry all of whose versions are `current` is served.
 */
export type VersionState = 'current' | 'changed' | 'missing' | 'otherOrigin';

/** A tag of an entry, or of a load that is under way. */
export interface TagExplanation {
  tag: string;
  state: VersionState;
  /** Who named it. */
  namedBy: 'caller' | 'loader';
}

/** Who loads an entry. */
export interface LeaseExplanation {
  /** `nobody`: a refresh has failed, and none begins until the pause after it is over. A lease does not say which other process it belongs to. */
  holder: 'this process' | 'another process' | 'nobody';
  /** How long it is good for unless its holder prolongs it, in seconds; `null` if the server does not tell its time. */
  remaining: number | null;
  /** How many refreshes in a row have failed before it. */
  failures: number;
}

/** The reign of a server that something was written under: an entry of another one counts as missing. */
export interface OriginExplanation {
  /** A short id of the reign that the entry was written under. */
  entry: string;
  /** The id of the server's present one. */
  server: string;
  /** Whether the entry counts as missing for that reason; never with `afterFailover: 'trust'`. */
  differs: boolean;
}

/** What all entries have. */
export interface EntryExplanation {
  key: string;
  /** Seconds since it was stored; `null` if somebody has taken its end away. */
  age: number | null;
  /** How long it may be served, in seconds. */
  ttl: number;
  /** The age from which on it is stale, in seconds; as `ttl` if it never is. */
  staleAfter: number;
  /** How long it is kept after `ttl` for loaders that fail, in seconds. */
  staleIfError: number;
  /** Seconds until the store drops it; `null` if somebody has taken its end away. */
  endsIn: number | null;
  /** The bytes that it takes in the store, with its header and without its key. */
  size: number;
  /** The version of the repository, which `clear()` changes. */
  repository: VersionState;
  tags: TagExplanation[];
  origin: OriginExplanation;
  /** Who refreshes it now; `null`: nobody, and anybody may. */
  lease: LeaseExplanation | null;
}

/**
 * What a call of the repository without options of its own would find at a key.
 *
 * | state | what `getOrSet` does |
 * |---|---|
 * | `missing` | loads: nothing is there |
 * | `loading` | waits for the load that holds the lease; if `isCurrent` is false (a tag of it was invalidated, its origin differs), it loads, and nobody is served what that load brings |
 * | `fresh` | returns it |
 * | `stale` | returns it, and one caller refreshes it |
 * | `expired` | loads; returns it if the loader fails within `staleIfError` |
 * | `invalidated` | loads: a tag is not `current`, or the repository was cleared |
 * | `otherOrigin` | loads: it was written before the server was restarted, restored or promoted |
 * | `undecodable` | loads: the repository's serializer cannot read it |
 * | `foreign` | loads and replaces it: hawser did not write it |
 */
export type Explanation =
  | { key: string; state: 'missing' }
  | { key: string; state: 'loading'; isCurrent: boolean; repository: VersionState; tags: TagExplanation[]; origin: OriginExplanation; lease: LeaseExplanation }
  | (EntryExplanation & { state: 'fresh' | 'stale' | 'expired' | 'invalidated' | 'otherOrigin' | 'undecodable' })
  | { key: string; state: 'foreign'; holds: 'string' | 'damaged entry' | 'another type'; endsIn: number | null; size: number | null };

/** One entry of `entriesByPattern`. Its payload is not read, so its state is never `undecodable`. */
export interface EntrySummary {
  key: string;
  state: Exclude<Explanation['state'], 'missing' | 'undecodable'>;
  /** Seconds since it was stored; `null` if it is no entry. */
  age: number | null;
  /** How long it may be served from its storing on, in seconds; `null` if it is no entry. */
  ttl: number | null;
  /** Its tags, of a load that is under way too. */
  tags: string[];
  /** The bytes that its value takes in the store, with its header; `null` if it is no string. */
  size: number | null;
}
