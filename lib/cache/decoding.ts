/** Stored values as their readers get them. Decoding can fail: the text may come from another version of the application, or from another serializer. */
import { copyOfBytes, type Payload } from './bytes';
import type { Call } from './call';
import { ParsedValue, readBytes } from './parsed';
import type { CachePort } from './port';
import { warnRarely } from './report';

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** The value of a hit. Never throws: what cannot be decoded counts as missing. */
export function decodeHit(port: CachePort, call: Call): Decoded {
  return decodeStored(port, call.stored);
}

/** The value of a payload for its only reader, or a copy of one that was parsed before. Never throws. */
export function decodeStored(port: CachePort, stored: Payload | ParsedValue | null): Decoded {
  if (!(stored instanceof ParsedValue)) return decode(port, stored);
  try {
    stored.owner = port.registration.owner;
    return { ok: true, value: stored.read(port.serializer, port.codec) };
  } catch (error) {
    return failed(port, error);
  }
}

/** The value of a payload that several readers share. Never throws. */
export function decodeShared(port: CachePort, payload: Payload): Decoded {
  return decode(port, typeof payload === 'string' ? payload : copyOfBytes(payload));
}

function decode(port: CachePort, payload: Payload | null): Decoded {
  try {
    return { ok: true, value: typeof payload === 'string' ? port.serializer.deserialize(payload) : readBytes(port.codec, payload) };
  } catch (error) {
    return failed(port, error);
  }
}

function failed(port: CachePort, error: unknown): Decoded {
  const name = error instanceof Error ? error.name : 'an error';
  warnRarely(port, 'decoding', `an entry's value could not be read and counts as a miss: ${name} from the serializer`);
  return { ok: false };
}
