/**
 * Copies of parsed values. A copy is several times faster than parsing the text again, for most values: an object with many keys, or with
 * keys that are numbers, is not. Which values are copied is decided once per value, so that copying itself checks nothing.
 */

/** Objects with more keys than this are parsed faster than they are copied. */
const MAX_KEYS = 50;
/** Values that are nested deeper are parsed, which needs no stack. */
const MAX_DEPTH = 100;

/** Whether `copyOf` gives what JSON.parse gave, and faster. `value` is the result of JSON.parse. */
export function isCopyable(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (!isCopyable(value[i], depth + 1)) return false;
    return true;
  }
  const keys = Object.keys(value);
  // Keys that are numbers come first.
  if (keys.length > MAX_KEYS || (keys.length > 0 && isIndex(keys[0]))) return false;
  for (const key of keys) if (!isCopyable((value as Record<string, unknown>)[key], depth + 1)) return false;
  return true;
}

function isIndex(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 0x30 && code <= 0x39;
}

/**
 * The same for the result of another deserializer, which may be any value: only arrays and plain objects without anything that JSON does not
 * know, each of them in one place, may be copied.
 */
export function isPlain(value: unknown, seen = new Set<object>()): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function';
  if (seen.has(value)) return false;
  seen.add(value);
  if (seen.size === 1 && !isCopyable(value)) return false;
  const isArray = Array.isArray(value);
  if (Object.getPrototypeOf(value) !== (isArray ? Array.prototype : Object.prototype) || !Object.isExtensible(value)) return false;
  const own = Reflect.ownKeys(value);
  if (isArray && own.length !== value.length + 1) return false;
  for (const key of own) {
    if (isArray && key === 'length') continue;
    const property = Object.getOwnPropertyDescriptor(value, key);
    if (typeof key === 'symbol' || property?.writable !== true || !property.enumerable || !property.configurable) return false;
    if (!isPlain(property.value, seen)) return false;
  }
  return true;
}

/** A deep copy of a value that `isCopyable` accepts. */
export function copyOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? copyObject(value) : value;
}

function copyObject(value: object): object {
  if (Array.isArray(value)) {
    const array: unknown[] = value.slice();
    for (let i = 0; i < array.length; i++) {
      const item = array[i];
      if (typeof item === 'object' && item !== null) array[i] = copyObject(item);
    }
    return array;
  }
  // The spread makes own properties of all names, `__proto__` included, in the order and with the hidden class of the original.
  const copy: Record<string, unknown> = { ...(value as Record<string, unknown>) };
  for (const key in copy) {
    const item = copy[key];
    // Somebody may have given Object.prototype properties that are enumerable.
    if (typeof item === 'object' && item !== null && Object.hasOwn(copy, key)) copy[key] = copyObject(item);
  }
  return copy;
}
