/**
 * Patterns of keys. Keys are taken apart into a tree of their parts (`mask.ts` has replaced what is obviously an id); where a place has many different parts
 * and no few of them stand out, they are ids as well, and become one `*`. Bounded in memory: long keys are cut, and the tree stops growing. Pure.
 */
import { maskedParts } from './mask';

/** Parts of a key that are looked at; the rest is `…`. */
const DEPTH = 24;
const KEY_CHARS = 512;
/** Different parts in one place from which on they may be ids: at the end of a key, and before more parts. */
const LEAVES = 5;
const BRANCHES = 20;
/** The same for the first part of all keys, which is mostly a name. */
const ROOTS = 40;
/** A part that so many of its place's keys have is a name. */
const STANDS_OUT = 0.05;

interface Branch {
  count: number;
  /** How many keys end here. */
  readonly ends: number[];
  readonly next: Map<string, Branch>;
}

/** A pattern, and which of the keys it stands for. */
export interface Pattern {
  readonly pattern: string;
  /** Indexes in the list of keys. */
  readonly members: readonly number[];
}

/** Groups keys (which are already safe to show) by pattern; the largest group first. At most `max`; the keys of the others are in one group named `(other)`. */
export function patternsOf(keys: readonly string[], max: number): Pattern[] {
  const root = branch();
  keys.forEach((key, i) => insert(root, partsOf(key), i));
  merge(root, ROOTS, true);
  const found = new Map<string, number[]>();
  collect(root, '', found);
  const all = [...found].map(([pattern, members]) => ({ pattern, members })).sort((a, b) => b.members.length - a.members.length || (a.pattern < b.pattern ? -1 : 1));
  if (all.length <= max) return all;
  const rest = all.slice(max - 1).flatMap(({ members }) => members);
  return [...all.slice(0, max - 1), { pattern: '(other)', members: rest }];
}

const branch = (): Branch => ({ count: 0, ends: [], next: new Map() });

function partsOf(key: string): string[] {
  const isLong = key.length > KEY_CHARS;
  const parts = maskedParts(isLong ? key.slice(0, KEY_CHARS) : key);
  const kept = parts.slice(0, DEPTH);
  return isLong || parts.length > DEPTH ? [...kept, '…'] : kept;
}

function insert(root: Branch, parts: readonly string[], index: number): void {
  let at = root;
  at.count++;
  for (const part of parts) {
    let next = at.next.get(part);
    if (next === undefined) at.next.set(part, (next = branch()));
    next.count++;
    at = next;
  }
  at.ends.push(index);
}

/** Joins parts that are ids. `isPart`: the place holds a part and not a separator. */
function merge(at: Branch, branches: number, isPart: boolean): void {
  if (isPart && at.next.size >= LEAVES) {
    const ids = idsOf(at, branches);
    if (ids.length > 1) {
      const joined = at.next.get('*') ?? branch();
      at.next.set('*', joined);
      for (const part of ids) {
        join(joined, at.next.get(part) as Branch);
        at.next.delete(part);
      }
    }
  }
  for (const next of at.next.values()) merge(next, BRANCHES, !isPart);
}

/** The parts of a place that are ids: those that do not stand out, if there are many. */
function idsOf({ next, count }: Branch, branches: number): string[] {
  const parts = [...next].filter(([part]) => part !== '*' && part !== '');
  const leaves = parts.filter(([, { count: keys }]) => keys <= 2);
  const isRoot = branches === ROOTS;
  const small = parts.filter(([, { count: keys }]) => keys < count * STANDS_OUT);
  if (small.length >= branches) return small.map(([part]) => part);
  return !isRoot && leaves.length >= LEAVES ? leaves.map(([part]) => part) : [];
}

function join(into: Branch, from: Branch): void {
  into.count += from.count;
  for (const index of from.ends) into.ends.push(index);
  for (const [part, next] of from.next) {
    const known = into.next.get(part);
    if (known === undefined) into.next.set(part, next);
    else join(known, next);
  }
}

function collect(at: Branch, path: string, found: Map<string, number[]>): void {
  if (at.ends.length > 0) {
    const pattern = path.replace(/\*(?:[._-]?\*)+/g, '*');
    const members = found.get(pattern);
    if (members === undefined) found.set(pattern, [...at.ends]);
    else for (const index of at.ends) members.push(index);
  }
  for (const [part, next] of at.next) collect(next, path + part, found);
}
