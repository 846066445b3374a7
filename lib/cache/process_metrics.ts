/** Metrics that are not about repositories. The connection manager provides their samples. */
import type { Metric, Sample } from './prometheus';

/** Where they come from. */
export interface ProcessSamples {
  /** One for each server of the store. */
  readonly breakers: () => Sample[];
  /** One for each role and state. */
  readonly connections: () => Sample[];
}

export function processMetrics({ breakers, connections }: ProcessSamples): readonly Metric<unknown>[] {
  return [
    {
      name: 'hawser_cache_breaker_open',
      help: '1 while the cache does not ask a server because it was silent, by node.',
      type: 'gauge',
      aggregator: 'max',
      samples: breakers,
    },
    { name: 'hawser_connections', help: "The manager's connections, by role and state.", type: 'gauge', samples: connections },
  ];
}
