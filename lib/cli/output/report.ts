/**
 * What a command shows, independent of where: `text.ts` prints a report on a terminal, `html.ts` makes a page of it. Numbers are formatted
 * by the command; `--json` prints the command's data and not its report.
 */

/** How a text is meant; a terminal shows it as a colour. */
export type Tone = 'bad' | 'warn' | 'good' | 'dim' | 'bold';

/** A piece of text: plain, or with a tone. Control characters are made visible when it is shown. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

/** A row's place in a chart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  /** The value as people read it; default: the number. */
  readonly shown?: string;
}

export type Section =
  | { readonly kind: 'text'; readonly title?: string; readonly lines: readonly Cell[] }
  | { readonly kind: 'table'; readonly title?: string; readonly head: readonly string[]; readonly rows: readonly (readonly Cell[])[]; readonly empty?: string }
  | { readonly kind: 'bars'; readonly title: string; readonly bars: readonly Bar[] }
  /** Code, with its line breaks and spaces. */
  | { readonly kind: 'code'; readonly title?: string; readonly text: string };

export interface Report {
  readonly title: string;
  readonly sections: readonly Section[];
}

export const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

// eslint-disable-next-line no-control-regex -- these characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text without anything that a terminal would obey: a key or a file name may hold escape sequences. */
export function visible(text: string): string {
  return text.replace(CONTROL, (char) => (char === '\n' ? '\\n' : char === '\t' ? '\\t' : `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`));
}

/** `visible` for a text of several lines, whose line breaks stay. */
export const visibleLines = (text: string): string => text.split('\n').map(visible).join('\n');
