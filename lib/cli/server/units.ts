/** Numbers as people read them. */

const SIZES = ['bytes', 'kB', 'MB', 'GB', 'TB'];

/** `1.5 MB`; `-` if it is not known. */
export function size(bytes: number | null | undefined): string {
  if (bytes == null) return '-';
  let value = bytes;
  let unit = 0;
  for (; value >= 1024 && unit < SIZES.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${SIZES[unit]}`;
}

/** `1,234,567`; `-` if it is not known. */
export const count = (value: number | null | undefined): string => (value == null ? '-' : Math.round(value).toLocaleString('en-US'));

/** `93.4 %` of a number from 0 to 100; `-` if it is not known. */
export const percent = (value: number | null | undefined): string => (value == null ? '-' : `${value.toFixed(1)} %`);

/** `2.5 h` of seconds; `-` if it is not known. */
export function time(seconds: number | null | undefined): string {
  if (seconds == null) return '-';
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${round(seconds)} s`;
  if (seconds < 7_200) return `${round(seconds / 60)} min`;
  return seconds < 172_800 ? `${round(seconds / 3_600)} h` : `${round(seconds / 86_400)} days`;
}

/** `1.25 ms` of milliseconds. */
export const millis = (ms: number | null | undefined): string => (ms == null ? '-' : `${ms < 10 ? ms.toFixed(2) : Math.round(ms)} ms`);

const round = (value: number): string => (value < 10 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value)));
