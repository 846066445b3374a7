/** Shows the figures: on a terminal, as a table that is redrawn in place; elsewhere, as a line from time to time. */
import type { Figures, Row } from './figures';
import { bar, count, duration, fit, left, milliseconds, paint, plural, right, sparkline, width, type Paint } from './text';

export interface Run {
  /** The place of the cache. */
  where: string;
  users: number;
  /** The duration of the run, in seconds. */
  seconds: number;
}

interface Column {
  title: string;
  columns: number;
  of(row: Row): string;
  /** If the terminal is too narrow, the column with the highest number is dropped first. */
  spare: number;
}

const BAR = 10;
const MARGIN = '  ';

function columnsOf(p: Paint, available: number): Column[] {
  const dash = p.dim('–');
  const number = (n: number, colour: (text: string) => string = (text) => text): string => (n === 0 ? dash : colour(count(n)));
  const all: Column[] = [
    { title: 'reads', columns: 8, spare: 0, of: (row) => number(row.reads) },
    { title: 'hit', columns: 8, spare: 0, of: (row) => number(row.hits, p.green) },
    { title: 'stale', columns: 7, spare: 0, of: (row) => number(row.stale, p.yellow) },
    { title: 'missed', columns: 8, spare: 0, of: (row) => number(row.misses, p.red) },
    { title: 'loaded', columns: 8, spare: 3, of: (row) => number(row.loads) },
    { title: 'refreshed', columns: 10, spare: 0, of: (row) => number(row.refreshes, p.cyan) },
    { title: 'invalidated', columns: 12, spare: 0, of: (row) => number(row.dropped, p.cyan) },
    { title: '', columns: BAR + 2, spare: 2, of: (row) => share(p, row.hitRate) },
    { title: 'hit rate', columns: 9, spare: 1, of: (row) => `${row.hitRate.toFixed(1)} %` },
    { title: 'median', columns: 10, spare: 5, of: (row) => milliseconds(row.medianMs) },
    { title: 'database', columns: 10, spare: 4, of: (row) => (row.databaseMs === undefined ? '' : p.dim(`${row.databaseMs} ms`)) },
  ];
  const shown = [...all];
  const total = (): number => shown.reduce((sum, { columns }) => sum + columns, MARGIN.length + LABEL);
  for (const column of all.filter(({ spare }) => spare > 0).sort((a, b) => b.spare - a.spare)) {
    if (total() <= available) break;
    shown.splice(shown.indexOf(column), 1);
  }
  return shown;
}

const LABEL = 14;

function share(p: Paint, percent: number): string {
  const { full, empty } = bar(percent / 100, BAR);
  return p.green(full) + p.dim(empty);
}

/** The lines of the table. */
export function table(figures: Figures, p: Paint, available: number): string[] {
  const columns = columnsOf(p, available);
  const rows = figures.rows();
  const line = (row: Row): string => MARGIN + left(row.label, LABEL) + columns.map((column) => right(column.of(row), column.columns)).join('');
  const head = MARGIN + p.dim(left('', LABEL) + columns.map(({ title, columns: wide }) => right(title, wide)).join(''));
  const rule = MARGIN + p.dim('─'.repeat(LABEL + columns.reduce((sum, column) => sum + column.columns, 0)));
  return [head, ...rows.map(line), rule, p.bold(line(figures.total(rows)))];
}

/** A summary of the table in sentences. */
export function conclusions(figures: Figures, permissionsDropped: number, p: Paint): [string, string][] {
  const { reads, savedMs, misses, loads } = figures.total();
  const { outdated, failed } = figures;
  return [
    ['saved', `${p.bold(duration(savedMs))} of waiting for the database: ${count(reads)} reads took ${count(figures.queries)} queries`],
    ['shared', `${count(misses)} misses ran ${count(loads)} loaders, the others joined one that ran already`],
    ['bus', `${plural(figures.messages, 'message')}; ${plural(permissionsDropped, 'permission set')} dropped from memory`],
    ['never', `${outdated === 0 ? p.green('0') : p.red(count(outdated))} answers older than a finished invalidation, ${failed === 0 ? p.green('0') : p.red(count(failed))} failed calls`],
  ];
}

export interface Screen {
  draw(figures: Figures, permissionsDropped: number): void;
  /** Draws the last state and restores the terminal. */
  close(figures: Figures, permissionsDropped: number, ending: string): void;
}

