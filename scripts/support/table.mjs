// The tables of docs/support.md. The run that tests something writes its own table; nobody edits them by hand.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, say } from '../setup/run.mjs';

const FILE = 'docs/support.md';

/** Replaces the text between `<!-- tested: name -->` and `<!-- end -->`: a table, and a line about the run. */
export function writeTable(name, head, rows, about) {
  const file = path.join(root, FILE);
  const before = readFileSync(file, 'utf8');
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const table = [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
  const block = new RegExp(`(<!-- tested: ${name} -->\n)[^]*?(<!-- end -->)`);
  if (!block.test(before)) throw new Error(`${FILE} has no table ${name}`);
  writeFileSync(file, before.replace(block, (_, start, end) => `${start}${table}\n\n${about}\n${end}`));
  say(`wrote the table ${name} of ${FILE}`);
}

/** `2026-05-31`. */
export const today = () => new Date().toISOString().slice(0, 10);
