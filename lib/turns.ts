/**
 * Turns of the event loop. What is answered in the same tick (the store inside this process, a server that is not asked at the moment) would keep
 * timers and sockets waiting for as long as somebody asks again and again: so every few milliseconds the event loop has its turn.
 */
import { nextTick, setImmediate } from './clock';

/** How long ticks may follow each other without a turn of the event loop. */
const TURN_MS = 5;

const now = performance.now.bind(performance);

/** When the present turn was noticed; undefined where nothing has been asked for in it. */
let since: number | undefined;

function over(): void {
  since = undefined;
}

/** Runs `callback` when this tick is over, or, where ticks have followed each other for some milliseconds, in the next turn of the event loop. */
export function soon<A extends unknown[]>(callback: (...args: A) => void, ...args: A): void {
  if (since === undefined) {
    since = now();
    // Does not hold the process: whoever waits does, if anybody.
    setImmediate(over).unref();
  } else if (now() - since > TURN_MS) {
    setImmediate(callback, ...args);
    return;
  }
  nextTick(callback, ...args);
}

/** Resolves when this tick is over, or the turn of the event loop where it is due. */
export function turn(): Promise<void> {
  return new Promise((resolve) => soon(resolve));
}
