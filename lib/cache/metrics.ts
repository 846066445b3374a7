/**
 * Counters of this process's caches. Every read of a repository counts exactly once, as a hit, a stale hit or a miss. A caller that
 * joined another load is a miss.
 */
import { collect, type MetricRegistry } from './collect';
import { metricOf, prometheusText, type ByRepository, type Family, type Metric, type Sample } from './prometheus';
import { TIME_METRICS } from './time_metrics';
import { addTimes, noTimes, resetTimes, UNTIMED, type CacheTimes } from './times';
import { addLoads, noLoads, runningLoads, type RunningLoads } from './running';

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
  /** Of the misses, those that the load of another caller of this process answered, also one that failed. */
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
  /** Calls of `delete`, `deleteMany`, `deletePattern` and `invalidateTags` that succeeded. */
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
  /** Waits for loaders that `loaderTimeoutMs.hard` ended. */
  loaderTimeouts: number;
  /** Callers that got a kept value because `loaderTimeoutMs.soft` had passed. */
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

/** The counters of one repository with derived values. */
export type RepositoryMetrics = CacheCounters & RunningLoads & { reads: number; hitRate: number };

/** `CacheMetrics.snapshot()`: plain data, no reference into the live counters. */
export interface CacheMetricsSnapshot extends CacheCounters, RunningLoads {
  /** hits + stale + misses. */
  reads: number;
  /** In percent, from 0 to 100. */
  hitRate: number;
  /** Invalidations that could not be delivered yet. */
  undelivered: number;
  /** By prefix: the busiest 100; `other` sums all others. */
  repositories: Record<string, RepositoryMetrics>;
}

const NAMES = [
  'hits', 'nearHits', 'stale', 'misses', 'joins', 'leaseWaits', 'loads', 'loadErrors', 'refreshes', 'refreshErrors', 'writes', 'invalidations', 'writeErrors', 'pendingInvalidations', 'staleIfError',
  'givenUp', 'notAsked', 'readsRefused', 'outwaited', 'notStored', 'leaseLost', 'storeRefused', 'tooLarge', 'untagged', 'unproven', 'refreshesDropped',
  'slowLoads', 'endlessLoads', 'loaderTimeouts', 'softTimeouts', 'nearEvictions', 'parsedEvictions', 'bytesBeforeCompression', 'bytesAfterCompression',
] as const satisfies readonly (keyof CacheCounters)[];

/** The number of repositories with separate counters. */
export const MAX_REPOSITORIES = 100;
const OTHER = 'other';

function zero(): CacheCounters {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as unknown as CacheCounters;
}

function add(to: CacheCounters, more: CacheCounters): void {
  for (const name of NAMES) to[name] += more[name];
}

interface Counted {
  readonly counters: CacheCounters;
  readonly times: CacheTimes;
  /** The holders that may still count. The counters stay while there is a holder. */
  holders: number;
}

/** Counters of repositories by prefix. Repositories with the same prefix share them. */
const repositories = new Map<string, Counted>();
/** The counts of repositories that no longer have separate counters. */
let forgotten = zero();
let forgottenTimes = noTimes();
/** Hits and misses that the application recorded. */
let recorded = zero();
/** At this number of repositories, those without a holder that were not busy are forgotten. */
let crowd = 2 * MAX_REPOSITORIES;

const dropped = new FinalizationRegistry<Counted>((counted) => {
  counted.holders--;
});

/** For repositories: the counters to use while `holder` exists. */
export function countersOf(prefix: string, holder?: object): CacheCounters {
  let counted = repositories.get(prefix);
  if (counted === undefined) {
    if (repositories.size >= crowd) forget();
    repositories.set(prefix, (counted = { counters: zero(), times: noTimes(), holders: 0 }));
  }
  if (holder !== undefined) {
    counted.holders++;
    dropped.register(holder, counted);
  }
  return counted.counters;
}

/** The times of a repository whose counters are in use. */
export function timesOf(prefix: string): CacheTimes {
  return repositories.get(prefix)?.times ?? UNTIMED;
}

/** Unused counters for repositories while metrics are switched off. */
export const UNCOUNTED: CacheCounters = zero();

