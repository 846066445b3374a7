/** Header fields of responses: what a handler added to those that were there, and what a cache may keep of it. */

/** A field with one value or several, as Node has it. */
export type Field = readonly [name: string, value: string | readonly string[]];

/** Fields by their names in lower case. */
export type Fields = ReadonlyMap<string, string | readonly string[]>;

/** Fields of one connection or of one answer, which are made anew for each. */
const NOT_KEPT = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'],
  ...['content-length', 'date', 'age', 'cache-status'],
]);

type Raw = Readonly<Record<string, unknown>>;

/** A copy of the fields that a response has now. */
export function fieldsOf(headers: Raw): Fields {
  const fields = new Map<string, string | readonly string[]>();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    fields.set(name.toLowerCase(), Array.isArray(value) ? value.map(String) : String(value));
  }
  return fields;
}

/**
 * The fields that were added or changed since `before`, and may be kept. What middlewares before the cache have set belongs to their own request (an id
 * of the request, the origin for CORS), and they set it again for the next one.
 */
export function addedSince(before: Fields, after: Fields): Field[] {
  const added: Field[] = [];
  for (const [name, value] of after) {
    if (NOT_KEPT.has(name)) continue;
    const former = before.get(name);
    if (former === undefined || String(former) !== String(value)) added.push([name, value]);
  }
  return added;
}

/** The first value of a field. */
export function valueOf(fields: readonly Field[], name: string): string | undefined {
  const value = fields.find(([own]) => own === name)?.[1];
  return typeof value === 'string' || value === undefined ? value : value.join(', ');
}

/** The members of a comma-separated field in lower case. */
export function membersOf(value: string | readonly string[] | undefined): string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? value : value.join(','))
    .split(',')
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '');
}

/** `Vary` of a kept response together with what is there already. */
export function mergedVary(there: string | readonly string[] | undefined, kept: string | readonly string[]): string {
  return [...new Set([...membersOf(there), ...membersOf(kept)])].join(', ');
}
