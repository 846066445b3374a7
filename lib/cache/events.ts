/**
 * Events of repositories. They go to the listeners of the repository; without a listener, they become a log line. Nothing here keeps a
 * repository that the application has dropped, and an event visits only repositories with listeners.
 */
import { EventEmitter } from 'node:events';
import { emitLater, isHeard } from '../guard';
import type { Logger } from '../logger';
import { define } from '../names';

/** A report of a repository. */
export interface CacheEvent {
  /** A description of what happened. */
  message: string;
  /** The repository's prefix; absent if the event concerns all repositories of the process. */
  repository?: string;
}

/** The events and the arguments of their listeners. */
export interface CacheEvents {
  /** A background refresh failed, with the loader's error and the key. The stale value stays until its time to live ends. */
  refreshError: [error: unknown, info: { key: string }];
  /** A loader failed and its caller got the value that `staleIfError` kept, with the loader's error and the key. */
  staleIfError: [error: unknown, info: { key: string }];
  /** The process dropped what it knew from pushes, because it may be out of date. */
  gap: [event: CacheEvent];
  /** After consecutive time-outs, Redis is not asked for a while; or it is asked again. */
  breaker: [event: CacheEvent];
  /** The check that protects against old data after a failover had to be switched off. */
  originCheckOff: [event: CacheEvent];
  /** Anything else that is worth a log line. */
  warning: [event: CacheEvent];
}

/** The name of a repository's event. */
export type CacheEventName = keyof CacheEvents;

interface Listened {
  readonly prefix: string;
  isListed: boolean;
}

/** The state of an emitter. */
const LISTENED = Symbol('listened');

/** The emitter part of a repository. The names of its own members are symbols, so that a subclass may use any names. */
export class CacheEmitter extends EventEmitter<CacheEvents> {
  /** @internal */ readonly [LISTENED]!: Listened;

  constructor(
    /** The prefix of the repository's keys. */
    readonly prefix: string,
  ) {
    super();
    define(this, LISTENED, { prefix, isListed: false } satisfies Listened);
  }
}

// Node's `once` and `off` call these. The event `newListener` would work too, but `removeAllListeners` removes its listener.
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const { [name]: add } = EventEmitter.prototype as unknown as Record<typeof name, (this: EventEmitter, event: string, listener: () => void) => EventEmitter>;
  define(CacheEmitter.prototype, name, function (this: CacheEmitter, event: string, listener: () => void) {
    list(this);
    return add.call(this, event, listener);
  });
}

/** Repositories with listeners, by prefix, held weakly. */
const listened = new Map<string, Set<WeakRef<CacheEmitter>>>();
const collected = new FinalizationRegistry<{ prefix: string; ref: WeakRef<CacheEmitter> }>(({ prefix, ref }) => unlist(prefix, ref));

function list(emitter: CacheEmitter): void {
  const { [LISTENED]: own } = emitter;
  if (own.isListed) return;
  own.isListed = true;
  const { prefix } = own;
  const ref = new WeakRef(emitter);
  const known = listened.get(prefix);
  if (known === undefined) listened.set(prefix, new Set([ref]));
  else known.add(ref);
  collected.register(emitter, { prefix, ref }, ref);
}

function unlist(prefix: string, ref: WeakRef<CacheEmitter>): void {
  const known = listened.get(prefix);
  if (known?.delete(ref) === true && known.size === 0) listened.delete(prefix);
  collected.unregister(ref);
}

/** The repositories that still have listeners, of one prefix or of all. */
function* listeners(prefix: string | undefined): Generator<CacheEmitter> {
  const sets = prefix === undefined ? [...listened] : [[prefix, listened.get(prefix) ?? []] as const];
  for (const [name, refs] of sets) {
    for (const ref of [...refs]) {
      const emitter = ref.deref();
      if (emitter !== undefined && EventEmitter.prototype.eventNames.call(emitter).length > 0) {
        yield emitter;
        continue;
      }
      if (emitter !== undefined) emitter[LISTENED].isListed = false;
      unlist(name, ref);
    }
  }
}

/** The number of registered repositories, for tests. */
export function listenedCount(): number {
  let count = 0;
  for (const refs of listened.values()) count += refs.size;
  return count;
}

/** Emits an event to the listeners of one repository, or of all without a prefix. Without listeners, it becomes a log line. */
export function dispatch(name: CacheEventName, event: CacheEvent, logger: Logger): void {
  let isTold = false;
  for (const emitter of listeners(event.repository)) {
    if (!isHeard(emitter, name)) continue;
    isTold = true;
    emitLater(emitter, name, event);
  }
  if (!isTold) logger.warn(`[hawser] cache${event.repository === undefined ? '' : ` ${event.repository}`}: ${name}: ${event.message}`);
}
