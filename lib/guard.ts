/**
 * The way out to code of the application that nobody awaits: its logger, and the listeners of its events. What such code throws, at once or in
 * a promise, reaches no read, no write and no other listener. Everything that hawser tells the application goes through here.
 */
import { EventEmitter } from 'node:events';
import { nextTick, surface } from './clock';
import type { Logger } from './logger';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * A logger that never throws and never leaves a rejected promise behind. A line that the application's logger fails to write is lost; the
 * process gets one warning about the first of them.
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
    guarded[level] = (message, ...details) => attempt(() => logger[level](message, ...details), failed);
  }
  return guarded;
}

/**
 * Tells the listeners of an event, each by itself, in a tick of its own. One that throws, or whose promise rejects, is an uncaught exception, as
 * everywhere in Node; the others still hear of the event.
 */
export function emitLater(emitter: EventEmitter, event: string, ...args: unknown[]): void {
  nextTick(() => {
    // Node's own list: a subclass may have members of any name.
    const listeners = EventEmitter.prototype.rawListeners.call(emitter, event) as ((...given: unknown[]) => unknown)[];
    for (const listener of listeners) attempt(() => Reflect.apply(listener, emitter, args), surface);
  });
}

/** Whether anybody listens. */
export function isHeard(emitter: EventEmitter, event: string): boolean {
  return EventEmitter.prototype.listenerCount.call(emitter, event) > 0;
}

/** Runs code of the application; `failed` is told what it throws, or what its promise rejects with. */
function attempt(run: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = run();
    if (isThenable(result)) result.then(undefined, failed);
  } catch (error) {
    failed(error);
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

/** An error's name. Its message is the application's. */
function nameOf(error: unknown): string {
  try {
    const { name } = error as { name?: unknown };
    return typeof name === 'string' ? name : typeof error;
  } catch {
    return typeof error;
  }
}
