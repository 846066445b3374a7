/** Values to text and back: JSON unless a repository brings its own. */
import { badOption } from '../errors';
import { isThenable } from '../guard';

/** Turns values into text and back. `deserialize(serialize(value))` must be as good as `value`. */
export interface Serializer {
  /** Throws for what it cannot carry; whatever it throws reaches the caller. */
  serialize(value: unknown): string;
  deserialize(text: string): unknown;
}

export const JSON_SERIALIZER: Serializer = {
  serialize(value) {
    let text: string | undefined;
    try {
      // `undefined` for undefined, functions and symbols; throws a TypeError for BigInt and cycles.
      text = JSON.stringify(value);
    } catch (error) {
      throw error instanceof TypeError ? notJson(error.message, error) : error;
    }
    if (text === undefined) throw notJson(value === undefined ? 'got undefined' : `got a ${typeof value}`);
    return text;
  },
  deserialize: (text) => JSON.parse(text) as unknown,
};

function notJson(reason: string, cause?: unknown): TypeError {
  const error = new TypeError(`a cached value must be something that JSON can carry: ${reason}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code: 'E_BAD_OPTION' });
}

export function checkSerializer(serializer: unknown): asserts serializer is Serializer {
  const { serialize, deserialize } = (serializer ?? {}) as Partial<Serializer>;
  if (typeof serialize !== 'function' || typeof deserialize !== 'function') {
    badOption('cache.serializer', 'an object with the functions serialize and deserialize', serializer);
  }
}

/**
 * The application's serializer as it is used: what it gives as a promise is refused (a value is decoded at once), and the promise's own failure
 * reaches nobody.
 */
export function guardedSerializer(serializer: Serializer): Serializer {
  return {
    serialize(value) {
      const text: unknown = serializer.serialize(value);
      if (isThenable(text)) guard(text);
      return text as string;
    },
    deserialize(text) {
      const value = serializer.deserialize(text);
      if (!isThenable(value)) return value;
      guard(value);
      throw new TypeError('cache.serializer.deserialize must give a value, got a promise');
    },
  };
}

/** Even `then` is the application's. */
function guard(promise: PromiseLike<unknown>): void {
  void (async () => promise)().catch(() => undefined);
}

/** A value as the text that is stored. Errors: what the serializer throws, TypeError where it gives no well-formed string. */
export function encodeValue(serializer: Serializer, value: unknown): string {
  const text: unknown = serializer.serialize(value);
  if (serializer === JSON_SERIALIZER) return text as string;
  if (typeof text !== 'string') badOption('the result of cache.serializer.serialize', 'a string', text);
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw new TypeError('the result of cache.serializer.serialize must be a well-formed string, got one with a lone surrogate');
  }
  return text;
}
