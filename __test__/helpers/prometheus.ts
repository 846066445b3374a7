/** Prometheus' text format as a parser of somebody else's reads it. */
import parse from 'parse-prometheus-text-format';

export interface SampleRead {
  readonly labels: Record<string, string>;
  readonly value: number;
}

/** The samples by the names in their lines. The parser drops the labels of histograms, so it reads their lines as metrics of their own. */
export function samplesOf(text: string): Map<string, SampleRead[]> {
  const families = parse(text.replace(/^(# TYPE \S+) histogram$/gm, '$1 untyped'));
  const samples = new Map<string, SampleRead[]>();
  for (const { name, metrics } of families) {
    const read = metrics.map(({ labels = {}, value }) => ({ labels, value: Number(value) }));
    samples.set(name, [...(samples.get(name) ?? []), ...read]);
  }
  return samples;
}

/** The samples of one name with these labels. */
export function samplesWith(text: string, name: string, labels: Record<string, string> = {}): SampleRead[] {
  const all = samplesOf(text).get(name) ?? [];
  return all.filter((one) => Object.entries(labels).every(([label, value]) => one.labels[label] === value));
}