/** The busiest first; among equally busy ones, the latest. */
function byBusyness(): [prefix: string, counted: Counted][] {
  const busyness = ({ counters }: Counted): number => counters.hits + counters.stale + counters.misses + counters.writes + counters.invalidations;
  return [...repositories].reverse().sort(([, a], [, b]) => busyness(b) - busyness(a));
}

function forget(): void {
  for (const [prefix, { counters, times, holders }] of byBusyness().slice(MAX_REPOSITORIES)) {
    if (holders > 0) continue;
    add(forgotten, counters);
    addTimes(forgottenTimes, times);
    repositories.delete(prefix);
  }
  crowd = Math.max(2 * MAX_REPOSITORIES, 2 * repositories.size);
}

/** The repositories with separate counters, in order of creation, and the sum of all others. */
function named(): [prefix: string, counters: CacheCounters, times: CacheTimes][] {
  const busiest = repositories.size > MAX_REPOSITORIES ? new Set(byBusyness().slice(0, MAX_REPOSITORIES).map(([prefix]) => prefix)) : undefined;
  const list: [string, CacheCounters, CacheTimes][] = [];
  const other = zero();
  const otherTimes = noTimes();
  add(other, forgotten);
  addTimes(otherTimes, forgottenTimes);
  for (const [prefix, { counters, times }] of repositories) {
    if (prefix !== OTHER && (busiest?.has(prefix) ?? true)) {
      list.push([prefix, counters, times]);
    } else {
      add(other, counters);
      addTimes(otherTimes, times);
    }
  }
  if (repositories.has(OTHER) || NAMES.some((name) => other[name] > 0)) list.push([OTHER, other, otherTimes]);
  return list;
}

function sum(): CacheCounters {
  const total = zero();
  add(total, recorded);
  add(total, forgotten);
  for (const { counters } of repositories.values()) add(total, counters);
  return total;
}

function rate(counters: CacheCounters): number {
  const reads = counters.hits + counters.stale + counters.misses;
  return reads === 0 ? 0 : ((counters.hits + counters.stale) / reads) * 100;
}

function withDerived(counters: CacheCounters, loads: RunningLoads): RepositoryMetrics {
  return { ...counters, ...loads, reads: counters.hits + counters.stale + counters.misses, hitRate: rate(counters) };
}

let undelivered = 0;

/** Invalidations that could not be delivered yet. Returns how many there were. */
export function setUndelivered(number: number): number {
  const before = undelivered;
  undelivered = number;
  return before;
}

/** The loads that run now, of each repository that has separate counters; `other` has all others. */
function loadsOf(prefixes: readonly string[]): { total: RunningLoads; of: (prefix: string) => RunningLoads } {
  const byPrefix = runningLoads();
  const [total, others] = [noLoads(), noLoads()];
  const named = new Set(prefixes);
  for (const [prefix, loads] of byPrefix) {
    addLoads(total, loads);
    if (!named.has(prefix) || prefix === OTHER) addLoads(others, loads);
  }
  return { total, of: (prefix) => (prefix === OTHER ? others : (byPrefix.get(prefix) ?? noLoads())) };
}

/**
 * Counters of all repositories of the process. `CACHE_METRICS_ENABLED=false` switches counting off. The busiest 100 repositories have
 * separate counters; `other` sums the rest.
 *
 *     app.get('/metrics', (_, res) => res.type('text/plain').send(CacheMetrics.prometheus()));
 */
export class CacheMetrics {
  /** Fresh hits of all repositories, plus recorded hits. */
  static get hits(): number {
    return sum().hits;
  }

  /** Misses of all repositories, plus recorded misses. */
  static get misses(): number {
    return sum().misses;
  }

  /** Stale hits of all repositories. */
  static get stale(): number {
    return sum().stale;
  }

  /** Counts a hit of an application's own cache. Repositories count on their own. */
  static recordHit(): void {
    recorded.hits++;
  }

  /** Counts a miss of an application's own cache. Repositories count on their own. */
  static recordMiss(): void {
    recorded.misses++;
  }

