/** A report as text of a terminal. */
import type { Paint } from './colours';
import { textOf, visible, visibleLines, type Bar, type Cell, type Report, type Section } from './report';

const BAR_COLUMNS = 30;

/** The whole report, ending with a line break. */
export function renderText({ title, sections }: Report, paint: Paint): string {
  const parts = sections.map((section) => renderSection(section, paint)).filter((part) => part !== '');
  return `${[paint(visible(title), 'bold'), ...parts].join('\n\n')}\n`;
}

function renderSection(section: Section, paint: Paint): string {
  const title = section.title === undefined ? [] : [paint(visible(section.title), 'bold')];
  return [...title, ...bodyOf(section, paint)].join('\n');
}

function bodyOf(section: Section, paint: Paint): string[] {
  switch (section.kind) {
    case 'text':
      return section.lines.map((line) => painted(line, paint));
    case 'code':
      return visibleLines(section.text).split('\n').map((line) => `  ${line}`);
    case 'bars':
      return barLines(section.bars);
    case 'table':
      return section.rows.length === 0 ? [section.empty ?? 'none'] : tableLines(section.head, section.rows, paint);
  }
}

const painted = (cell: Cell, paint: Paint): string => (typeof cell === 'string' ? visible(cell) : paint(visible(cell.text), cell.tone));

/** Columns are as wide as their widest cell; the last one is not padded. */
function tableLines(head: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string[] {
  const all: (readonly Cell[])[] = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => visible(textOf(row[column] ?? '')).length)));
  return all.map((row, at) => {
    const cells = head.map((_, column) => {
      const cell = row[column] ?? '';
      const gap = column === head.length - 1 ? '' : ' '.repeat((widths[column] ?? 0) - visible(textOf(cell)).length);
      return `${at === 0 ? paint(visible(textOf(cell)), 'dim') : painted(cell, paint)}${gap}`;
    });
    return cells.join('  ').trimEnd();
  });
}

function barLines(bars: readonly Bar[]): string[] {
  const most = Math.max(...bars.map(({ value }) => value), 0);
  const width = Math.max(...bars.map(({ label }) => visible(label).length), 0);
  return bars.map(({ label, value, shown }) => {
    const bar = '█'.repeat(most > 0 && value > 0 ? Math.max(1, Math.round((value / most) * BAR_COLUMNS)) : 0);
    return `${visible(label).padEnd(width)}  ${bar}${bar === '' ? '' : ' '}${visible(shown ?? String(value))}`;
  });
}
