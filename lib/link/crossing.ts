/** What passes between a link and its core (`src/node/link.rs`): slots, flags, events, and what the core makes values with. */
import { ReplyError } from '../observe/errors';
import type { NativeLink } from '../native';

/** Slots of the array that the core fills at every crossing. */
export const enum Slot {
  Replies,
  FirstId,
  Flags,
  WakeIn,
  Attempts,
  Database,
  Protocol,
  Queued,
  WakeAt,
}
export const enum Flag {
  Errors = 1,
  Sparse = 2,
  Output = 4,
  Events = 8,
}
export const enum Event {
  Connect,
  Close,
  Ready,
  Closed,
  Ended,
  Rejected,
  Message,
  Monitor,
  Moved,
  Failed,
  Warning,
  Selected,
  Probe,
  Check,
  AskTransport,
}
/** Slots per event. */
export const STRIDE = 5;

/** Of a link that was not used yet. */
export const NO_STATE = new Float64Array(16);
export const NO_META = new Uint32Array(0);

const array = (...items: unknown[]): unknown[] => items;
const object = (...items: unknown[]): object => {
  const result: Record<string, unknown> = {};
  for (let i = 0; i < items.length; i += 2) {
    Object.defineProperty(result, String(items[i]), { value: items[i + 1], writable: true, enumerable: true, configurable: true });
  }
  return result;
};
const errorValue = (text: string): Error => new ReplyError(text);

/** Gives the core the memory that both sides use. */
export function share(core: NativeLink, input: Buffer, out: Buffer, meta: Uint32Array, state: Float64Array): void {
  core.share(input, out, meta, state, array, object, errorValue);
}
