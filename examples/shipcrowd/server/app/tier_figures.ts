/** Hit rates of the tiers on this instance, of old and new code together. */
import { CacheMetrics } from 'hawser';
import { oldReads } from '../before/measure';
import { tiers, type TierName } from '../tiers';

export interface TierFigures {
  name: string;
  reads: number;
  /** From 0 to 1. */
  hitRate: number;
  target: number | null;
  meets: boolean;
}

export function tierFigures(): TierFigures[] {
  const known = CacheMetrics.snapshot().tiers ?? {};
  return (Object.keys(tiers) as TierName[]).map((name) => {
    const now = known[name] ?? { reads: 0, hits: 0, stale: 0 };
    const before = oldReads(name);
    const reads = now.reads + before.reads;
    const hitRate = reads === 0 ? 0 : (now.hits + now.stale + before.hits) / reads;
    const target = tiers[name].target ?? null;
    return { name, reads, hitRate, target, meets: target === null || reads === 0 || hitRate >= target };
  });
}
