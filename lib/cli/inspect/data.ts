/** What `hawser inspect --json` prints. Sizes are in bytes, times in seconds unless the name says otherwise. Names, keys and arguments are shortened and escaped. */
import type { Topology } from '../server/servers';

export interface InspectJson {
  readonly schema: 'hawser.inspect/1';
  /** ISO 8601. */
  readonly takenAt: string;
  readonly topology: Topology;
  /** Without user and password. */
  readonly server: string;
  readonly db: number;
  readonly load: Load;
  /** Commands that a server refused, and servers that could not be asked. */
  readonly refused: readonly { node: string; command: string; reason: string; times: number }[];
  /** Commands that there was no time for. */
  readonly unasked: readonly { command: string; times: number }[];
  readonly notes: readonly string[];
  readonly nodes: readonly NodeJson[];
  readonly connections: ConnectionsJson;
  readonly hitRate: HitRate;
  readonly latency: LatencyJson;
  readonly memory: MemoryJson;
  readonly keys: KeysJson;
  readonly hawser: readonly RepositoryJson[];
  readonly commands: readonly CommandJson[];
  readonly slow: SlowJson;
}

/** What this command did to the servers. */
export interface Load {
  readonly commandsPerSecond: number;
  readonly seconds: number;
  readonly commandsSent: number;
  readonly durationMs: number;
}

export interface NodeJson {
  readonly node: string;
  /** `redis 7.2.4`; null if the server does not say. */
  readonly version: string | null;
  readonly role: string | null;
  readonly uptimeSeconds: number | null;
  readonly maxmemoryPolicy: string | null;
  readonly usedMemoryBytes: number | null;
  readonly maxMemoryBytes: number | null;
  readonly evictedKeys: number | null;
  readonly expiredKeys: number | null;
  readonly rejectedConnections: number | null;
  readonly opsPerSecond: number | null;
  readonly keys: number | null;
  readonly persistence: Persistence | null;
  readonly replication: { readonly replicas: number; readonly lagSeconds: number | null; readonly masterLink: string | null } | null;
  readonly config: Readonly<Record<string, string>>;
}

export interface Persistence {
  readonly aof: boolean;
  readonly lastSaveStatus: string | null;
  readonly secondsSinceSave: number | null;
  readonly changesSinceSave: number | null;
}

export interface ConnectionsJson {
  /** Without this command's own. null: no server told. */
  readonly total: number | null;
  readonly groups: readonly ConnectionGroup[];
  readonly byName: readonly Count[];
  readonly byLibrary: readonly Count[];
  readonly byAddress: readonly Count[];
}

export interface Count {
  readonly of: string;
  readonly count: number;
}

export interface ConnectionGroup {
  /** Empty: it has none. */
  readonly name: string;
  /** `ioredis 5.4.1`; empty: the client does not say, or the server does not record it (Redis before 7.2). */
  readonly library: string;
  readonly address: string;
  readonly count: number;
  readonly subscribers: number;
  readonly blocked: number;
  readonly oldestSeconds: number;
  readonly longestIdleSeconds: number;
  readonly memoryBytes: number;
  readonly databases: readonly number[];
  readonly users: readonly string[];
}

export interface HitRate {
  readonly hits: number;
  readonly misses: number;
  /** 0..100; null: nothing was read yet, or no server told. */
  readonly percent: number | null;
}

export interface LatencyJson {
  /** Round trips of PING, in milliseconds. */
  readonly ping: Spread | null;
  /** Inside the servers, of all commands: microseconds per call. */
  readonly usecPerCall: number | null;
}

export interface Spread {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface MemoryJson {
  readonly usedBytes: number | null;
  readonly peakBytes: number | null;
  /** 0: no limit. */
  readonly maxBytes: number | null;
  readonly fragmentation: number | null;
}

export interface KeysJson {
  readonly total: number | null;
  /** Keys of the sample. */
  readonly sampled: number;
  /** Whether the sample is all keys, so that counts are exact; otherwise they are extrapolated from the sample. */
  readonly isComplete: boolean;
  readonly otherDatabases: readonly { db: number; keys: number }[];
  readonly patterns: readonly PatternJson[];
}

export interface PatternJson {
  readonly pattern: string;
  readonly sampled: number;
  /** Keys in all; extrapolated unless the sample is complete. */
  readonly count: number;
  /** Extrapolated from `looked` keys of the sample. null: the servers did not tell. */
  readonly memoryBytes: number | null;
  readonly averageBytes: number | null;
  readonly largestBytes: number | null;
  /** How many keys of the sample were looked at for memory, type and time to live. */
  readonly looked: number;
  readonly types: Readonly<Record<string, number>>;
  /** Of the keys that were looked at. */
  readonly ttl: { readonly without: number; readonly with: number; readonly shortestSeconds: number | null; readonly medianSeconds: number | null; readonly longestSeconds: number | null };
}

/** A repository of hawser, as far as the sample shows it. */
export interface RepositoryJson {
  readonly prefix: string;
  /** Extrapolated unless the sample is complete. */
  readonly entries: number;
  readonly tags: number;
  readonly memoryBytes: number | null;
  /** The tags with the most entries. `entries` is the server's estimate; null: it did not tell. */
  readonly topTags: readonly { tag: string; entries: number | null }[];
}

export interface CommandJson {
  readonly command: string;
  readonly calls: number;
  readonly usecPerCall: number;
  readonly totalSeconds: number;
  readonly failed: number;
  readonly p99Usec: number | null;
  /** Why it is dangerous; null: it is not. */
  readonly danger: string | null;
}

export interface SlowJson {
  /** Commands slower than this are recorded; null: the server does not tell. */
  readonly thresholdUsec: number | null;
  readonly entries: readonly SlowEntry[];
}

export interface SlowEntry {
  readonly node: string;
  readonly at: string;
  readonly usec: number;
  /** Shortened, without secrets. */
  readonly command: string;
  readonly client: string;
  readonly danger: string | null;
}
