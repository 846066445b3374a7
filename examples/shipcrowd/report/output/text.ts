/** The report as text. */
import type { ReportJson } from '../result';
import { tablesOf, type Table } from './tables';

export function textOf(report: ReportJson): string {
  return `${[titleOf(report), ...tablesOf(report).map(lines)].join('\n\n')}\n`;
}

export function titleOf({ size, quick, seed, machine, seconds }: ReportJson): string {
  const data = `${size.companies.toLocaleString('en')} companies, ${size.orders.toLocaleString('en')} orders, ${size.requests.toLocaleString('en')} requests from seed ${seed}, ${size.instances} instances`;
  return `Shipcrowd, before against after${quick ? ' (reduced size)' : ''}\n${data}\nNode ${machine.node}, Redis ${machine.redis}, ${machine.cpus} CPUs; took ${Math.round(seconds)} s`;
}

function lines({ title, note, head, rows }: Table): string {
  const widths = head.map((cell, at) => Math.max(cell.length, ...rows.map((row) => (row[at] ?? '').length)));
  const isNumber = head.map((_, at) => at > 0 && rows.every((row) => /^[-\d]/.test(row[at] ?? '-')));
  const line = (cells: readonly string[]): string => cells.map((cell, at) => (isNumber[at] ? cell.padStart(widths[at]) : cell.padEnd(widths[at]))).join('  ').trimEnd();
  return [title, ...(note === undefined ? [] : [note]), '', line(head), ...rows.map(line)].join('\n');
}
