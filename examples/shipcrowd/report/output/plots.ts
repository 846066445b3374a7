/** Plots as SVG text. They bring no script and load nothing; colours are the page's variables. */
import type { Unit } from '../targets';
import { shown } from './numbers';

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
export const escaped = (text: string): string => text.replace(/[&<>"']/g, (char) => ENTITIES[char]);

export interface Pair {
  readonly label: string;
  readonly before: number | null;
  readonly after: number | null;
  /** Where the bar after should end, or reach. */
  readonly target?: number | null;
  /** The bar may not pass the target, or must reach it. */
  readonly isLimit?: boolean;
}

const WIDTH = 860;
const LABEL = 190;
const VALUES = 110;
const BAR = 13;
const ROW = 46;

/** Two bars for each label, before and after, with a mark at the target. */
export function pairs(title: string, rows: readonly Pair[], unit: Unit, most?: number): string {
  const room = WIDTH - LABEL - VALUES;
  const longest = most ?? Math.max(...rows.flatMap(({ before, after, target }) => [before ?? 0, after ?? 0, target ?? 0]), 1e-9);
  const width = (value: number): number => Math.max(value > 0 ? 2 : 0, Math.round((Math.min(value, longest) / longest) * room));
  const bar = (value: number | null, y: number, side: string): string => {
    if (value === null) return `<text class="dim" x="${LABEL}" y="${y + 11}">no figure</text>`;
    return `<rect class="${side}" x="${LABEL}" y="${y}" width="${width(value)}" height="${BAR}" rx="2"/><text class="value" x="${LABEL + width(value) + 7}" y="${y + 11}">${escaped(shown(value, unit))}</text>`;
  };
  const marks = rows.map(({ label, before, after, target, isLimit = true }, at) => {
    const y = at * ROW + 6;
    const missed = after !== null && target !== null && target !== undefined && (isLimit ? after > target : after < target);
    const tick = target === null || target === undefined ? '' : mark(LABEL + width(target), y, `target: ${isLimit ? 'at most' : 'at least'} ${shown(target, unit)}`);
    return `<text class="label${missed ? ' bad' : ''}" x="${LABEL - 12}" y="${y + 18}" text-anchor="end">${escaped(label)}</text>${bar(before, y, 'old')}${bar(after, y + BAR + 2, 'new')}${tick}`;
  });
  return svg(title, rows.length * ROW + 4, marks.join('\n'));
}

function mark(x: number, y: number, title: string): string {
  return `<line class="target" x1="${x}" x2="${x}" y1="${y - 4}" y2="${y + 2 * BAR + 6}"><title>${escaped(title)}</title></line>`;
}

export interface Stack {
  readonly label: string;
  readonly parts: readonly { readonly name: string; readonly value: number; readonly tone: string }[];
}

/** One bar for each label, made of parts. */
export function stacks(title: string, rows: readonly Stack[]): string {
  const room = WIDTH - LABEL - VALUES;
  const total = ({ parts }: Stack): number => parts.reduce((sum, { value }) => sum + value, 0);
  const longest = Math.max(...rows.map(total), 1e-9);
  const bars = rows.map((row, at) => {
    let x = LABEL;
    const y = at * 36 + 4;
    const pieces = row.parts.map(({ name, value, tone }) => {
      const width = (value / longest) * room;
      const text = width > 30 ? `<text class="inside" x="${(x + width / 2).toFixed(1)}" y="${y + 16}" text-anchor="middle">${shown(value)}</text>` : '';
      const piece = `<rect class="${tone}" x="${x.toFixed(1)}" y="${y}" width="${Math.max(0, width - 2).toFixed(1)}" height="22" rx="2"><title>${escaped(`${name}: ${shown(value)}`)}</title></rect>${text}`;
      x += width;
      return piece;
    });
    return `<text class="label" x="${LABEL - 12}" y="${y + 16}" text-anchor="end">${escaped(row.label)}</text>${pieces.join('')}<text class="value" x="${(x + 7).toFixed(1)}" y="${y + 16}">${shown(total(row))}</text>`;
  });
  return svg(title, rows.length * 36 + 4, bars.join('\n'));
}

export interface Moment {
  /** Seconds. */
  readonly at: number;
  readonly value: number;
  /** Whether something failed then. */
  readonly isBad: boolean;
}

/** A bar for each moment, and a shade from `from` to `to`. */
export function moments(title: string, all: readonly Moment[], from: number, to: number): string {
  const height = 110;
  const room = WIDTH - 90;
  const end = Math.max(...all.map(({ at }) => at), to) + 0.5;
  const most = Math.max(...all.map(({ value }) => value), 1);
  const x = (at: number): number => 80 + (at / end) * room;
  const y = (value: number): number => 12 + (1 - value / most) * height;
  const bars = all.map(({ at, value, isBad }) => `<rect class="${isBad ? 'wrong' : 'new'}" x="${x(at).toFixed(1)}" y="${y(value).toFixed(1)}" width="${Math.max(1, x(0.5) - x(0) - 1).toFixed(1)}" height="${(12 + height - y(value)).toFixed(1)}"/>`);
  const shade = `<rect class="shade" x="${x(from).toFixed(1)}" y="4" width="${Math.max(2, x(to) - x(from)).toFixed(1)}" height="${height + 8}"/>`;
  const axis = `<text class="dim" x="72" y="18" text-anchor="end">${escaped(shown(most, 'ms'))}</text><text class="dim" x="72" y="${height + 12}" text-anchor="end">0</text><text class="dim" x="80" y="${height + 30}">0 s</text><text class="dim" x="${WIDTH - 10}" y="${height + 30}" text-anchor="end">${escaped(shown(end, 's'))}</text>`;
  return svg(title, height + 36, shade + bars.join('') + axis);
}

function svg(title: string, height: number, content: string): string {
  return `<svg role="img" aria-label="${escaped(title)}" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}">\n${content}\n</svg>`;
}
