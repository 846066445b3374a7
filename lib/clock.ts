/**
 * The process's real clock, captured when the module loads: fake timers that a test installs later must not stop the link. Where they were
 * installed before (jest's `enableGlobally`), `nextTick` is replaced by a microtask, which nobody fakes.
 */
import * as timers from 'node:timers';

const isFake = (timer: unknown): boolean => typeof timer === 'function' && 'clock' in timer;
const settled = Promise.resolve();
// eslint-disable-next-line @typescript-eslint/unbound-method -- it uses no `this`
const realNextTick = process.nextTick;

export const nextTick: <A extends unknown[]>(callback: (...args: A) => void, ...args: A) => void = isFake(realNextTick)
  ? (callback, ...args) => void settled.then(() => callback(...args)).catch(throwLater)
  : (realNextTick.bind(process) as never);

function throwLater(error: unknown): void {
  timers.setImmediate(() => {
    throw error;
  });
}

/** What a listener, a callback or a strategy of the user's threw becomes an uncaught exception, and harms nothing else. */
export function surface(error: unknown): void {
  nextTick(() => {
    throw error;
  });
}

/** A longer timer of Node's would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const setTimeout = timers.setTimeout;
export const clearTimeout = timers.clearTimeout;
export const setImmediate = timers.setImmediate;
