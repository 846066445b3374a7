/** Names of hawser's keys, as `src/cache/names.rs` makes them: entry `sc:<key>`, and what belongs to a tag `sc#v{:<tag>}`, `sc#h{:<tag>}`. Pure. */

/** Which kind of key of hawser's own: version of a tag, counter of a tag, version of the repository, mark of all tags. */
export type InternalKind = 'v' | 'h' | 'c' | 'a';

export interface InternalKey {
  readonly prefix: string;
  readonly kind: InternalKind;
  /** The tag; of the other kinds the range of slots. */
  readonly tag: string;
}

/** The part before an entry's key. */
export const entryPrefix = (prefix: string): string => `${prefix.replaceAll(':', '#:')}:`;

/** The part before the letter of an internal key. */
export const internalPrefix = (prefix: string): string => `${prefix.replaceAll(':', '#:').replaceAll('{', '#(')}#`;

/** A key of a tag: its version (`v`) or its counter (`h`). */
export const tagKey = (prefix: string, kind: 'v' | 'h', tag: string): string => `${internalPrefix(prefix)}${kind}{:${tag}}`;

/** For SCAN's MATCH: the text itself. */
export const globOf = (text: string): string => text.replace(/[*?[\]\\^]/g, '\\$&');

/** Takes an internal key apart; undefined if it is none. */
export function internalKey(key: string): InternalKey | undefined {
  // The prefix is the text up to the first `#` that neither `:` nor `(` follows.
  const [, prefix, kind, tag] = /^((?:[^#]|#[:(])+)#([vhca])\{:([^]*)\}$/.exec(key) ?? [];
  if (prefix === undefined || kind === undefined || tag === undefined) return undefined;
  return { prefix: prefix.replaceAll('#:', ':').replaceAll('#(', '{'), kind: kind as InternalKind, tag };
}
