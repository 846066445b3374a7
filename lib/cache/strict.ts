/** `strictValues`: refuses what would not come back equal. Without it values are what JSON makes of them. */
import { isDeepStrictEqual, types } from 'node:util';
import { JSON_SERIALIZER, type Serializer } from './serializer';

/** A serializer whose `serialize` throws a TypeError for what `deserialize` would not give back. */
export function strictSerializer(serializer: Serializer): Serializer {
  return {
    serialize(value) {
      if (serializer === JSON_SERIALIZER) {
        const found = unlike(value, []);
        if (found !== undefined) throw refused(found);
        return serializer.serialize(value);
      }
      const text = serializer.serialize(value);
      if (!isDeepStrictEqual(serializer.deserialize(text), value)) throw refused('something that the serializer does not give back');
      return text;
    },
    deserialize: (text) => serializer.deserialize(text),
  };
}

/**
 * The same for bytes, which come back as a Buffer or a Uint8Array: the instance of a subclass would not. Properties besides the bytes are not looked for:
 * listing them would list every byte.
 */
export function refuseUnlikeBytes(value: Uint8Array): void {
  let above = 0;
  for (let next: unknown = Object.getPrototypeOf(value); next !== null; next = Object.getPrototypeOf(next)) above++;
  // Of whatever realm: Uint8Array, TypedArray and Object, and Buffer below them.
  if (above > (Buffer.isBuffer(value) ? 4 : 3)) throw refused('an instance of a class of bytes');
}

function refused(what: string): TypeError {
  return Object.assign(new TypeError(`a cached value must come back equal (strictValues), and this one holds ${what}`), { code: 'E_BAD_OPTION' });
}

/** What of a value JSON would not bring back as it was; `undefined` for nothing. Names kinds, never contents. */
function unlike(value: unknown, above: readonly object[]): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      if (Object.is(value, -0)) return '-0';
      return Number.isFinite(value) ? undefined : String(value);
    case 'object':
      return value === null ? undefined : unlikeObject(value, above);
    default:
      return typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`;
  }
}

function unlikeObject(value: object, above: readonly object[]): string | undefined {
  if (above.includes(value)) return 'a cycle';
  const inside = [...above, value];
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return `${kindOf(value)} with a toJSON`;
  if (Array.isArray(value)) return unlikeArray(value, inside);
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Plain objects of whatever realm.
  if (prototype === null || Object.getPrototypeOf(prototype) !== null || Object.prototype.toString.call(value) !== '[object Object]' || types.isProxy(value)) return kindOf(value);
  return unlikeProperties(value, inside);
}

function unlikeArray(value: unknown[], inside: readonly object[]): string | undefined {
  for (let i = 0; i < value.length; i++) {
    if (!Object.hasOwn(value, i)) return 'an array with holes';
  }
  return unlikeProperties(value, inside, value.length);
}

/** JSON brings back own enumerable properties with strings for names, and of arrays the elements. */
function unlikeProperties(value: object, inside: readonly object[], count?: number): string | undefined {
  const names = Object.keys(value);
  const bySymbol = Object.getOwnPropertySymbols(value).some((name) => Object.prototype.propertyIsEnumerable.call(value, name));
  if (bySymbol || (count !== undefined && names.length !== count)) return 'properties that JSON does not carry';
  for (const name of names) {
    const found = unlike((value as Record<string, unknown>)[name], inside);
    if (found !== undefined) return found;
  }
  return undefined;
}

function kindOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') return `a ${tag}`;
  return Object.getPrototypeOf(value) === null ? 'an object without a prototype' : 'an instance of a class';
}
