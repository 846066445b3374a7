/** What a view of a repository remembers of a key: a value that each caller gets for itself, and for whom it is good enough. */
import { onAbort } from '../abort';
import { copyOfBytes, snapshot, type Payload } from './bytes';
import { deepFreeze, mayBeShared } from './near_copy';
import type { CallOptions } from './options';
import { payloadOf } from './payload';
import type { CachePort } from './port';

/** Gives a value to one more caller. */
export type Copies = () => unknown;

/** `null`, which may mean that there is no value. */
export const NULL: Copies = () => null;

/**
 * The value for several callers, by what is stored for it: the caller that brought it may change it. Where a near cache gives all callers one frozen object, so does this.
 * `undefined`: it cannot be copied.
 */
export function copiesOf(port: CachePort, value: unknown): Copies | undefined {
  if (value === null) return NULL;
  if (typeof value === 'function') return undefined;
  // JSON has no NaN, no infinities and no -0.
  const isChanged = typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0));
  if (typeof value !== 'object' && !isChanged) return () => value;
  let payload: Payload;
  try {
    payload = snapshot(payloadOf(port, value));
  } catch {
    return undefined;
  }
  // Memory cannot be frozen, so bytes are copied in any case.
  if (typeof payload !== 'string') return () => copyOfBytes(payload);
  const text = payload;
  let shared: object | undefined;
  return () => {
    if (shared !== undefined) return shared;
    const own = port.serializer.deserialize(text);
    if (port.near?.share === 'frozen' && typeof own === 'object' && own !== null && mayBeShared(own, port.codec)) deepFreeze((shared = own));
    return own;
  };
}

/** The callers that wait for one read. The read goes on until all of them have given up. */
export class Waiters {
  private readonly controller = new AbortController();
  private count = 0;

  /** Called when all have given up. */
  constructor(private readonly gone: () => void) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** One more caller waits, until it gives up. */
  wait<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    this.count++;
    return until(promise, signal, () => {
      if (--this.count > 0) return;
      this.gone();
      this.controller.abort(signal?.reason);
    });
  }
}

/** The same as the promise, unless the signal aborts before it has settled. */
export function until<T>(promise: Promise<T>, signal: AbortSignal | undefined, gaveUp?: () => void): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      gaveUp?.();
      reject(signal.reason as Error);
    };
    if (signal.aborted) return giveUp();
    const release = onAbort(signal, giveUp);
    promise.then(resolve, reject).finally(release);
  });
}

/** How an answer came about. `peek`: from a call without a loader, so `null` may mean that there is none. `gone`: the view has deleted the key. */
export type Origin = 'read' | 'peek' | 'written' | 'gone';

/** One answer, which may still be on its way. */
export class Remembered {
  /** `null` while it is on its way. */
  private settled: { copies: Copies | undefined } | null = null;
  readonly copies: Promise<Copies | undefined>;

  constructor(
    readonly origin: Origin,
    copies: Promise<Copies | undefined> | Copies,
    /** What the caller that brought it had asked for. */
    private readonly o: CallOptions,
    readonly waiters?: Waiters,
    /** Whether it came with other keys, and fails if one of them does. */
    readonly isGroup = false,
  ) {
    if (typeof copies === 'function') {
      this.settled = { copies };
      this.copies = Promise.resolve(copies);
    } else {
      this.copies = copies;
      copies.then((made) => (this.settled = { copies: made })).catch(() => undefined);
    }
  }

  /** Whether it is still on its way. */
  get isOpen(): boolean {
    return this.settled === null;
  }

  /** Whether it is here and says `null`. */
  get isNull(): boolean {
    return this.settled?.copies === NULL;
  }

  /**
   * Whether a caller with a loader may have it, or wait for it: it has the caller's tags, is as young as the caller wants, and, while it is on its way, has
   * the caller's patience. `base`: the options of a call without options.
   */
  serves(o: CallOptions, base: CallOptions): boolean {
    if (this.origin === 'gone') return false;
    const own = this.o;
    for (const tag of o.tags) if (!own.tags.includes(tag)) return false;
    if (!isYoungEnough(own.maxAge, o.maxAge)) return false;
    if (o.fresh !== base.fresh && !isYoungEnough(own.fresh, o.fresh)) return false;
    if (!this.isOpen || this.origin === 'peek') return true;
    return own.lockTimeout === o.lockTimeout && own.rules?.softMs === o.rules?.softMs && own.rules?.hardMs === o.rules?.hardMs;
  }
}

/** Ages in milliseconds as text; an empty one is no bound. */
function isYoungEnough(found: string, wanted: string): boolean {
  return wanted === '' || (found !== '' && Number(found) <= Number(wanted));
}
