/** What the migration is meant to reach, and whether it has. */

export interface Verdict {
  /** What is measured. */
  readonly name: string;
  readonly before: number | null;
  readonly after: number | null;
  readonly unit: Unit;
  /** The target in words. */
  readonly target: string;
  /** null: there is no figure to judge. */
  readonly met: boolean | null;
}

export type Unit = '' | 'ms' | '%' | 'MB' | 's';

/** The figure after must not exceed `most`. */
export function atMost(name: string, most: number, after: number | null, unit: Unit, before: number | null = null): Verdict {
  return { name, before, after, unit, target: `at most ${most}${unit === '' ? '' : ` ${unit}`}`, met: after === null ? null : after <= most };
}

/** The figure after must reach `least`. */
export function atLeast(name: string, least: number, after: number | null, unit: Unit, before: number | null = null): Verdict {
  return { name, before, after, unit, target: `at least ${least}${unit === '' ? '' : ` ${unit}`}`, met: after === null ? null : after >= least };
}

/** The figure after must be at most a part of the figure before: `part` 4 is a quarter. */
export function partOf(name: string, part: number, before: number | null, after: number | null, unit: Unit): Verdict {
  const met = before === null || after === null ? null : after <= before / part;
  return { name, before, after, unit, target: part === 1 ? 'no more than before' : `at most 1/${part} of before`, met };
}

/** Hit rates in percent. The names are those of the tiers in server/tiers.ts. */
export const HIT_RATES: Readonly<Record<string, { readonly label: string; readonly least: number }>> = {
  zones: { label: 'zones', least: 75 },
  rateCards: { label: 'rate cards', least: 90 },
  orders: { label: 'order lists', least: 60 },
  analytics: { label: 'analytics', least: 80 },
};

/** Times: by which part they should shrink. */
export const TIMES = [
  { kind: 'dashboard', label: 'dashboard', part: 4 },
  { kind: 'list', label: 'order list', part: 6 },
  { kind: 'quote', label: 'pricing', part: 6 },
] as const;

export const CONNECTIONS_AFTER = 3;
export const CONNECTIONS_BEFORE = 7;
/** For 100,000 keys. */
export const MEMORY_MB = 500;