  /** Reads answered from the cache, including stale ones, in percent of all reads, from 0 to 100; 0 if there were no reads. */
  static getHitRate(): number {
    return rate(sum());
  }

  /** All counters, in total and by repository. In each of them, hits + stale + misses = reads. */
  static snapshot(): CacheMetricsSnapshot {
    // Any string may be a prefix, even `__proto__`, so define own properties.
    const list = named();
    const loads = loadsOf(list.map(([prefix]) => prefix));
    const byPrefix = Object.fromEntries(list.map(([prefix, counters]) => [prefix, withDerived(counters, loads.of(prefix))]));
    return { ...withDerived(sum(), loads.total), undelivered, repositories: byPrefix };
  }

  /** The metrics in Prometheus' text format (version 0.0.4), one series per repository. */
  static prometheus(): string {
    return prometheusText(allMetrics(), numbers());
  }

  /**
   * Registers the metrics with a registry of prom-client, under the names that `prometheus()` has; they are read at each scrape. Those that the registry has
   * from here already are left alone. Throws TypeError for anything but a registry, and what the registry throws for a name that the application uses.
   *
   *     CacheMetrics.collect(register); // import { register } from 'prom-client'
   */
  static collect(registry: MetricRegistry): void {
    collect(registry, allMetrics(), numbers);
  }

  /** Sets everything to 0. */
  static reset(): void {
    recorded = zero();
    forgotten = zero();
    forgottenTimes = noTimes();
    for (const [prefix, { counters, times, holders }] of repositories) {
      Object.assign(counters, zero());
      resetTimes(times);
      // Last, so that a repository that counts again finds a place.
      if (holders === 0 && repositories.size > MAX_REPOSITORIES) repositories.delete(prefix);
    }
  }
}

/** What the metrics are taken from: the counters of all repositories that have separate ones, with the loads that run now. */
type Numbers = CacheCounters & RunningLoads & { readonly remoteHits: number; readonly times: CacheTimes };

function numbers(): ByRepository<Numbers> {
  const all = named();
  if (recorded.hits + recorded.misses > 0) all.push(['', recorded, UNTIMED]);
  const loads = loadsOf(all.map(([prefix]) => prefix));
  return all.map(([prefix, counters, times]) => [prefix, { ...counters, ...loads.of(prefix), remoteHits: counters.hits - counters.nearHits, times }]);
}

