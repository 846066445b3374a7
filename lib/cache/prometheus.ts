/** Prometheus' text format, version 0.0.4. Source: prometheus.io/docs/instrumenting/exposition_formats. */

/** One metric and its counters. */
export interface Family<C> {
  readonly name: string;
  readonly help: string;
  /** Default: `counter`. */
  readonly type?: 'gauge';
  readonly series: readonly {
    readonly of: keyof C;
    readonly labels: Readonly<Record<string, string>>;
    /** The value is divided by this: 1000 makes seconds of milliseconds. */
    readonly per?: number;
  }[];
}

/** One line per series and repository, in a stable order. */
export function prometheusText<C>(families: readonly Family<C>[], counters: readonly (readonly [repository: string, counters: C])[]): string {
  const lines: string[] = [];
  for (const { name, help, type = 'counter', series } of families) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const [repository, values] of counters) {
      for (const { of, labels, per = 1 } of series) {
        const pairs = Object.entries({ repository, ...labels }).map(([label, value]) => `${label}="${escapeLabel(value)}"`);
        lines.push(`${name}{${pairs.join(',')}} ${String(Number(values[of]) / per)}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

/** The format escapes only backslash, quote and line feed in a label's value. */
function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}
