/** Hits on parsed values, which are most decisions. They cross in an array that both sides share: three numbers each. */
import { CacheSlot, Decision } from '../contract.generated';
import type { OpenCalls } from './open_calls';
import type { ParsedValues } from './parsed';

/** How many the array holds. More of them are decisions like others. */
const HITS = 1024;

export class Hits {
  /** The call, the number of the parsed value and a `Hit` of each. */
  readonly array = new Uint32Array(3 * HITS);

  constructor(private readonly state: Float64Array) {}

  /** Ends their calls. More may come meanwhile. */
  take(calls: OpenCalls, parsed: ParsedValues): void {
    const { state, array } = this;
    for (let i = 0; i < state[CacheSlot.Hits]; i++) {
      const call = calls.byId.get(array[3 * i]);
      if (call !== undefined) calls.finish(call, Decision.Hit, parsed.get(array[3 * i + 1]), array[3 * i + 2]);
    }
    state[CacheSlot.Hits] = 0;
  }
}