/** A live table if standard output is a terminal that can redraw; otherwise lines. */
export function openScreen(out: NodeJS.WriteStream, run: Run): Screen {
  const live = out.isTTY && process.env.TERM !== 'dumb';
  return live ? new LiveScreen(out, run) : new PlainScreen(out, run);
}

class LiveScreen implements Screen {
  private readonly p: Paint;
  private drawn = 0;
  private readonly restore = (): void => void this.out.write('\x1b[?25h');

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly run: Run,
  ) {
    // Node decides from NO_COLOR, FORCE_COLOR and TERM.
    this.p = paint(out.hasColors());
    out.write('\x1b[?25l');
    process.on('exit', this.restore);
  }

  draw(figures: Figures, permissionsDropped: number): void {
    this.paint([...this.frame(figures, permissionsDropped), '', ...this.notes(figures)]);
  }

  close(figures: Figures, permissionsDropped: number, ending: string): void {
    this.paint([...this.frame(figures, permissionsDropped), '', MARGIN + ending, '']);
    process.off('exit', this.restore);
    this.restore();
  }

  private frame(figures: Figures, permissionsDropped: number): string[] {
    const { p, run } = this;
    const wide = this.out.columns;
    const at = Math.min(figures.seconds, run.seconds);
    const { full, empty } = bar(at / run.seconds, 24);
    const title = `${p.bold('hawser')} ${p.dim('·')} an order backend, ${run.users} users ${p.dim('·')} ${run.where}`;
    const clock = `${p.cyan(full)}${p.dim(empty)} ${at.toFixed(1)} of ${run.seconds} s`;
    const lines = figures.rates.length === 0 ? p.dim('…') : `${p.cyan(sparkline(figures.rates, 30))} ${count(figures.rates.at(-1)!)}`;
    const facts: [string, string][] = [['reads/s', lines], ...conclusions(figures, permissionsDropped, p)];
    return [
      '',
      MARGIN + title,
      MARGIN + clock,
      '',
      ...table(figures, p, wide),
      '',
      ...facts.map(([name, text]) => MARGIN + p.dim(left(name, 9)) + text),
    ];
  }

  private notes(figures: Figures): string[] {
    return figures.notes
      .slice(-5)
      .reverse()
      .map(({ at, text }) => MARGIN + this.p.dim(`${right(at.toFixed(1), 5)} s  ${text}`));
  }

  /** Draws over the previous frame. A frame higher than the terminal would scroll, so it is truncated. */
  private paint(lines: string[]): void {
    const shown = lines.slice(0, Math.max(this.out.rows - 1, 1)).map((line) => fit(line, this.out.columns - 1));
    const up = this.drawn > 0 ? `\x1b[${this.drawn}A` : '';
    this.out.write(`${up}\r${shown.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    this.drawn = shown.length;
  }
}

const PLAIN_EVERY_S = 2;

class PlainScreen implements Screen {
  private readonly p: Paint = paint(false);
  private next = PLAIN_EVERY_S;

  constructor(
    private readonly out: NodeJS.WriteStream,
    run: Run,
  ) {
    out.write(`hawser: an order backend, ${run.users} users, ${run.seconds} s, ${run.where}\n`);
  }

  draw(figures: Figures): void {
    if (figures.seconds < this.next) return;
    this.next += PLAIN_EVERY_S;
    const { reads, hits, stale, misses, refreshes, dropped, hitRate, savedMs } = figures.total();
    const parts = [
      `${right(figures.seconds.toFixed(0), 3)} s`,
      `${count(reads)} reads`,
      `${count(hits)} hit`,
      `${count(stale)} stale`,
      `${count(misses)} missed`,
      `${count(refreshes)} refreshed`,
      `${count(dropped)} invalidated`,
      `hit rate ${hitRate.toFixed(1)} %`,
      `saved ${duration(savedMs)}`,
    ];
    this.out.write(`${parts.join(', ')}\n`);
  }

  close(figures: Figures, permissionsDropped: number, ending: string): void {
    const { p } = this;
    const facts = conclusions(figures, permissionsDropped, p).map(([name, text]) => `${MARGIN}${left(name, 9)}${text}`);
    const rows = table(figures, p, 200).map((line) => line.trimEnd());
    const widest = Math.max(...rows.map(width));
    this.out.write(['', ...rows.map((line) => fit(line, widest)), '', ...facts, '', MARGIN + ending, ''].join('\n'));
  }
}
