/**
 * The memory that a link shares with its core, and the functions with which the core makes values. `contract.generated.ts` defines the
 * layout.
 */
import { constants } from 'node:buffer';
import { Slots } from '../contract.generated';
import { ReplyError } from '../observe/errors';
import { define } from '../names';
import type { NativeLink } from '../native';

/** The memory of a link that was not used yet. */
export const NO_STATE: Float64Array = new Float64Array(Slots.LinkState);
export const NO_META: Uint32Array = new Uint32Array(0);

const array = (...items: unknown[]): unknown[] => items;
const object = (...items: unknown[]): object => {
  const result: Record<string, unknown> = {};
  // Descriptors inherit, and one without a prototype costs twice as much.
  const isInherited = 'get' in result || 'set' in result;
  for (let i = 0; i < items.length; i += 2) {
    if (isInherited) define(result, String(items[i]), items[i + 1], true);
    else Object.defineProperty(result, String(items[i]), { value: items[i + 1], writable: true, enumerable: true, configurable: true });
  }
  return result;
};
/** The error of a reply with this text; without a text, Node's own error for a string that is too long. */
const errorValue = (text?: string): Error => (text === undefined ? stringTooLong() : new ReplyError(text));

function stringTooLong(): Error {
  const error = new Error(`Cannot create a string longer than 0x${constants.MAX_STRING_LENGTH.toString(16)} characters`);
  return Object.assign(error, { code: 'ERR_STRING_TOO_LONG' });
}

/** Shares the memory with the core. */
export function share(core: NativeLink, input: Buffer, out: Buffer, meta: Uint32Array, state: Float64Array): void {
  core.share(input, out, meta, state, array, object, errorValue);
}
