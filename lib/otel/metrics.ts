/**
 * The counters and gauges of `CacheMetrics` as observable instruments. Its distributions are not among them, because the API cannot observe
 * those: calls and loads have histograms of their own.
 */
import type { Attributes, BatchObservableCallback, Meter, Observable } from '@opentelemetry/api';
import { readMetrics } from '../cache/metrics';
import { described, spaceOf } from './names';

/** Lets a meter observe them. Returns a function that ends this. */
export function observeMetrics(meter: Meter): () => void {
  const observables = new Map<string, Observable>();
  for (const { metric } of readMetrics()) {
    if (metric.type === 'histogram') continue;
    const { name, unit } = described(metric.name);
    const options = { description: metric.help, unit };
    observables.set(metric.name, metric.type === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options));
  }
  const observe: BatchObservableCallback = (result) => {
    for (const { metric, samples } of readMetrics()) {
      const observable = observables.get(metric.name);
      if (observable === undefined) continue;
      for (const { labels, value } of samples()) result.observe(observable, value, attributesOf(metric.name, labels));
    }
  };
  const all = [...observables.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

function attributesOf(name: string, labels: Readonly<Record<string, string>>): Attributes {
  const space = spaceOf(name);
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [space + label, value]));
}
