/** Numbers, bars and colours for the terminal. */

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  red(text: string): string;
  cyan(text: string): string;
}

/** Colours as ANSI sequences, or none. */
export function paint(colours: boolean): Paint {
  const wrap = (open: number, close: number) => (text: string) => (colours ? `\x1b[${open}m${text}\x1b[${close}m` : text);
  return { bold: wrap(1, 22), dim: wrap(2, 22), green: wrap(32, 39), yellow: wrap(33, 39), red: wrap(31, 39), cyan: wrap(36, 39) };
}

// eslint-disable-next-line no-control-regex -- it matches the escape character
const ESCAPES = /\x1b\[[\d;]*m/g;

/** The width of a text in columns. */
export function width(text: string): number {
  return [...text.replace(ESCAPES, '')].length;
}

/** Truncates a text to `columns`. A truncated text loses its colours, because half a sequence would colour the text after it. */
export function fit(text: string, columns: number): string {
  return width(text) <= columns ? text : `${[...text.replace(ESCAPES, '')].slice(0, Math.max(columns - 1, 0)).join('')}…`;
}

export function left(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(columns - width(text), 0));
}

export function right(text: string, columns: number): string {
  return ' '.repeat(Math.max(columns - width(text), 0)) + text;
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** A number with its noun: `1 list`, `2 lists`. */
export function plural(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** A short duration with its unit. */
export function milliseconds(ms: number): string {
  if (Number.isNaN(ms)) return '';
  return ms < 1 ? `${Math.round(ms * 1000)} µs` : ms < 100 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** A long duration in words. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar that fills `share` (0 to 1) of `columns`, in eighths of a column, padded with blanks. */
export function bar(share: number, columns: number): { full: string; empty: string } {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * columns * 8);
  const full = '█'.repeat(eighths >> 3) + EIGHTHS[eighths & 7];
  return { full, empty: '·'.repeat(columns - full.length) };
}

const LEVELS = '▁▂▃▄▅▆▇█';

/** A sparkline of the latest numbers, scaled from 0 to the largest. */
export function sparkline(numbers: readonly number[], columns: number): string {
  const shown = numbers.slice(-columns);
  const top = Math.max(...shown, 1);
  return shown.map((n) => LEVELS[Math.min(Math.round((n / top) * 7), 7)]).join('');
}
