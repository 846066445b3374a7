// Text tables. A column is as wide as its widest cell; the first is aligned left, the others right.

/** Lines of a table. `rows[0]` is its head; a row may be shorter than it. */
export function table(rows) {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const line = (row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join('  ').trimEnd();
  return rows.map(line).join('\n');
}

/** `2.41x`, `0.083x`, `12.0x`; a dash if there is no measurement. */
export function times(value) {
  if (value === undefined) return '-';
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : value >= 0.1 ? 2 : 3;
  return `${value.toFixed(digits)}x`;
}

/** `41k/s`, `1.29M/s`. */
export function perSecond(value) {
  if (value === undefined) return '-';
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)}M/s`;
  return value >= 1e3 ? `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k/s` : `${value.toFixed(0)}/s`;
}

/** `13.2us` */
export function micros(value) {
  if (value === undefined) return '-';
  return `${value.toFixed(value >= 10 ? 1 : 2)}us`;
}

/** `0.42ms`, `120ms`, `3.1s` */
export function millis(value) {
  if (value === undefined) return '-';
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)}s`;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)}ms`;
}

/** `613 MB` */
export function megabytes(value) {
  return value === undefined ? '-' : `${value.toFixed(0)} MB`;
}

/** `1,000,000` */
export function count(value) {
  return value.toLocaleString('en-US');
}

/** A paragraph about contenders without figures, if there are any. */
export function showFailures(failures) {
  const lines = Object.entries(failures).map(([name, reason]) => `${name}: not measured: ${reason}`);
  return lines.length === 0 ? [] : [lines.join('\n')];
}
