/** Events of repositories: to the listeners of the repository concerned; without a listener, one log line. */
import { EventEmitter } from 'node:events';
import { nextTick } from '../clock';
import type { Logger } from '../logger';

/** What a repository reports beside its results. */
export interface CacheEvent {
  /** What happened, in words. */
  message: string;
  /** The repository's prefix; absent where all repositories of the process are concerned. */
  repository?: string;
}

/** Events and their listeners' arguments. */
export interface CacheEvents {
  /** A background refresh failed: the loader's error, and the key. The stale value stays until its time to live is over. */
  refreshError: [error: unknown, info: { key: string }];
  /** What this process knew from pushes may be out of date and was dropped. */
  gap: [event: CacheEvent];
  /** Redis is not asked for a while after time-outs in a row, or is asked again. */
  breaker: [event: CacheEvent];
  /** The check that a failover brings nothing back had to be switched off. */
  originCheckOff: [event: CacheEvent];
  /** Anything else worth a log line. */
  warning: [event: CacheEvent];
}

export type CacheEventName = keyof CacheEvents;

/** Repositories that somebody listens to. Only those are kept from the garbage collector. */
const listening = new Set<CacheEmitter>();

/** The emitter part of a repository. */
export class CacheEmitter extends EventEmitter<CacheEvents> {
  constructor(
    /** The prefix of the repository's keys. */
    readonly prefix: string,
  ) {
    super();
    super.on('newListener' as never, (() => listening.add(this)) as never);
    super.on('removeListener' as never, (() => this.names() === 0 && listening.delete(this)) as never);
  }

  private names(): number {
    return (this.eventNames() as string[]).filter((name) => name !== 'newListener' && name !== 'removeListener').length;
  }
}

/**
 * Tells the listeners of one repository (or of all, without a prefix) of an event of the engine. They run in a tick of their own: one
 * that throws is uncaught, as everywhere in Node, and harms nobody who waits for a reply.
 */
export function dispatch(name: string, event: CacheEvent, logger: Logger): void {
  let heard = false;
  for (const emitter of listening) {
    if (event.repository !== undefined && emitter.prefix !== event.repository) continue;
    if (emitter.listenerCount(name as CacheEventName) === 0) continue;
    heard = true;
    nextTick(() => emitter.emit(name as 'warning', event));
  }
  if (!heard) logger.warn(`[hawser] cache${event.repository === undefined ? '' : ` ${event.repository}`}: ${name}: ${event.message}`);
}

/** Tells the listeners of one repository that a refresh failed. */
export function refreshFailed(emitter: CacheEmitter, error: unknown, key: string, logger: Logger): void {
  if (emitter.listenerCount('refreshError') > 0) nextTick(() => emitter.emit('refreshError', error, { key }));
  else logger.warn(`[hawser] cache ${emitter.prefix}: a background refresh failed; the stale value stays until its ttl is over:`, error);
}
