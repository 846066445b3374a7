// How fast memory grows.

/** Least squares over the second half of the samples `{ at (ms), bytes }`: KB per minute. Undefined with fewer than three samples there. */
export function slope(samples) {
  const half = samples.slice(Math.floor(samples.length / 2));
  if (half.length < 3) return undefined;
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const minutes = half.map(({ at }) => at / 60_000);
  const size = half.map(({ bytes }) => bytes / 1024);
  const [middle, average] = [mean(minutes), mean(size)];
  const spread = minutes.reduce((sum, minute) => sum + (minute - middle) ** 2, 0);
  return minutes.reduce((sum, minute, at) => sum + (minute - middle) * (size[at] - average), 0) / spread;
}
