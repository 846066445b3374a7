/**
 * A canonical text for a query: keys are sorted at every level, array order and types are kept, and `undefined` counts as absent. It
 * follows JSON where JSON distinguishes values, and adds what JSON lacks: `NaN` is not `null`, and collections that JSON would write as
 * `{}` (Map, Set, URLSearchParams) are written out, because lists with different filters must not share a key. Values without visible
 * content (a promise, a RegExp, an Error, an ArrayBuffer, an instance without properties, an invalid Date) and properties whose names are
 * symbols are refused for the same reason.
 */
import { createHash } from 'node:crypto';
import { types } from 'node:util';
import { isThenable } from '../guard';

/**
 * SHA-256 of a value's canonical text, 43 characters of base64url. Errors: TypeError for BigInt, functions, symbols, cycles and values
 * without visible content.
 */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalText(value)).digest('base64url');
}

/** Exported for tests. */
export function canonicalText(value: unknown): string {
  return write(value, [], '') ?? 'undefined';
}

/** Returns `undefined` for an absent value. */
function write(value: unknown, above: object[], key: string): string | undefined {
  if (typeof value === 'object' && value !== null) return writeObject(value, above, key);
  switch (typeof value) {
    case 'undefined':
      return undefined;
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '0' : String(value);
    case 'boolean':
      return String(value);
    case 'object':
      return 'null';
    case 'bigint': {
      // For applications that have taught JSON to write them.
      const { toJSON } = value as { toJSON?: unknown };
      if (typeof toJSON === 'function') return write((toJSON as (key: string) => unknown).call(value, key), above, key);
      throw notJson('a bigint');
    }
    default:
      throw notJson(`a ${typeof value}`);
  }
}

function notJson(got: string): TypeError {
  return Object.assign(new TypeError(`query parameters must be something that JSON can carry, got ${got}`), { code: 'E_BAD_OPTION' });
}

function writeObject(value: object, above: object[], key: string): string | undefined {
  if (above.includes(value)) throw notJson('a cycle');
  const inside = [...above, value];
  if (isThenable(value)) throw notJson('a promise (is an await missing?)');
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return writeJson((toJSON as (key: string) => unknown).call(value, key), inside, key);
  if (Array.isArray(value)) return `[${value.map((part, i) => writeItem(part, inside, i)).join(',')}]`;
  if (types.isBoxedPrimitive(value)) return write((value as { valueOf(): unknown }).valueOf(), above, key);
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (types.isRegExp(value) || types.isNativeError(value) || types.isDate(value) || tag === 'Error') throw notJson(`a ${tag}, which has no content in JSON`);
  if (isCollection(value)) return `${tag}[${Array.from(value, (part, i) => writeItem(part, inside, i)).join(',')}]`;
  return writeProperties(value, inside, tag);
}

/** The result of `toJSON`. An empty result (an invalid Date) would make its object equal to `null`. */
function writeJson(shown: unknown, inside: object[], key: string): string | undefined {
  if (shown === undefined || shown === null) throw notJson('an object whose toJSON shows nothing, such as an invalid date');
  return write(shown, inside, key);
}

function writeItem(part: unknown, inside: object[], i: number): string {
  return write(part, inside, String(i)) ?? 'null';
}

/** A Set, a Map, a typed array, URLSearchParams. An iterator that can be read only once (a generator) has no content. */
function isCollection(value: object): value is Iterable<unknown> {
  const iterate = (value as Partial<Iterable<unknown>>)[Symbol.iterator];
  return typeof iterate === 'function' && typeof (value as { next?: unknown }).next !== 'function';
}

function writeProperties(value: object, inside: object[], tag: string): string {
  const names = Object.keys(value).sort();
  if (Object.getOwnPropertySymbols(value).some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))) {
    // `{ [Op.gt]: 5 }` and `{ [Op.lt]: 5 }` of a query builder.
    throw notJson('a property whose name is a symbol');
  }
  if (names.length === 0 && !isPlain(value)) throw notJson(`${tag === 'Object' ? 'an instance of a class' : `a ${tag}`} without a property that JSON shows`);
  const pairs: string[] = [];
  for (const name of names) {
    const text = write((value as Record<string, unknown>)[name], inside, name);
    if (text !== undefined) pairs.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${pairs.join(',')}}`;
}

/** A plain object of any realm, or an object without a prototype. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]');
}
