/** What the review asks to be measured first, so that there is something to compare with: reads of the old caches by tier, and open connections. */
import type { ConnectionState } from '../contract';
import type { TierName } from '../tiers';

const counts = new Map<TierName, { reads: number; hits: number }>();
const watched: { name: string; library: string; state: () => string }[] = [];

export function countRead(tier: TierName, isHit: boolean): void {
  const count = counts.get(tier) ?? { reads: 0, hits: 0 };
  count.reads++;
  if (isHit) count.hits++;
  counts.set(tier, count);
}

export const oldReads = (tier: TierName): { reads: number; hits: number } => counts.get(tier) ?? { reads: 0, hits: 0 };

export function watch(name: string, library: string, state: () => string): void {
  watched.push({ name, library, state });
}

export const oldConnections = (): ConnectionState[] => watched.map(({ name, library, state }) => ({ name, library, state: state() }));
