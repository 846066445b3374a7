/**
 * Turns of the event loop. Answers in the same tick (the in-process store, a server that is not asked at the moment) would block timers
 * and sockets during a loop of calls, so the event loop gets a turn every few milliseconds.
 */
import { nextTick, setImmediate } from './clock';

/** The maximum time of consecutive ticks without a turn of the event loop. */
const TURN_MS = 5;

const now = performance.now.bind(performance);

/** The start of the current turn; undefined if nothing was requested in it. */
let since: number | undefined;

function over(): void {
  since = undefined;
}

/** Runs `callback` after this tick, or, if ticks have followed each other for some milliseconds, in the next turn of the event loop. */
export function soon<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void {
  if (since === undefined) {
    since = now();
    // This does not keep the process alive; waiting callers do, if any.
    setImmediate(over).unref();
  } else if (now() - since > TURN_MS) {
    setImmediate(callback, ...args);
    return;
  }
  nextTick(callback, ...args);
}

/** Resolves after this tick, or after the turn of the event loop if one is due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => soon(resolve));
}
