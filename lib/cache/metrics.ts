/**
 * What the caches of this process did. Every read of a repository is counted exactly once, as a hit, a stale hit or a miss; a caller who
 * joined somebody else's load is a miss.
 */
import { prometheusText, type Family } from './prometheus';

/** Counters of one repository, or of all. */
export interface CacheCounters {
  /** Reads answered with a fresh value from the cache. */
  hits: number;
  /** Reads answered with a stale value from the cache. */
  stale: number;
  /** Reads that found nothing they could use. */
  misses: number;
  /** Loaders run to answer a read. */
  loads: number;
  /** Of those, the ones that failed. */
  loadErrors: number;
  /** Loaders run in the background for a stale value. */
  refreshes: number;
  /** Of those, the ones that failed. */
  refreshErrors: number;
  /** Entries stored by `set`, `setWithTags` and `setMany`. */
  writes: number;
  /** Calls of `delete`, `deleteMany`, `deletePattern` and `invalidateTags` that were carried out. */
  invalidations: number;
  /** Writes and invalidations that were rejected. */
  writeErrors: number;
}

/** `CacheMetrics.snapshot()`: plain data, no reference into the live counters. */
export interface CacheMetricsSnapshot extends CacheCounters {
  /** hits + stale + misses. */
  reads: number;
  /** 0..100. */
  hitRate: number;
  /** By prefix. */
  repositories: Record<string, CacheCounters & { reads: number; hitRate: number }>;
}

const NAMES = [
  'hits', 'stale', 'misses', 'loads', 'loadErrors', 'refreshes', 'refreshErrors', 'writes', 'invalidations', 'writeErrors',
] as const satisfies readonly (keyof CacheCounters)[];

function zero(): CacheCounters {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as CacheCounters;
}

/** Counters of repositories by prefix; two repositories of one prefix share theirs. */
const repositories = new Map<string, CacheCounters>();

/** For repositories: the counters to count in. */
export function countersOf(prefix: string): CacheCounters {
  let counters = repositories.get(prefix);
  if (counters === undefined) repositories.set(prefix, (counters = zero()));
  return counters;
}

/** Where repositories count while metrics are switched off. */
export const UNCOUNTED: CacheCounters = zero();

function rate(counters: CacheCounters): number {
  const reads = counters.hits + counters.stale + counters.misses;
  return reads === 0 ? 0 : ((counters.hits + counters.stale) / reads) * 100;
}

function withDerived(counters: CacheCounters): CacheCounters & { reads: number; hitRate: number } {
  return { ...counters, reads: counters.hits + counters.stale + counters.misses, hitRate: rate(counters) };
}

/**
 * Hits, misses and the rest, for all repositories of the process. Counting is switched off by `CACHE_METRICS_ENABLED=false`.
 *
 *     app.get('/metrics', (_, res) => res.type('text/plain').send(CacheMetrics.prometheus()));
 */
export class CacheMetrics {
  /** Hits that the application recorded itself; see {@link CacheMetrics.recordHit}. */
  private static recorded: CacheCounters = zero();

  /** Fresh hits of all repositories, and those recorded by hand. */
  static get hits(): number {
    return CacheMetrics.total('hits');
  }

  /** Misses of all repositories, and those recorded by hand. */
  static get misses(): number {
    return CacheMetrics.total('misses');
  }

  /** Stale hits of all repositories. */
  static get stale(): number {
    return CacheMetrics.total('stale');
  }

  /** Counts a hit of a cache of the application's own. Repositories count by themselves. */
  static recordHit(): void {
    CacheMetrics.recorded.hits++;
  }

  /** Counts a miss of a cache of the application's own. Repositories count by themselves. */
  static recordMiss(): void {
    CacheMetrics.recorded.misses++;
  }

  /** Reads answered from the cache, stale ones included, in percent of all reads: 0..100; 0 when nothing was read. */
  static getHitRate(): number {
    return rate(CacheMetrics.sum());
  }

  /** All counters, in total and by repository. In each: hits + stale + misses = reads. */
  static snapshot(): CacheMetricsSnapshot {
    // Any string may be a prefix, `__proto__` too: own properties only.
    const byPrefix = Object.fromEntries([...repositories].map(([prefix, counters]) => [prefix, withDerived(counters)]));
    return { ...withDerived(CacheMetrics.sum()), repositories: byPrefix };
  }

  /** The counters in Prometheus' text format (version 0.0.4), one series per repository. */
  static prometheus(): string {
    const all = [...repositories];
    const own = CacheMetrics.recorded;
    if (own.hits + own.misses > 0) all.push(['', own]);
    return prometheusText(FAMILIES, all);
  }

  /** Sets everything to 0. */
  static reset(): void {
    CacheMetrics.recorded = zero();
    for (const counters of repositories.values()) Object.assign(counters, zero());
  }

  private static sum(): CacheCounters {
    return Object.fromEntries(NAMES.map((name) => [name, CacheMetrics.total(name)])) as unknown as CacheCounters;
  }

  private static total(name: keyof CacheCounters): number {
    let total = CacheMetrics.recorded[name];
    for (const counters of repositories.values()) total += counters[name];
    return total;
  }
}

const FAMILIES: readonly Family<CacheCounters>[] = [
  {
    name: 'hawser_cache_reads_total',
    help: 'Cache reads by result.',
    series: [
      { of: 'hits', labels: { result: 'hit' } },
      { of: 'stale', labels: { result: 'stale' } },
      { of: 'misses', labels: { result: 'miss' } },
    ],
  },
  {
    name: 'hawser_cache_loads_total',
    help: 'Loaders run, by kind.',
    series: [
      { of: 'loads', labels: { kind: 'read' } },
      { of: 'refreshes', labels: { kind: 'refresh' } },
    ],
  },
  {
    name: 'hawser_cache_load_errors_total',
    help: 'Loaders that failed, by kind.',
    series: [
      { of: 'loadErrors', labels: { kind: 'read' } },
      { of: 'refreshErrors', labels: { kind: 'refresh' } },
    ],
  },
  { name: 'hawser_cache_writes_total', help: 'Entries stored by set, setWithTags and setMany.', series: [{ of: 'writes', labels: {} }] },
  {
    name: 'hawser_cache_invalidations_total',
    help: 'Calls of delete, deleteMany, deletePattern and invalidateTags that were carried out.',
    series: [{ of: 'invalidations', labels: {} }],
  },
  { name: 'hawser_cache_write_errors_total', help: 'Writes and invalidations that were rejected.', series: [{ of: 'writeErrors', labels: {} }] },
];