const FAMILIES: readonly Family<Numbers>[] = [
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
    name: 'hawser_cache_hits_total',
    help: 'Hits by place: the own memory of the process (near), or Redis (remote).',
    series: [
      { of: 'nearHits', labels: { tier: 'near' } },
      { of: 'remoteHits', labels: { tier: 'remote' } },
    ],
  },
  { name: 'hawser_cache_near_hits_total', help: 'Hits from the own memory of the process.', series: [{ of: 'nearHits', labels: {} }] },
  { name: 'hawser_cache_joins_total', help: 'Misses that the load of another caller of this process answered.', series: [{ of: 'joins', labels: {} }] },
  { name: 'hawser_cache_lease_waits_total', help: 'Reads that waited for a load of another process.', series: [{ of: 'leaseWaits', labels: {} }] },
  {
    name: 'hawser_cache_evictions_total',
    help: 'Values in the memory of the process that had to make room: near copies and parsed values.',
    series: [
      { of: 'nearEvictions', labels: { store: 'near' } },
      { of: 'parsedEvictions', labels: { store: 'parsed' } },
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
  {
    name: 'hawser_cache_compression_bytes_total',
    help: 'Bytes of the values that were stored compressed, before and after.',
    series: [
      { of: 'bytesBeforeCompression', labels: { stage: 'before' } },
      { of: 'bytesAfterCompression', labels: { stage: 'after' } },
    ],
  },
  { name: 'hawser_cache_writes_total', help: 'Entries stored by set, setWithTags and setMany.', series: [{ of: 'writes', labels: {} }] },
  {
    name: 'hawser_cache_invalidations_total',
    help: 'Calls of delete, deleteMany, deletePattern and invalidateTags that were carried out.',
    series: [{ of: 'invalidations', labels: {} }],
  },
  { name: 'hawser_cache_write_errors_total', help: 'Writes and invalidations that were rejected.', series: [{ of: 'writeErrors', labels: {} }] },
  {
    name: 'hawser_cache_invalidations_pending_total',
    help: 'Invalidations that could not be delivered and are kept to be repeated.',
    series: [{ of: 'pendingInvalidations', labels: {} }],
  },
  {
    name: 'hawser_cache_stale_if_error_total',
    help: 'Reads answered with a value kept for staleIfError because their loader failed.',
    series: [{ of: 'staleIfError', labels: {} }],
  },
  {
    name: 'hawser_cache_given_up_total',
    help: 'Reads that went without the cache, by reason.',
    series: [
      { of: 'givenUp', labels: { reason: 'budget' } },
      { of: 'notAsked', labels: { reason: 'breaker' } },
      { of: 'readsRefused', labels: { reason: 'refused' } },
      { of: 'outwaited', labels: { reason: 'lock_timeout' } },
    ],
  },
  {
    name: 'hawser_cache_not_stored_total',
    help: 'Loads whose value was returned and not stored, by reason.',
    series: [
      { of: 'notStored', labels: { reason: 'budget' } },
      { of: 'leaseLost', labels: { reason: 'lease_lost' } },
      { of: 'storeRefused', labels: { reason: 'refused' } },
      { of: 'tooLarge', labels: { reason: 'too_large' } },
      { of: 'untagged', labels: { reason: 'tags' } },
      { of: 'unproven', labels: { reason: 'unproven_tags' } },
    ],
  },
  {
    name: 'hawser_cache_refreshes_dropped_total',
    help: 'Stale values that were not refreshed because the server was away, silent, or refused.',
    series: [{ of: 'refreshesDropped', labels: {} }],
  },
  {
    name: 'hawser_cache_slow_loads_total',
    help: 'Loaders that ran for longer than 30 s, and for longer than a load may.',
    series: [
      { of: 'slowLoads', labels: { than: '30s' } },
      { of: 'endlessLoads', labels: { than: 'longest' } },
    ],
  },
  {
    name: 'hawser_cache_loader_timeouts_total',
    help: 'Waits for loaders that loaderTimeoutMs ended, by kind.',
    series: [
      { of: 'softTimeouts', labels: { kind: 'soft' } },
      { of: 'loaderTimeouts', labels: { kind: 'hard' } },
    ],
  },
  { name: 'hawser_cache_loads_running', help: 'Loads that run now.', type: 'gauge', series: [{ of: 'loading', labels: {} }] },
  {
    name: 'hawser_cache_loads_running_seconds',
    help: 'How long the loads that run now have been running, all together.',
    type: 'gauge',
    series: [{ of: 'loadingMs', labels: {}, per: 1000 }],
  },
  {
    name: 'hawser_cache_oldest_load_seconds',
    help: 'How long the oldest load that runs now has been running.',
    type: 'gauge',
    aggregator: 'max',
    series: [{ of: 'oldestLoadMs', labels: {}, per: 1000 }],
  },
];

/** Every metric: `prometheus()` writes them, and `collect()` registers them. */
const METRICS: readonly Metric<ByRepository<Numbers>>[] = [
  ...FAMILIES.map(metricOf),
  ...TIME_METRICS,
  {
    name: 'hawser_cache_invalidations_undelivered',
    help: 'Invalidations that could not be delivered yet.',
    type: 'gauge',
    samples: () => [{ labels: {}, value: undelivered }],
  },
];

const added: Metric<unknown>[] = [];

/** Adds metrics that are not about repositories. */
export function addMetrics(metrics: readonly Metric<unknown>[]): void {
  added.push(...metrics);
}

function allMetrics(): readonly Metric<ByRepository<Numbers>>[] {
  return [...METRICS, ...added];
}

/** Every metric, and its samples now. */
export function readMetrics(): { metric: Omit<Metric<never>, 'samples'>; samples: () => Sample[] }[] {
  const state = numbers();
  return allMetrics().map((metric) => ({ metric, samples: () => metric.samples(state) }));
}
