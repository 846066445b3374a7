/**
 * Times as whole microseconds of 32 bits, which overflow and start again. V8 keeps such a number in its field, and would allocate one with a
 * fraction.
 */

const now = performance.now.bind(performance);

/** The time now. */
export function micros(): number {
  return (now() * 1000) | 0;
}

/** Milliseconds from one time to a later one, at most half an hour. */
export function elapsedMs(from: number, to: number): number {
  return Math.max((to - from) | 0, 0) / 1000;
}
