/** The numbers that facade and engine agree on (docs/design/crossing.md). */

/** Kinds of decisions. */
export const Decision = {
  hit: 0,
  miss: 1,
  load: 2,
  refresh: 3,
  stored: 4,
  failedWith: 5,
  nothing: 6,
  done: 7,
  error: 8,
  waiting: 9,
  event: 10,
  loadOver: 11,
} as const;

/** `b` of a hit. `kept`: a value kept for `staleIfError`, after the call's own loader has failed. */
export const Hit = { fresh: 0, stale: 1, joined: 2, kept: 3 } as const;

/** Slots of the shared state. */
export const State = { decisions: 0, writable: 1, tickIn: 2 } as const;
