/**
 * The calls under way by their numbers. Most are over soon and in their order, so a ring finds them: a number's place is its last bits. What finds its
 * place taken, by a call that waits for long, is in a map.
 */
import type { Call } from './call';

const START = 256;
const LARGEST = 1 << 14;
const MAX_U32 = 0xffff_ffff;

export class CallTable {
  private slots = new Array<Call | undefined>(START).fill(undefined);
  private mask = START - 1;
  private last = 0;
  private inSlots = 0;
  private readonly others = new Map<number, Call>();

  /** How many there are. */
  get size(): number {
    return this.inSlots + this.others.size;
  }

  /** A number for a new call. It is not 0. */
  next(): number {
    let id = this.last;
    do id = id === MAX_U32 ? 1 : id + 1;
    while (this.has(id));
    this.last = id;
    return id;
  }

  /** Adds a call whose number is from `next`. */
  add(call: Call): void {
    if (2 * this.inSlots > this.mask && this.slots.length < LARGEST) this.grow();
    const place = call.id & this.mask;
    if (this.slots[place] !== undefined) {
      this.others.set(call.id, call);
      return;
    }
    this.slots[place] = call;
    this.inSlots++;
  }

  get(id: number): Call | undefined {
    const call = this.slots[id & this.mask];
    return call?.id === id ? call : this.others.size === 0 ? undefined : this.others.get(id);
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** Says whether it was there. */
  delete(id: number): boolean {
    const place = id & this.mask;
    if (this.slots[place]?.id !== id) return this.others.delete(id);
    this.slots[place] = undefined;
    this.inSlots--;
    return true;
  }

  *values(): IterableIterator<Call> {
    for (const call of this.slots) if (call !== undefined) yield call;
    yield* this.others.values();
  }

  /** Calls that were in different places still are. */
  private grow(): void {
    const { slots } = this;
    this.mask = 2 * slots.length - 1;
    this.slots = new Array<Call | undefined>(2 * slots.length).fill(undefined);
    for (const call of slots) if (call !== undefined) this.slots[call.id & this.mask] = call;
  }
}
