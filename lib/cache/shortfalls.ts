/**
 * What the engine did not do: reads without the cache, results that were not stored, refreshes that were dropped, loads without an end,
 * invalidations that are pending. Everything is counted. A warning comes at once, and then at most once a minute for each kind and repository.
 */
import { Shortfall } from '../contract.generated';
import type { Logger } from '../logger';
import { due } from './due';
import { dispatch } from './events';
import { countersOf, setUndelivered, type CacheCounters } from './metrics';

interface Kind {
  readonly counter: keyof CacheCounters;
  /** What to say about `n` of them. Nothing, where another event says it. */
  readonly say?: (n: number) => string;
}

const reads = (n: number): string => (n === 1 ? 'a read' : `${n} reads`);
const results = (n: number): string => (n === 1 ? 'the result of a load was' : `the results of ${n} loads were`);
const loaders = (n: number): string => (n === 1 ? 'a loader has' : `${n} loaders have`);

const KINDS: Readonly<Record<Exclude<Shortfall, Shortfall.PendingInvalidations>, Kind>> = {
  [Shortfall.ReadTimedOut]: { counter: 'givenUp', say: (n) => `${reads(n)} went without the cache: Redis was away, or silent for longer than cache.commandTimeoutMs` },
  [Shortfall.ReadNotAsked]: { counter: 'notAsked' },
  [Shortfall.ReadRefused]: { counter: 'readsRefused' },
  [Shortfall.ReadWaited]: { counter: 'outwaited', say: (n) => `${reads(n)} went without the cache: another load took longer than lockTimeoutMs` },
  [Shortfall.NotStoredTimedOut]: { counter: 'notStored', say: (n) => `${results(n)} not stored: Redis was away, or silent for longer than cache.commandTimeoutMs` },
  [Shortfall.NotStoredLeaseLost]: { counter: 'leaseLost', say: (n) => `${results(n)} not stored: the key was written, deleted or evicted while the loader ran` },
  [Shortfall.NotStoredRefused]: { counter: 'storeRefused', say: (n) => `${results(n)} not stored: Redis refused to` },
  [Shortfall.NotStoredUnproven]: { counter: 'unproven' },
  [Shortfall.RefreshDropped]: { counter: 'refreshesDropped', say: (n) => `${n === 1 ? 'a stale value was' : `${n} stale values were`} not refreshed: Redis was away, silent, or refused` },
  [Shortfall.SlowLoad]: { counter: 'slowLoads', say: (n) => `${loaders(n)} been running for 30 s` },
  [Shortfall.EndlessLoad]: {
    counter: 'endlessLoads',
    say: (n) => `${loaders(n)} been running for longer than cache.longestLoadMs: the result will not be stored, and others may load the key`,
  },
};

/** Counts, and warns at a bounded rate. */
export function report(repository: string | undefined, what: Shortfall, number: number, counts: boolean, logger: Logger): void {
  if (what === Shortfall.PendingInvalidations) return reportPending(number, logger);
  const { counter, say } = KINDS[what];
  if (counts && repository !== undefined) countersOf(repository)[counter] += number;
  if (say === undefined) return;
  const told = due(logger, `${what} ${repository ?? ''}`, number);
  if (told > 0) warn(say(told), repository, logger);
}

function reportPending(number: number, logger: Logger): void {
  const isMore = number > setUndelivered(number);
  if (isMore && due(logger, String(Shortfall.PendingInvalidations), 1) > 0) {
    warn(`${number === 1 ? 'an invalidation is' : `${number} invalidations are`} pending; until Redis has them, this process reads nothing from the cache`, undefined, logger);
  }
}

function warn(message: string, repository: string | undefined, logger: Logger): void {
  dispatch('warning', repository === undefined ? { message } : { message, repository }, logger);
}
