/** Stored values as their readers get them. Decoding can fail: the text may come from another version of the application, or from another serializer. */
import type { Call } from './call';
import type { ParsedValue } from './parsed';
import type { CachePort } from './port';
import { warnRarely } from './report';

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** The value of a hit. Never throws: what cannot be decoded counts as missing. */
export function decodeHit(port: CachePort, call: Call): Decoded {
  return decodeStored(port, call.stored);
}

/** The value of a text, or a copy of one that was parsed before. Never throws. */
export function decodeStored(port: CachePort, stored: string | ParsedValue | null): Decoded {
  if (typeof stored !== 'object' || stored === null) return decode(port, stored);
  try {
    return { ok: true, value: stored.read(port.serializer, port.codec) };
  } catch (error) {
    return failed(port, error);
  }
}

/** The value of a text. Never throws. */
export function decode(port: CachePort, text: string | null): Decoded {
  try {
    // The core passes null for a text that JavaScript cannot hold, and JSON.parse accepts null.
    if (typeof text !== 'string') throw new TypeError('the stored value is longer than a string can be');
    return { ok: true, value: port.serializer.deserialize(text) };
  } catch (error) {
    return failed(port, error);
  }
}

function failed(port: CachePort, error: unknown): Decoded {
  const name = error instanceof Error ? error.name : 'an error';
  warnRarely(port, 'decoding', `an entry's value could not be read and counts as a miss: ${name} from the serializer`);
  return { ok: false };
}
