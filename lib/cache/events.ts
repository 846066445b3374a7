/**
 * Events of repositories: to the listeners of the repository concerned; without a listener, a log line. Nothing here keeps a repository that
 * the application has dropped, and an event walks only repositories that somebody listens to.
 */
import { EventEmitter } from 'node:events';
import { emitLater, isHeard } from '../guard';
import type { Logger } from '../logger';
import { define } from '../names';

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

interface Listened {
  readonly prefix: string;
  isListed: boolean;
}

/** What is known here of an emitter. */
const LISTENED = Symbol('listened');

/** The emitter part of a repository. Its own members have symbols for names: a subclass may name its members as it likes. */
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

// Node's `once` and `off` go through these. `newListener` would do, but for `removeAllListeners`, which takes that one away as well.
for (const name of ['on', 'addListener', 'prependListener'] as const) {
  const { [name]: add } = EventEmitter.prototype as unknown as Record<typeof name, (this: EventEmitter, event: string, listener: () => void) => EventEmitter>;
  define(CacheEmitter.prototype, name, function (this: CacheEmitter, event: string, listener: () => void) {
    list(this);
    return add.call(this, event, listener);
  });
}

/** Repositories that somebody listens to, by prefix. Held weakly. */
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

/** Those that somebody still listens to, of one prefix or of all. */
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

/** How many repositories are known here. For tests. */
export function listenedCount(): number {
  let count = 0;
  for (const refs of listened.values()) count += refs.size;
  return count;
}

/** Tells the listeners of one repository (or of all, without a prefix) of an event. Where nobody listens it is a log line. */
export function dispatch(name: CacheEventName, event: CacheEvent, logger: Logger): void {
  let isTold = false;
  for (const emitter of listeners(event.repository)) {
    if (!isHeard(emitter, name)) continue;
    isTold = true;
    emitLater(emitter, name, event);
  }
  if (!isTold) logger.warn(`[hawser] cache${event.repository === undefined ? '' : ` ${event.repository}`}: ${name}: ${event.message}`);
}

/** Tells the listeners of one repository that a refresh failed. */
export function refreshFailed(emitter: CacheEmitter, error: unknown, key: string, logger: Logger): void {
  if (isHeard(emitter, 'refreshError')) emitLater(emitter, 'refreshError', error, { key });
  else logger.warn(`[hawser] cache ${emitter[LISTENED].prefix}: a background refresh failed; the stale value stays until its ttl is over:`, error);
}
