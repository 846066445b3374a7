/** The keys that all workers share, and how each of them is invalidated. */

export type Kind = 'tagged' | 'tagged by its loader' | 'plain' | 'owned';

export interface Key {
  readonly name: string;
  readonly kind: Kind;
  /** The tag that it shares with other keys of its kind. */
  readonly tag: string;
  /** The worker that alone writes an owned key: two that set one key at once would not agree which value is the newest. */
  readonly owner: number;
}

const KINDS: readonly Kind[] = ['tagged', 'tagged by its loader', 'plain', 'owned'];
const EACH = 12;

export const PLAIN = 'plain:';

/** Few keys, so that reads, loads and invalidations meet. */
export function keysFor(workers: number): Key[] {
  return KINDS.flatMap((kind) =>
    Array.from({ length: EACH }, (_, n) => ({ kind, name: `${kind === 'plain' ? PLAIN : `${kind.replaceAll(' ', '-')}:`}${n}`, tag: `${kind} ${n % 4}`, owner: n % workers })),
  );
}
