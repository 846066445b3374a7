/**
 * A bounded pool: at most `max` items are lent, idle or being cleaned. Callers that come when all are lent wait in line. It knows nothing of
 * Redis. The last item that came back is lent first, so that the others may grow old.
 */
import { clearTimeout, setTimeout } from '../clock';

export interface PoolSource<T> {
  /** Makes an item. */
  open(): T;
  /** Whether an idle item may still be lent. */
  isUsable(item: T): boolean;
  /** Called for an item that the pool has let go. Must not throw. */
  close(item: T): void;
  /** An item begins to rest, or is about to be lent. */
  rest(item: T, isResting: boolean): void;
}

interface Waiter<T> {
  take(item: T): void;
  fail(error: Error): void;
  timer: NodeJS.Timeout | undefined;
}

export interface PoolLimits {
  readonly max: number;
  readonly idleMs: number;
}

export class Pool<T> {
  /** Every item that counts. */
  private readonly items = new Set<T>();
  private readonly idle: { item: T; timer: NodeJS.Timeout }[] = [];
  private readonly waiters = new Set<Waiter<T>>();

  constructor(
    private readonly source: PoolSource<T>,
    private readonly limits: PoolLimits,
  ) {}

  get size(): number {
    return this.items.size;
  }
  get resting(): number {
    return this.idle.length;
  }
  get waiting(): number {
    return this.waiters.size;
  }

  /** An item of the caller's own. Rejects with `late()` if none is free within `waitMs`. */
  take(waitMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const item = this.free();
      if (item !== undefined) return resolve(item);
      const waiter: Waiter<T> = { take: resolve, fail: reject, timer: undefined };
      waiter.timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(late());
      }, waitMs);
      this.waiters.add(waiter);
    });
  }

  /** An item that rests, or a new one if there is room. */
  private free(): T | undefined {
    for (let last = this.idle.pop(); last !== undefined; last = this.idle.pop()) {
      clearTimeout(last.timer);
      if (this.source.isUsable(last.item)) {
        this.source.rest(last.item, false);
        return last.item;
      }
      this.drop(last.item);
    }
    if (this.items.size >= this.limits.max) return undefined;
    const item = this.source.open();
    this.items.add(item);
    return item;
  }

  /** Takes a clean item back. */
  give(item: T): void {
    if (!this.items.has(item)) return;
    const [waiter] = this.waiters;
    if (waiter !== undefined) return this.serve(waiter, item);
    const timer = setTimeout(() => {
      this.idle.splice(this.idle.findIndex((one) => one.item === item), 1);
      this.discard(item);
    }, this.limits.idleMs);
    timer.unref();
    this.source.rest(item, true);
    this.idle.push({ item, timer });
  }

  /** Closes an item that cannot be lent again. A caller that waits gets a new one. */
  discard(item: T): void {
    if (!this.items.has(item)) return;
    this.drop(item);
    const [waiter] = this.waiters;
    if (waiter === undefined) return;
    try {
      const fresh = this.free();
      if (fresh !== undefined) this.serve(waiter, fresh);
    } catch (error) {
      this.leave(waiter);
      waiter.fail(error as Error);
    }
  }

  private serve(waiter: Waiter<T>, item: T): void {
    this.leave(waiter);
    waiter.take(item);
  }

  private leave(waiter: Waiter<T>): void {
    clearTimeout(waiter.timer);
    this.waiters.delete(waiter);
  }

  private drop(item: T): void {
    this.items.delete(item);
    this.source.close(item);
  }

  /** Rejects those who wait, and lets go of every item without closing it: the caller closes what is returned. */
  empty(reason: () => Error): T[] {
    for (const waiter of [...this.waiters]) {
      this.leave(waiter);
      waiter.fail(reason());
    }
    for (const { timer } of this.idle.splice(0)) clearTimeout(timer);
    const items = [...this.items];
    this.items.clear();
    return items;
  }
}
