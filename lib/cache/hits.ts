/** Fresh hits on parsed values, which are most decisions. They cross in an array that both sides share: two numbers each. */
import { CacheSlot, Decision, Hit } from '../contract.generated';
import type { OpenCalls } from './open_calls';
import type { ParsedValues } from './parsed';

/** How many the array holds. More of them are decisions like others. */
const HITS = 1024;

export class Hits {
  /** The call and the number of the parsed value of each. */
  readonly array = new Uint32Array(2 * HITS);

  constructor(private readonly state: Float64Array) {}

  /** Ends their calls. More may come meanwhile. */
  take(calls: OpenCalls, parsed: ParsedValues): void {
    const { state, array } = this;
    for (let i = 0; i < state[CacheSlot.Hits]; i++) {
      const call = calls.byId.get(array[2 * i]);
      if (call !== undefined) calls.finish(call, Decision.Hit, parsed.get(array[2 * i + 1]), Hit.Fresh);
    }
    state[CacheSlot.Hits] = 0;
  }
}
