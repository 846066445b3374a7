/**
 * The process's real clock, captured when the module loads, so that fake timers that a test installs later do not stop the link. If fake
 * timers were installed earlier (jest's `enableGlobally`), a microtask replaces `nextTick`, because microtasks are never faked.
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

/** Turns an exception from a user's listener, callback or strategy into an uncaught exception, so that it disturbs nothing else. */
export function surface(error: unknown): void {
  nextTick(() => {
    throw error;
  });
}

/** The result of a user's function; undefined if it throws. */
export function ask<T>(question: () => T): T | undefined {
  try {
    return question();
  } catch (thrown) {
    surface(thrown);
    return undefined;
  }
}

/** Node fires a longer timer at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

export const setTimeout = timers.setTimeout;
export const clearTimeout = timers.clearTimeout;
export const setImmediate = timers.setImmediate;
