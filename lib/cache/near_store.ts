/** The near cache of one repository: copies by key, bounded in bytes. The engine says which copies there are and which must go. */
import { BoundedMap } from './bounded';
import type { NearCopy } from './near_copy';
import type { NearCacheOptions } from './near_options';
import type { CallOptions } from './options';
import type { Owner } from './parsed';
import { evicted } from '../observe/cache_channels';

/** What a copy takes besides its text and its key: its places here and in the engine. */
const OVERHEAD_BYTES = 1024;

/** What the store of one repository needs from the driver. */
export interface NearPort {
  /** A store begins to work. */
  opened(store: NearStore): void;
  /** Asks the engine for a copy. */
  fill(store: NearStore, key: string, tags: readonly string[]): void;
  /** The store has let a copy go. */
  forget(copy: number): void;
}

export class NearStore {
  private readonly copies: BoundedMap<string, NearCopy>;
  /** For those who must not keep it. */
  readonly ref = new WeakRef(this);
  /** Keys whose copies are on their way. */
  private readonly requested = new Set<string>();

  constructor(
    private readonly port: NearPort,
    readonly repo: number,
    { maxBytes }: NearCacheOptions,
    readonly maxTtlMs: number,
    owner: Owner,
  ) {
    this.copies = new BoundedMap<string, NearCopy>(maxBytes, (copy, key, isReplaced) => {
      if (!isReplaced) {
        owner.counters.nearEvictions++;
        evicted('near', owner.prefix, key);
      }
      this.port.forget(copy.number);
    });
    port.opened(this);
  }

  /** The copy of a key, whether or not it may be served. */
  get(key: string): NearCopy | undefined {
    return this.copies.get(key);
  }

  /** Asks for a copy, unless there is one or it is on its way. */
  request(key: string, o: CallOptions): void {
    if (this.requested.has(key)) return;
    this.requested.add(key);
    this.port.fill(this, key, o.tags);
  }

  /** A copy has come, with so much text. */
  keep(key: string, copy: NearCopy, length: number): void {
    this.requested.delete(key);
    // One that is too large is not stored, and not disposed of either.
    if (!this.copies.set(key, copy, 2 * (length + key.length) + OVERHEAD_BYTES)) this.port.forget(copy.number);
  }

  /** There is no copy to be had at the moment. */
  refused(key: string): void {
    this.requested.delete(key);
  }

  /** The engine has dropped a copy, and knows it. */
  drop(key: string, copy: number): void {
    if (this.copies.peek(key)?.number === copy) this.copies.delete(key);
  }

  /** A copy is of no use to its readers any more. */
  letGo(key: string, copy: NearCopy): void {
    if (this.copies.peek(key) !== copy) return;
    this.copies.delete(key);
    this.port.forget(copy.number);
  }

  /** How many bytes its copies take, by the measure of `maxBytes`. */
  get bytes(): number {
    return this.copies.bytes;
  }

  get size(): number {
    return this.copies.size;
  }
}
