/** Metrics as lists of samples, and Prometheus' text format, version 0.0.4. Source: prometheus.io/docs/instrumenting/exposition_formats. */

/** One number of a metric. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Which part of a histogram it is; absent for counters and gauges. */
  readonly part?: 'bucket' | 'sum' | 'count';
}

/** One metric. `S` is what its samples are taken from. */
export interface Metric<S> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** How the values of several processes become one. Default: their sum. */
  readonly aggregator?: 'max';
  /** What it is now, in a stable order. */
  samples(state: S): Sample[];
}

/** The numbers of each repository. */
export type ByRepository<C> = readonly (readonly [repository: string, numbers: C])[];

/** A counter or a gauge of each repository. */
export interface Family<C> {
  readonly name: string;
  readonly help: string;
  /** Default: `counter`. */
  readonly type?: 'gauge';
  readonly aggregator?: 'max';
  readonly series: readonly {
    readonly of: keyof C;
    readonly labels: Readonly<Record<string, string>>;
    /** The value is divided by this: 1000 makes seconds of milliseconds. */
    readonly per?: number;
  }[];
}

/** One sample for each series and repository. */
export function metricOf<C>(family: Family<C>): Metric<ByRepository<C>> {
  const { series } = family;
  const samples = (state: ByRepository<C>): Sample[] =>
    state.flatMap(([repository, numbers]) => series.map(({ of, labels, per = 1 }) => ({ labels: { repository, ...labels }, value: Number(numbers[of]) / per })));
  return { ...family, type: family.type ?? 'counter', samples };
}

/** What a histogram has observed. */
export interface Observed {
  /** The upper bounds of its buckets, ascending, without infinity. */
  readonly bounds: readonly number[];
  /** How many observations each bucket has alone; the last one, for those above all bounds, is the one that `bounds` does not name. */
  readonly counts: readonly number[];
  readonly sum: number;
}

/** The samples of one series of a histogram. */
export function histogramSamples(labels: Readonly<Record<string, string>>, { bounds, counts, sum }: Observed): Sample[] {
  let count = 0;
  const buckets = [...bounds, Infinity].map((bound, i): Sample => {
    count += counts[i] ?? 0;
    return { labels: { ...labels, le: decimal(bound) }, value: count, part: 'bucket' };
  });
  return [...buckets, { labels, value: sum, part: 'sum' }, { labels, value: count, part: 'count' }];
}

/** Help, type, and one line per sample. */
export function prometheusText<S>(metrics: readonly Metric<S>[], state: S): string {
  const lines: string[] = [];
  for (const metric of metrics) {
    lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`);
    for (const { labels, value, part } of metric.samples(state)) {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`);
      const name = part === undefined ? metric.name : `${metric.name}_${part}`;
      lines.push(`${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${decimal(value)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The format's own words for what is not finite. */
function decimal(value: number): string {
  return value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value);
}

/** The format escapes only backslash, quote and line feed in a label's value. */
function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}
