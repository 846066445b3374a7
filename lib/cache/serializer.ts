/** Converts values to text and back: JSON, unless a repository has its own serializer. */
import { badOption } from '../errors';
import { isThenable, refusingPromise } from '../guard';

/**
 * Converts values to text and back. `deserialize(serialize(value))` must be equivalent to `value`. It gets every value, also a `Buffer` or a
 * `Uint8Array`, which hawser stores as bytes where a repository has no serializer of its own.
 */
export interface Serializer {
  /** Throws for values that it cannot represent. The exception reaches the caller. */
  serialize(value: unknown): string;
  deserialize(text: string): unknown;
  /**
   * Whether values that `deserialize` gives may be kept in this process and copied for later readers, instead of being deserialized for each.
   * Say so if a text always gives an equal value. Only plain objects, arrays and primitive values are copied; everything else (a Date, a class
   * instance, an object in two places) is recognized and deserialized each time. Default false.
   */
  copyable?: boolean | undefined;
}

export const JSON_SERIALIZER: Serializer = {
  serialize(value) {
    let text: string | undefined;
    try {
      // `undefined` for undefined, functions and symbols; throws a TypeError for BigInt and cycles.
      text = JSON.stringify(value);
    } catch (error) {
      throw error instanceof TypeError ? notCarried(error.message, error) : error;
    }
    if (text === undefined) throw notCarried(value === undefined ? 'got undefined' : `got a ${typeof value}`);
    return text;
  },
  deserialize: (text) => JSON.parse(text) as unknown,
};

/** The error for a value that JSON cannot carry. */
export function notCarried(reason: string, cause?: unknown): TypeError {
  const error = new TypeError(`a cached value must be something that JSON can carry: ${reason}`, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code: 'E_BAD_OPTION' });
}

export function checkSerializer(serializer: unknown): asserts serializer is Serializer {
  const { serialize, deserialize, copyable } = (serializer ?? {}) as Partial<Serializer>;
  if (typeof serialize !== 'function' || typeof deserialize !== 'function') {
    badOption('cache.serializer', 'an object with the functions serialize and deserialize', serializer);
  }
  if (copyable !== undefined && typeof copyable !== 'boolean') badOption('cache.serializer.copyable', 'true or false', copyable);
}

/**
 * Wraps the application's serializer. Refuses a promise as its result, because values are decoded synchronously, and ignores that
 * promise's rejection.
 */
export function guardedSerializer(serializer: Serializer): Serializer {
  return {
    serialize(value) {
      return refusingPromise(serializer.serialize(value)) as string;
    },
    deserialize(text) {
      const value = refusingPromise(serializer.deserialize(text));
      if (!isThenable(value)) return value;
      throw new TypeError('cache.serializer.deserialize must give a value, got a promise');
    },
  };
}

/** The text to store for a value. Errors: the serializer's exception, or TypeError if its result is not a well-formed string. */
export function encodeValue(serializer: Serializer, value: unknown): string {
  const text: unknown = serializer.serialize(value);
  if (serializer === JSON_SERIALIZER) return text as string;
  if (typeof text !== 'string') badOption('the result of cache.serializer.serialize', 'a string', text);
  if (!(text as string & { isWellFormed(): boolean }).isWellFormed()) {
    throw new TypeError('the result of cache.serializer.serialize must be a well-formed string, got one with a lone surrogate');
  }
  return text;
}
