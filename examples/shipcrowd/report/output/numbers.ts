/** Numbers as people read them. */
import type { Unit } from '../targets';

export function shown(value: number | null | undefined, unit: Unit = ''): string {
  if (value === null || value === undefined) return '-';
  const digits = Number.isInteger(value) || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })}${unit === '' ? '' : ` ${unit}`}`;
}

export const judged = (met: boolean | null): string => (met === null ? 'no figure' : met ? 'met' : 'MISSED');
