/**
 * One text for one query: keys sorted at every level, array order and types kept, `undefined` as absent. It follows JSON where JSON tells
 * values apart, and goes on where it does not: `NaN` is not `null`, and what JSON would write as `{}` (Map, Set, RegExp, URLSearchParams)
 * is written out, because two lists with different filters must not share a key.
 */
import { createHash } from 'node:crypto';

/** SHA-256 of a value's canonical text, 43 characters of base64url. Errors: TypeError for BigInt, functions, symbols and cycles. */
export function canonicalHash(value: unknown): string {
  return createHash('sha256').update(canonicalText(value)).digest('base64url');
}

/** Exported for tests. */
export function canonicalText(value: unknown): string {
  return write(value, [], '') ?? 'undefined';
}

/** `undefined` for what is absent. */
function write(value: unknown, above: object[], key: string): string | undefined {
  const { toJSON } = (value ?? {}) as { toJSON?: unknown };
  if (typeof toJSON === 'function' && (typeof value === 'object' || typeof value === 'bigint')) {
    return write((toJSON as (key: string) => unknown).call(value, key), above, key);
  }
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
      return value === null ? 'null' : writeObject(value, above);
    default:
      throw notJson(`a ${typeof value}`);
  }
}

function notJson(got: string): TypeError {
  return Object.assign(new TypeError(`query parameters must be something that JSON can carry, got ${got}`), { code: 'E_BAD_OPTION' });
}

function writeObject(value: object, above: object[]): string {
  if (above.includes(value)) throw notJson('a cycle');
  const inside = [...above, value];
  const item = (part: unknown, i: number): string => write(part, inside, String(i)) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(item).join(',')}]`;
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return write(value.valueOf(), above, '') as string;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag === 'RegExp') return `RegExp(${JSON.stringify(RegExp.prototype.toString.call(value))})`;
  if (typeof (value as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') {
    return `${tag}[${Array.from(value as Iterable<unknown>, item).join(',')}]`;
  }
  const pairs: string[] = [];
  for (const name of Object.keys(value).sort()) {
    const text = write((value as Record<string, unknown>)[name], inside, name);
    if (text !== undefined) pairs.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${pairs.join(',')}}`;
}
