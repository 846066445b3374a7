/**
 * The calls under way by their numbers. Most are over soon and in their order, so a ring finds them: a number's place is its last bits. A number whose
 * place is taken, by a call that waits for long, is not given.
 */
import type { Call } from './call';

const START = 256;
/** A table that grew beyond this is not kept when it is empty. */
const LARGE = 1 << 14;
const MAX_U32 = 0xffff_ffff;

export class CallTable {
  private slots = new Array<Call | undefined>(START).fill(undefined);
  private mask = START - 1;
  private last = 0;
  private count = 0;

  /** How many there are. */
  get size(): number {
    return this.count;
  }

  /** A number for a new call. It is not 0. */
  next(): number {
    if (2 * this.count > this.mask) this.resize(2 * this.slots.length);
    let id = this.last;
    do id = id === MAX_U32 ? 1 : id + 1;
    while (this.slots[id & this.mask] !== undefined);
    this.last = id;
    return id;
  }

  /** Adds a call whose number is from `next`. */
  add(call: Call): void {
    this.slots[call.id & this.mask] = call;
    this.count++;
  }

  get(id: number): Call | undefined {
    const call = this.slots[id & this.mask];
    return call?.id === id ? call : undefined;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Says whether it was there. */
  delete(id: number): boolean {
    if (!this.has(id)) return false;
    this.slots[id & this.mask] = undefined;
    if (--this.count === 0 && this.slots.length > LARGE) this.resize(START);
    return true;
  }

  *values(): IterableIterator<Call> {
    for (const call of this.slots) if (call !== undefined) yield call;
  }

  /** In a larger table, calls that were in different places still are. */
  private resize(length: number): void {
    const { slots } = this;
    this.mask = length - 1;
    this.slots = new Array<Call | undefined>(length).fill(undefined);
    for (const call of slots) if (call !== undefined) this.slots[call.id & this.mask] = call;
  }
}
