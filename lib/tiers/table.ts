/** Tiers as a table of text. */
import { checkTiers, type Tier, type Tiers } from './tier';

const HEAD = ['tier', 'ttl', 'stale after', 'kept for errors', 'tags', 'near cache', 'target', 'browser: fresh', 'kept', 'stored'];

/** One row for each tier, with times in seconds. Throws TypeError for anything but what `defineTiers` returns. */
export function tierTable(tiers: Tiers): string {
  const rows = tierRows(tiers);
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ').trimEnd()).join('\n');
}

/** The cells of the table; the first row is the head. Throws as `tierTable`. */
export function tierRows(tiers: Tiers): string[][] {
  checkTiers('tiers', tiers);
  return [HEAD, ...Object.values(tiers).map(rowOf)];
}

function rowOf({ name, ttl, staleAfter, staleIfError, tags, nearCache, target, browser }: Tier): string[] {
  return [
    name,
    ttl === undefined ? 'direct' : seconds(ttl),
    seconds(staleAfter),
    seconds(staleIfError),
    tags.length === 0 ? '-' : tags.join(' '),
    nearCache === undefined || nearCache === false ? '-' : `${nearCache.maxBytes} bytes`,
    target === undefined ? '-' : `${Math.round(target * 1000) / 10} %`,
    seconds(browser?.staleTime),
    seconds(browser?.gcTime),
    browser?.persist === true ? 'yes' : '-',
  ];
}

function seconds(value: number | undefined): string {
  if (value === undefined) return '-';
  return value === Infinity ? 'for ever' : `${value} s`;
}
