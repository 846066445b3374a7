/** The hit rates of tiers, and their targets. */
import type { Tier } from '../tiers/tier';
import type { CacheCounters } from './counters';
import type { Metric, Sample } from './prometheus';

/** The reads of all repositories of one tier. */
export interface TierMetrics {
  reads: number;
  hits: number;
  stale: number;
  misses: number;
  /** Stale hits included, in percent, from 0 to 100. */
  hitRate: number;
  /** The tier's target, from 0 to 1; absent if it has none. */
  target?: number;
}

/** A tier that stays below its target. */
export interface MissedTarget {
  tier: string;
  /** In percent. */
  hitRate: number;
  /** From 0 to 1. */
  target: number;
  reads: number;
}

interface Counted {
  readonly tier: Tier | undefined;
  readonly counters: CacheCounters;
}

export function sumTiers(repositories: readonly Counted[]): Record<string, TierMetrics> {
  const sums = new Map<string, TierMetrics>();
  for (const { tier, counters } of repositories) {
    if (tier === undefined) continue;
    const { name, target } = tier;
    const sum = sums.get(name) ?? { reads: 0, hits: 0, stale: 0, misses: 0, hitRate: 0 };
    for (const what of ['hits', 'stale', 'misses'] as const) sum[what] += counters[what];
    sum.reads = sum.hits + sum.stale + sum.misses;
    sum.hitRate = sum.reads === 0 ? 0 : ((sum.hits + sum.stale) / sum.reads) * 100;
    if (target !== undefined) sum.target = target;
    sums.set(name, sum);
  }
  return Object.fromEntries(sums);
}

export function missed(tiers: Readonly<Record<string, TierMetrics>>): MissedTarget[] {
  return Object.entries(tiers).flatMap(([tier, { hitRate, target, reads }]) => (target === undefined || reads === 0 || hitRate / 100 >= target ? [] : [{ tier, hitRate, target, reads }]));
}

export function tierMetrics(tiers: () => Record<string, TierMetrics>): readonly Metric<unknown>[] {
  const each = (samples: (tier: string, metrics: TierMetrics) => Sample[]) => (): Sample[] => Object.entries(tiers()).flatMap(([tier, metrics]) => samples(tier, metrics));
  return [
    {
      name: 'hawser_cache_tier_reads_total',
      help: 'Cache reads of tiers by result.',
      type: 'counter',
      samples: each((tier, { hits, stale, misses }) => Object.entries({ hit: hits, stale, miss: misses }).map(([result, value]) => ({ labels: { tier, result }, value }))),
    },
    {
      name: 'hawser_cache_tier_target_ratio',
      help: 'The share of reads of a tier that should be hits.',
      type: 'gauge',
      aggregator: 'max',
      samples: each((tier, { target }) => (target === undefined ? [] : [{ labels: { tier }, value: target }])),
    },
  ];
}
