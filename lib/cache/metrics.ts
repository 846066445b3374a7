/**
 * Counters of this process's caches. Every read of a repository counts exactly once, as a hit, a stale hit or a miss. A caller that
 * joined another load is a miss.
 */
import { add, NAMES, zero, type CacheCounters } from './counters';
import { collect, type MetricRegistry } from './collect';
import { prometheusText, type ByRepository, type Metric, type Sample } from './prometheus';
import { REPOSITORY_METRICS, type Numbers } from './repository_metrics';
import { missed, sumTiers, tierMetrics, type MissedTarget, type TierMetrics } from './tier_metrics';
import { TIME_METRICS } from './time_metrics';
import type { Tier } from '../tiers/tier';
import { addTimes, noTimes, resetTimes, UNTIMED, type CacheTimes } from './times';
import { addLoads, noLoads, runningLoads, type RunningLoads } from './running';

export type { CacheCounters, MissedTarget, TierMetrics };

/** The counters of one repository with derived values, and the name of its tier. */
export type RepositoryMetrics = CacheCounters & RunningLoads & { reads: number; hitRate: number; tier?: string };

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
  /** By the tier's name, of all repositories that have one. */
  tiers: Record<string, TierMetrics>;
}

/** The number of repositories with separate counters. */
export const MAX_REPOSITORIES = 100;
const OTHER = 'other';

interface Counted {
  readonly counters: CacheCounters;
  readonly times: CacheTimes;
  tier: Tier | undefined;
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
export function countersOf(prefix: string, holder?: object, tier?: Tier): CacheCounters {
  let counted = repositories.get(prefix);
  if (counted === undefined) {
    if (repositories.size >= crowd) forget();
    repositories.set(prefix, (counted = { counters: zero(), times: noTimes(), tier, holders: 0 }));
  }
  counted.tier = tier ?? counted.tier;
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

function tierOf(prefix: string): { tier?: string } {
  const tier = repositories.get(prefix)?.tier;
  return tier === undefined ? {} : { tier: tier.name };
}

function tiers(): Record<string, TierMetrics> {
  return sumTiers([...repositories.values()]);
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
    const byPrefix = Object.fromEntries(list.map(([prefix, counters]) => [prefix, { ...withDerived(counters, loads.of(prefix)), ...tierOf(prefix) }]));
    return { ...withDerived(sum(), loads.total), undelivered, repositories: byPrefix, tiers: tiers() };
  }

  /** The tiers that have a target and reads, and whose share of hits is below it. */
  static missedTargets(): MissedTarget[] {
    return missed(tiers());
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

function numbers(): ByRepository<Numbers> {
  const all = named();
  if (recorded.hits + recorded.misses > 0) all.push(['', recorded, UNTIMED]);
  const loads = loadsOf(all.map(([prefix]) => prefix));
  return all.map(([prefix, counters, times]) => [prefix, { ...counters, ...loads.of(prefix), remoteHits: counters.hits - counters.nearHits, times }]);
}

/** Every metric: `prometheus()` writes them, and `collect()` registers them. */
const METRICS: readonly Metric<ByRepository<Numbers>>[] = [
  ...REPOSITORY_METRICS,
  ...TIME_METRICS,
  ...tierMetrics(tiers),
  {
    name: 'hawser_cache_invalidations_undelivered',
    help: 'Tags and keys whose invalidation could not be delivered yet.',
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
