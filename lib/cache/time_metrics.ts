/** The distributions of times as metrics. A series without an observation is left out. */
import { histogramSamples, type ByRepository, type Metric, type Sample } from './prometheus';
import type { CacheTimes } from './times';

interface Timed {
  readonly times: CacheTimes;
}

interface TimeFamily {
  readonly name: string;
  readonly help: string;
  readonly series: readonly { readonly of: keyof CacheTimes; readonly labels: Readonly<Record<string, string>> }[];
}

function timeMetric({ series, ...family }: TimeFamily): Metric<ByRepository<Timed>> {
  const samples = (state: ByRepository<Timed>): Sample[] =>
    state.flatMap(([repository, { times }]) =>
      series.filter(({ of }) => !times[of].isEmpty).flatMap(({ of, labels }) => histogramSamples({ repository, ...labels }, times[of].read())),
    );
  return { ...family, type: 'histogram', samples };
}

const FAMILIES: readonly TimeFamily[] = [
  {
    name: 'hawser_cache_redis_duration_seconds',
    help: "From a call of the cache, or from a loader's value (store), to the answer of Redis, by operation. Waits for loads and calls that Redis did not answer are not among them.",
    series: [
      { of: 'reads', labels: { operation: 'read' } },
      { of: 'stores', labels: { operation: 'store' } },
      { of: 'writes', labels: { operation: 'write' } },
      { of: 'invalidations', labels: { operation: 'invalidate' } },
    ],
  },
  { name: 'hawser_cache_load_duration_seconds', help: 'How long loaders took, those that failed included.', series: [{ of: 'loads', labels: {} }] },
  { name: 'hawser_cache_wait_duration_seconds', help: 'How long reads waited for the load of another caller, of this process or of another one.', series: [{ of: 'waits', labels: {} }] },
];

/** The metrics of times. */
export const TIME_METRICS: readonly Metric<ByRepository<Timed>>[] = FAMILIES.map(timeMetric);
