/**
 * Turns of the event loop. Answers in the same tick (the in-process store, a server that is not asked at the moment) would block timers
 * and sockets during a loop of calls, so the event loop gets a turn every few milliseconds.
 */
import { nextTick, setImmediate } from './clock';

/** The maximum time of consecutive ticks without a turn of the event loop. */
const TURN_MS = 5;

const now = performance.now.bind(performance);

/** When the first callback was asked for since the last turn that is known; undefined: none was. */
let since: number | undefined;

/** The event loop has turned: what a link has read shows it. Code that knows of a turn spares the others the next one. */
export function turned(): void {
  since = undefined;
}

function after<A extends unknown[]>(callback: (...args: A) => void, args: A): void {
  since = undefined;
  callback(...args);
}

/** Runs `callback` after this tick, or, if ticks have followed each other for some milliseconds, in the next turn of the event loop. */
export function soon<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void {
  const at = now();
  since ??= at;
  if (at - since > TURN_MS) setImmediate(after<A>, callback, args);
  else nextTick(callback, ...args);
}

/** Resolves after this tick, or after the turn of the event loop if one is due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => soon(resolve));
}
