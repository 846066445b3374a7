/** Distributions of durations over fixed bounds. An observation adds to numbers that are there, and allocates nothing. */
import type { Observed } from './prometheus';

export class Histogram {
  /** How many lie between a bound and the one before; the last are longer than all bounds. */
  private readonly counts: Float64Array;
  /** Their sum, in an array because a number in a field is allocated anew with each change. */
  private readonly sum = new Float64Array(1);

  /** Bounds in milliseconds, ascending. */
  constructor(private readonly boundsMs: readonly number[]) {
    this.counts = new Float64Array(boundsMs.length + 1);
  }

  observe(ms: number): void {
    const { boundsMs } = this;
    let i = 0;
    while (i < boundsMs.length && ms > boundsMs[i]) i++;
    this.counts[i]++;
    this.sum[0] += ms;
  }

  /** Adds what another one with the same bounds has observed. */
  add(more: Histogram): void {
    for (let i = 0; i < this.counts.length; i++) this.counts[i] += more.counts[i];
    this.sum[0] += more.sum[0];
  }

  reset(): void {
    this.counts.fill(0);
    this.sum[0] = 0;
  }

  get isEmpty(): boolean {
    return this.counts.every((count) => count === 0);
  }

  /** What it has observed, in seconds. */
  read(): Observed {
    return { bounds: this.boundsMs.map((ms) => ms / 1000), counts: Array.from(this.counts), sum: this.sum[0] / 1000 };
  }
}
