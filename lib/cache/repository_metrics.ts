/** The metrics of each repository. */
import type { CacheCounters } from './counters';
import { metricOf, type ByRepository, type Family, type Metric } from './prometheus';
import type { RunningLoads } from './running';
import type { CacheTimes } from './times';

/** What the metrics are taken from: the counters of all repositories that have separate ones, with the loads that run now. */
export type Numbers = CacheCounters & RunningLoads & { readonly remoteHits: number; readonly times: CacheTimes };

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
    help: 'Hits by place: the own memory of the process (near), or Redis (remote). What CacheMetrics.recordHit counts is remote.',
    series: [
      { of: 'nearHits', labels: { place: 'near' } },
      { of: 'remoteHits', labels: { place: 'remote' } },
    ],
  },
  { name: 'hawser_cache_near_hits_total', help: 'Hits from the own memory of the process.', series: [{ of: 'nearHits', labels: {} }] },
  { name: 'hawser_cache_joins_total', help: 'Misses that the load of another caller answered, also one that failed. Those that waited for another process are lease waits.', series: [{ of: 'joins', labels: {} }] },
  { name: 'hawser_cache_lease_waits_total', help: 'Reads that waited for a load of another process, whatever they got then.', series: [{ of: 'leaseWaits', labels: {} }] },
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
    help: 'Loaders run, by kind: to answer a read, or in the background for a stale value. One of getOrSetMany counts once for all of its keys.',
    series: [
      { of: 'loads', labels: { kind: 'read' } },
      { of: 'refreshes', labels: { kind: 'refresh' } },
    ],
  },
  {
    name: 'hawser_cache_load_errors_total',
    help: 'Loaders that failed or were stopped by loaderTimeoutMs.hard, by kind.',
    series: [
      { of: 'loadErrors', labels: { kind: 'read' } },
      { of: 'refreshErrors', labels: { kind: 'refresh' } },
    ],
  },
  {
    name: 'hawser_cache_compression_bytes_total',
    help: 'Bytes of the values that compression has made smaller, before and after.',
    series: [
      { of: 'bytesBeforeCompression', labels: { stage: 'before' } },
      { of: 'bytesAfterCompression', labels: { stage: 'after' } },
    ],
  },
  { name: 'hawser_cache_writes_total', help: 'Entries stored by set, setWithTags and setMany.', series: [{ of: 'writes', labels: {} }] },
  {
    name: 'hawser_cache_invalidations_total',
    help: 'Calls of delete, deleteMany, deletePattern, invalidateTags and clear that were carried out.',
    series: [{ of: 'invalidations', labels: {} }],
  },
  { name: 'hawser_cache_write_errors_total', help: 'Writes and invalidations that were rejected because Redis was away, silent, or refused, or a value was too long.', series: [{ of: 'writeErrors', labels: {} }] },
  {
    name: 'hawser_cache_invalidations_pending_total',
    help: 'Calls whose invalidation could not be delivered and is kept to be repeated.',
    series: [{ of: 'pendingInvalidations', labels: {} }],
  },
  {
    name: 'hawser_cache_stale_if_error_total',
    help: 'Reads answered with a value kept for staleIfError because the loader that they ran failed.',
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
    help: 'Loads whose value was to be stored and was returned only, by reason.',
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
    help: 'Loaders that ran for longer than 30 s, and for longer than cache.longestLoadMs.',
    series: [
      { of: 'slowLoads', labels: { than: '30s' } },
      { of: 'endlessLoads', labels: { than: 'longest' } },
    ],
  },
  {
    name: 'hawser_cache_loader_timeouts_total',
    help: 'Loaders that took longer than loaderTimeoutMs.soft, whose caller got a kept value, and loaders and waits for them that loaderTimeoutMs.hard ended.',
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

export const REPOSITORY_METRICS: readonly Metric<ByRepository<Numbers>>[] = FAMILIES.map(metricOf);
