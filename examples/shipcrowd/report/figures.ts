/** Figures from samples. */

/** The value below which a share (0 to 1) of the samples are, by the nearest rank; 0 without samples. */
export function percentile(samples: readonly number[], share: number): number {
  if (samples.length === 0) return 0;
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** In milliseconds. */
export function timesOf(samples: readonly number[]): Times {
  return { count: samples.length, p50: percentile(samples, 0.5), p90: percentile(samples, 0.9), p99: percentile(samples, 0.99), max: percentile(samples, 1) };
}

export const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
