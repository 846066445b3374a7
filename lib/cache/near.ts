/**
 * The near caches of one engine: fills on their way, copies by the engine's numbers, and the gate that all of them share. A hit is a look-up
 * here, without a crossing; the engine names the copies that may not be served any more.
 */
import { CallLetter, Decision } from '../contract.generated';
import type { Payload } from './bytes';
import { NearCopy } from './near_copy';
import { NearGate } from './near_gate';
import type { Share } from './near_options';
import type { NearPort, NearStore } from './near_store';

/** The near cache of a repository. */
export interface Near {
  readonly caches: NearCaches;
  readonly store: NearStore;
  readonly share: Share;
}

interface Fill {
  readonly store: NearStore;
  readonly key: string;
  readonly askedAt: number;
}

interface Held {
  /** A repository that nobody uses any more does not stay for its copies. */
  readonly store: WeakRef<NearStore>;
  readonly key: string;
}

const MAX_U32 = 0xffff_ffff;

export class NearCaches implements NearPort {
  readonly gate = new NearGate();
  private readonly fills = new Map<number, Fill>();
  private readonly held = new Map<number, Held>();
  private last = 0;
  private isKnown = false;
  private readonly dropped = new FinalizationRegistry<WeakRef<NearStore>>((gone) => {
    for (const [copy, { store }] of this.held) if (store === gone) this.forget(copy);
  });

  constructor(
    /** Writes a message to the engine. */
    private readonly write: (letter: string, args: readonly string[]) => void,
    /** The clock of the engine's store, in milliseconds. */
    readonly now: () => number,
    /** A near cache is in use: opens the links that it needs, unless they are open. Returns whether there is a point in asking. */
    private readonly use: () => boolean,
    private readonly hasOwnClock: () => boolean,
  ) {}

  /** Whether `now` is the process's monotonic clock, not one that the application brought. */
  get isTimeReal(): boolean {
    return !this.hasOwnClock();
  }

  /** The engine has another store. */
  restart(): void {
    this.isKnown = false;
  }

  /** A repository has a near cache. */
  opened(store: NearStore): void {
    this.dropped.register(store, store.ref);
  }

  fill(store: NearStore, key: string, tags: readonly string[]): void {
    // The engine learns once that copies are wanted, and can say why there are none.
    if (!this.use() && this.isKnown) return store.refused(key);
    this.isKnown = true;
    do this.last = this.last === MAX_U32 ? 1 : this.last + 1;
    while (this.fills.has(this.last));
    // The copy's times count from here, before the server was asked.
    this.fills.set(this.last, { store, key, askedAt: this.now() });
    this.write(CallLetter.NearFill, [String(this.last), String(store.repo), key, ...tags]);
  }

  forget(copy: number): void {
    if (this.held.delete(copy)) this.write(CallLetter.NearForget, [String(copy)]);
  }

  /** A decision of the engine about a fill or a copy. */
  decided(kind: Decision, id: number, a: unknown, b: unknown): void {
    if (kind === Decision.NearDropped) {
      const held = this.held.get(id);
      this.held.delete(id);
      held?.store.deref()?.drop(held.key, id);
      return;
    }
    const fill = this.fills.get(id);
    if (fill === undefined) return;
    this.fills.delete(id);
    if (kind === Decision.NearFilled) this.filled(fill, a as Payload | null, b as [number, string, number, number, number, ...string[]]);
    else fill.store.refused(fill.key);
  }

  private filled({ store, key, askedAt }: Fill, text: Payload | null, [copy, , age, ttlMs, freshMs, ...tags]: [number, string, number, number, number, ...string[]]): void {
    this.held.set(copy, { store: store.ref, key });
    // The core passes null for a text that JavaScript cannot hold.
    if (text === null) {
      store.refused(key);
      return this.forget(copy);
    }
    const bornAt = askedAt - age;
    const endsAt = Math.min(bornAt + ttlMs, askedAt + store.maxTtlMs);
    store.keep(key, new NearCopy({ copy, bornAt, freshMs, ttlMs, endsAt, tags }, text), text.length);
  }
}
