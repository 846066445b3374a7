/**
 * What is stored for a value: a text, or the bytes of a value that is itself a `Buffer` or a `Uint8Array`. Bytes cross into the core and back as
 * they are, and everybody gets them on memory of their own.
 */

export type Payload = string | Uint8Array;

/** What the core needs to know about a payload, and what it shall do with it: see `CallLetter.Set` and `packingOf`. */
export function formOf(payload: Payload, handling = ''): string {
  if (typeof payload === 'string') return handling === '' ? '' : `-${handling}`;
  return (Buffer.isBuffer(payload) ? 'b' : 'u') + handling;
}

/** The same bytes on memory of their own. */
export function copyOfBytes(bytes: Uint8Array): Uint8Array {
  // Not from Node's pool, whose pieces share memory and keep all of it.
  const copy = Buffer.isBuffer(bytes) ? Buffer.allocUnsafeSlow(bytes.length) : new Uint8Array(bytes.length);
  copy.set(bytes);
  return copy;
}

/** A payload that its owner does not change any more, for those who need it after the call that brought it. */
export function snapshot(payload: Payload): Payload {
  return typeof payload === 'string' ? payload : copyOfBytes(payload);
}

/** The length of a payload, for those who bound what they keep. `null` stands for a text that JavaScript cannot hold. */
export function lengthOf(payload: Payload | null): number {
  return payload?.length ?? 0;
}
