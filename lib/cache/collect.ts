/** The metrics in a registry of prom-client. That package is not needed here: a registry asks whatever is registered for its samples. */
import { badOption } from '../errors';
import type { Metric } from './prometheus';

/** What is used of prom-client's `Registry` (versions 12 to 15). */
export interface MetricRegistry {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the type of prom-client's metrics is a union of its classes
  registerMetric(metric: any): void;
  getSingleMetric(name: string): unknown;
}

interface CollectedSample {
  labels: Record<string, string>;
  value: number;
  /** The name of a histogram's part. */
  metricName?: string;
}

/** What a registry takes from a metric at each scrape. */
interface Taken {
  name: string;
  help: string;
  type: string;
  aggregator: string;
  values: CollectedSample[];
}

/** A metric in the form that a registry knows. */
class Collected<S> {
  /** A registry for OpenMetrics takes `_total` off and adds it to the samples itself. */
  name: string;
  readonly help: string;
  readonly type: string;
  readonly aggregator: string;

  constructor(
    private readonly metric: Metric<S>,
    private readonly state: () => S,
  ) {
    this.name = metric.name;
    this.help = metric.help;
    this.type = metric.type;
    this.aggregator = metric.aggregator ?? 'sum';
  }

  /** Not a promise: registries before version 13 do not wait for one. */
  get(): Taken {
    const { name, help, type, aggregator, metric } = this;
    const values = metric.samples(this.state()).map(({ labels, value, part }): CollectedSample => {
      const sample = { labels: { ...labels }, value };
      return part === undefined ? sample : { ...sample, metricName: `${metric.name}_${part}` };
    });
    return { name, help, type, aggregator, values };
  }

  /** `registry.resetMetrics()` leaves the counters alone: they belong to the process, and `CacheMetrics.reset()` resets them. */
  reset(): void {}
}

/** Registers the metrics, unless the registry has them from here already. `state` is taken at each scrape. */
export function collect<S>(registry: MetricRegistry, metrics: readonly Metric<S>[], state: () => S): void {
  const { registerMetric, getSingleMetric } = (registry ?? {}) as Partial<MetricRegistry>;
  if (typeof registerMetric !== 'function' || typeof getSingleMetric !== 'function') badOption('registry', 'a Registry of prom-client', registry);
  for (const metric of metrics) {
    if (!(registry.getSingleMetric(metric.name) instanceof Collected)) registry.registerMetric(new Collected(metric, state));
  }
}
