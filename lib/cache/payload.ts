/** What to store for a value: bytes where the value is itself bytes, else the text that the repository's serializer makes. */
import { types } from 'node:util';
import type { Payload } from './bytes';
import { JSON_CODEC } from './parsed';
import { encodeValue, JSON_SERIALIZER, notCarried, type Serializer } from './serializer';
import { refuseUnlikeBytes } from './strict';

/** The part of a repository that says how values are stored. A serializer of the application's own gets every value. */
export interface Encoding {
  readonly serializer: Serializer;
  readonly codec: number;
}

/**
 * What to store for a value. Bytes are still the caller's own: write them before the call returns, or take a `snapshot`. Errors: TypeError for what
 * JSON cannot carry, the serializer's exception.
 */
export function payloadOf({ serializer, codec }: Encoding, value: unknown): Payload {
  if (codec === JSON_CODEC && typeof value === 'object' && value !== null) {
    if (types.isUint8Array(value)) {
      if (serializer !== JSON_SERIALIZER) refuseUnlikeBytes(value);
      return value;
    }
    if (ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)) {
      const kind = Object.prototype.toString.call(value).slice(8, -1);
      throw notCarried(`got a value of type ${kind}, of which only the bytes could be stored: pass them as a Buffer or a Uint8Array`);
    }
  }
  return encodeValue(serializer, value);
}
