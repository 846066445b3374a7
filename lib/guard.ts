/**
 * Calls application code that nobody awaits: the logger and event listeners. Its exceptions and rejections reach no read, no write and no
 * other listener. All reports to the application go through this file.
 */
import { EventEmitter } from 'node:events';
import { nextTick, surface } from './clock';
import { LEVELS, type Logger } from './logger';
import { writer } from './logger_shapes';

/**
 * A logger that never throws and never leaves an unhandled rejection, on the application's logger of whatever shape. If the application's logger fails, the line is lost, and the
 * process gets one warning about the first loss.
 */
export function guardedLogger(logger: Logger): Logger {
  let hasFailed = false;
  const failed = (error: unknown): void => {
    if (hasFailed) return;
    hasFailed = true;
    process.emitWarning(`The logger given to hawser failed (${nameOf(error)}); the lines that it cannot write are lost.`, { code: 'HAWSER_LOGGER' });
  };
  const guarded = {} as Logger;
  for (const level of LEVELS) {
    const write = writer(logger, level);
    guarded[level] = (message, ...details) => attempt(() => write(message, details), failed);
  }
  return guarded;
}

/** A clock that never throws. If the application's clock fails, time stands still, and the process gets one warning. */
export function guardedClock(clock: () => number): () => number {
  let last = 0;
  let hasFailed = false;
  return () => {
    try {
      const ms: unknown = clock();
      if (typeof ms === 'number' && !Number.isNaN(ms)) return (last = ms);
      if (isThenable(ms)) attempt(() => ms, () => undefined);
    } catch {
      // As if it had given no number.
    }
    if (!hasFailed) process.emitWarning('The clock given to hawser failed or gave no number; time stands still.', { code: 'HAWSER_CLOCK' });
    hasFailed = true;
    return last;
  };
}

/**
 * Calls the listeners of an event separately, in a later tick. If one throws, or its promise rejects, that is an uncaught exception, as
 * usual in Node; the others still receive the event.
 */
export function emitLater(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  nextTick(() => {
    // Use Node's own list, because a subclass may have members with any name.
    const listeners = EventEmitter.prototype.rawListeners.call(emitter, event) as ((...given: unknown[]) => unknown)[];
    for (const listener of listeners) attempt(() => Reflect.apply(listener, emitter, args), surface);
  });
}

/** Whether the event has listeners. */
export function isHeard(emitter: EventEmitter, event: string): boolean {
  return EventEmitter.prototype.listenerCount.call(emitter, event) > 0;
}

/** Runs application code. `failed` receives its exception or rejection. */
function attempt(run: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = run();
    if (isThenable(result)) result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

/** What the application's function gave, where a promise is refused: its rejection is ignored. Even `then` is code of the application. */
export function refusingPromise(value: unknown): unknown {
  if (isThenable(value)) void (async () => value)().catch(() => undefined);
  return value;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** An error's name. The message may contain the application's data. */
function nameOf(error: unknown): string {
  try {
    const { name } = error as { name?: unknown };
    return typeof name === 'string' ? name : typeof error;
  } catch {
    return typeof error;
  }
}
