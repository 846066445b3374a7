/** Stored text as values. Decoding can fail: the text may come from another version of the application, or from another serializer. */
import type { CachePort } from './port';
import { warnRarely } from './report';

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

/** Never throws: what cannot be decoded counts as missing. */
export function decode(port: CachePort, text: string): Decoded {
  try {
    // The core passes null for a text that JavaScript cannot hold, and JSON.parse accepts null.
    if (typeof text !== 'string') throw new TypeError('the stored value is longer than a string can be');
    return { ok: true, value: port.serializer.deserialize(text) };
  } catch (error) {
    const name = error instanceof Error ? error.name : 'an error';
    warnRarely(port, 'decoding', `an entry's value could not be read and counts as a miss: ${name} from the serializer`);
    return { ok: false };
  }
}
