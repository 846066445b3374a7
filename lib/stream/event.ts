/** What was invalidated, as it is kept in the journal of invalidations. */

/** One event. `undefined` tags: everything of the repository. */
export interface Invalidation {
  readonly prefix: string;
  readonly tags: readonly string[] | undefined;
}

/** An event in the journal. `change` is undefined for a mark: what came before it may be incomplete. */
export interface Entry {
  /** `milliseconds-sequence`, as the server of the journal counts. */
  readonly id: string;
  readonly change: Invalidation | undefined;
  /** About how many bytes it takes. */
  readonly size: number;
}

/** The key of the journal, and of the reign of the server that it was written in. No key of a repository begins with `#` and a letter. The braces put both into one slot. */
export const JOURNAL_KEY = '#hawser:{invalidations}';
export const ORIGIN_KEY = '#hawser:{invalidations}:origin';
/** Entries that the journal keeps, about. */
export const JOURNAL_LENGTH = 10_000;
/** The longest text of an entry's tags. Longer lists become several entries. */
const MAX_TAGS_CHARS = 8 << 10;
/** What names more than this is written as "everything of the repository". */
const MAX_ENTRIES = 128;

const FIELD = { prefix: 'p', tags: 't' } as const;

/** The fields of the entries that an invalidation needs. */
export function fieldsOf({ prefix, tags }: Invalidation): string[][] {
  if (tags === undefined) return [[FIELD.prefix, prefix]];
  const lists: string[][] = [];
  let size = Infinity;
  for (const tag of tags) {
    if (size + tag.length > MAX_TAGS_CHARS) {
      lists.push([]);
      size = 0;
    }
    lists[lists.length - 1].push(tag);
    size += tag.length + 3;
  }
  if (lists.length > MAX_ENTRIES) return [[FIELD.prefix, prefix]];
  return lists.map((list) => [FIELD.prefix, prefix, FIELD.tags, JSON.stringify(list)]);
}

/** An entry from its fields. What is not understood counts as a mark, so that nothing is missed. */
export function entryOf(id: string, fields: ReadonlyMap<string, string>): Entry {
  const prefix = fields.get(FIELD.prefix);
  const text = fields.get(FIELD.tags);
  const size = 64 + (text?.length ?? 0);
  if (prefix === undefined) return { id, change: undefined, size };
  if (text === undefined) return { id, change: { prefix, tags: undefined }, size };
  const tags = parse(text);
  return { id, change: tags === undefined ? undefined : { prefix, tags }, size };
}

function parse(text: string): string[] | undefined {
  try {
    const tags: unknown = JSON.parse(text);
    return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
  } catch {
    return undefined;
  }
}

const CURSOR = /^(\d{1,16})-(\d{1,16})$/;

/** Whether a text has the form of an id. */
export function isCursor(text: string): boolean {
  return CURSOR.test(text);
}

/** The time of an id, in milliseconds of the journal's server. */
export function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Which of two ids is later: negative, 0 or positive. */
export function compareIds(a: string, b: string): number {
  const [, time, sequence] = CURSOR.exec(a) ?? ['', '0', '0', '0'];
  const [, otherTime, otherSequence] = CURSOR.exec(b) ?? ['', '0', '0', '0'];
  return Number(time) - Number(otherTime) || Number(sequence) - Number(otherSequence);
}
