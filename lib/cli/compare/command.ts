/** `hawser compare before.json after.json`. */
import type { CliCommand } from '../command';
import { CliError, EXIT } from '../exit_codes';
import { addOutputOptions, numberBetween } from '../options';
import { emit } from '../output/emit';
import type { Bar, Cell, Report } from '../output/report';
import { readSnapshot, type Better, type Measure, type Snapshot } from './snapshot';

export interface RowJson {
  readonly group: string;
  readonly name: string;
  readonly unit: Measure['unit'];
  /** null: this side does not have the figure. */
  readonly before: number | null;
  readonly after: number | null;
  readonly change: number | null;
  /** null if there is no figure before, or it is 0. */
  readonly changePercent: number | null;
  readonly verdict: 'better' | 'worse' | 'same' | 'neither';
}

/** What `hawser compare --json` prints. */
export interface CompareJson {
  readonly schema: 'hawser.compare/1';
  readonly before: { readonly file: string; readonly kinds: readonly string[] };
  readonly after: { readonly file: string; readonly kinds: readonly string[] };
  readonly rows: readonly RowJson[];
  /** `group name` of what is worse by more than `--fail-on-worse` percent; empty without the option. */
  readonly failed: readonly string[];
}

export const command: CliCommand = {
  define(command) {
    command
      .argument('<before.json>', 'what inspect --json, audit --json, RedisManager.stats() or CacheMetrics.snapshot() gave before')
      .argument('<after.json>', 'the same afterwards')
      .option('--fail-on-worse <percent>', 'exit with 1 if a figure is worse by more than so many percent', numberBetween(0, 1e6));
    addOutputOptions(command);
  },
  async run(call) {
    const [before, after] = call.args as [string, string];
    const data = compared(before, after, call.context.cwd, call.options.failOnWorse as number | undefined);
    await emit(call, { data, report: () => reportOf(data) });
    return data.failed.length === 0 ? EXIT.fine : EXIT.findings;
  },
};

function compared(before: string, after: string, cwd: string, limit: number | undefined): CompareJson {
  const [old, recent] = [readSnapshot(before, cwd), readSnapshot(after, cwd)];
  if (!old.kinds.some((kind) => recent.kinds.includes(kind))) {
    throw new CliError(`${before} (${old.kinds.join(', ')}) and ${after} (${recent.kinds.join(', ')}) have nothing in common to compare`);
  }
  const rows = rowsOf(old, recent);
  const failed = limit === undefined ? [] : rows.filter(({ verdict, change, changePercent }) => verdict === 'worse' && (changePercent === null ? change !== 0 : Math.abs(changePercent) > limit));
  return { schema: 'hawser.compare/1', before: { file: before, kinds: old.kinds }, after: { file: after, kinds: recent.kinds }, rows, failed: failed.map(({ group, name }) => `${group}: ${name}`) };
}

/** Every figure that one of the sides has. */
function rowsOf(before: Snapshot, after: Snapshot): RowJson[] {
  const key = ({ group, name }: Measure): string => `${group}\0${name}`;
  const old = new Map(before.measures.map((one) => [key(one), one]));
  const recent = new Map(after.measures.map((one) => [key(one), one]));
  return [...new Map([...old, ...recent])].map(([name, measure]) => rowOf(measure, old.get(name)?.value ?? null, recent.get(name)?.value ?? null));
}

function rowOf({ group, name, unit, better }: Measure, before: number | null, after: number | null): RowJson {
  const change = before === null || after === null ? null : after - before;
  const changePercent = change === null || before === null || before === 0 ? null : (change / Math.abs(before)) * 100;
  return { group, name, unit, before, after, change, changePercent, verdict: verdictOf(change, better) };
}

function verdictOf(change: number | null, better: Better): RowJson['verdict'] {
  if (change === null || better === 'neither') return 'neither';
  if (change === 0) return 'same';
  return change < 0 === (better === 'less') ? 'better' : 'worse';
}

function reportOf({ before, after, rows, failed }: CompareJson): Report {
  const charted = rows.filter((row) => row.before !== null && row.after !== null);
  return {
    title: `${before.file} and ${after.file}`,
    sections: [
      { kind: 'table', head: ['figure', '', 'before', 'after', 'change', ''], rows: rows.map(cellsOf) },
      ...[...new Set(charted.map(({ group }) => group))].map((group) => ({ kind: 'bars' as const, title: group, bars: charted.filter((row) => row.group === group).flatMap(barsOf) })),
      ...(failed.length === 0 ? [] : [{ kind: 'text' as const, title: 'Worse than allowed', lines: failed.map((text) => ({ text, tone: 'bad' as const })) }]),
    ],
  };
}

function cellsOf({ group, name, unit, before, after, change, changePercent, verdict }: RowJson): Cell[] {
  const difference = change === null ? '-' : `${change > 0 ? '+' : ''}${shown(change, unit)}${changePercent === null ? '' : ` (${changePercent > 0 ? '+' : ''}${Math.round(changePercent)} %)`}`;
  const tone = verdict === 'better' ? 'good' : verdict === 'worse' ? 'bad' : 'dim';
  return [group, name, shown(before, unit), shown(after, unit), difference, verdict === 'neither' ? '' : { text: verdict, tone }];
}

function barsOf({ name, unit, before, after }: RowJson): Bar[] {
  return [
    { label: `${name}, before`, value: before ?? 0, shown: shown(before, unit) },
    { label: `${name}, after`, value: after ?? 0, shown: shown(after, unit) },
  ];
}

function shown(value: number | null, unit: Measure['unit']): string {
  if (value === null) return '-';
  if (unit === 'bytes') return Math.abs(value) < 1e6 ? `${Math.round(value / 100) / 10} kB` : `${Math.round(value / 1e5) / 10} MB`;
  const rounded = String(Math.round(value * 100) / 100);
  return unit === '' ? rounded : `${rounded} ${unit}`;
}
