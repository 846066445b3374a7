/** The sample of keys: SCAN on every master in turns, then a closer look at a few keys of each pattern. Bounded by the asker, and in memory. */
import type { Asker } from '../server/asker';
import type { Node } from '../server/connect';
import { shown } from '../server/shown';

/** Keys of one SCAN: a longer one would block the server noticeably. */
const STEP = 100;
/** Steps without a key in a row (an almost empty table) after which a server is done. */
const EMPTY_STEPS = 2_000;
const KEY_CHARS = 256;

export interface SampledKey {
  readonly node: Node;
  readonly key: Buffer;
  /** Safe to show. */
  readonly text: string;
}

export interface Sample {
  readonly keys: readonly SampledKey[];
  /** Per server: how many keys of it are in the sample, and whether they are all of them. */
  readonly of: ReadonlyMap<Node, { sampled: number; isComplete: boolean }>;
}

interface Walk {
  readonly node: Node;
  cursor: string;
  empty: number;
  isDone: boolean;
  isComplete: boolean;
  readonly seen: Set<string>;
}

/** Up to `max` keys of all servers together; fewer if `until` says that the time for this is over. */
export async function sampleKeys(asker: Asker, nodes: readonly Node[], max: number, until: () => boolean): Promise<Sample> {
  const walks = nodes.map((node): Walk => ({ node, cursor: '0', empty: 0, isDone: false, isComplete: false, seen: new Set() }));
  const keys: SampledKey[] = [];
  const share = Math.ceil(max / nodes.length);
  while (!until() && walks.some(({ isDone }) => !isDone)) {
    await Promise.all(walks.filter(({ isDone }) => !isDone).map((walk) => step(asker, walk, keys, share)));
  }
  return { keys, of: new Map(walks.map(({ node, seen, isComplete }) => [node, { sampled: seen.size, isComplete }])) };
}

async function step(asker: Asker, walk: Walk, keys: SampledKey[], share: number): Promise<void> {
  const reply = await asker.ask<[Buffer, Buffer[]]>(walk.node, ['SCAN', walk.cursor, 'COUNT', STEP], 'bytes');
  if (reply === undefined) {
    walk.isDone = true;
    return;
  }
  const [cursor, found] = reply;
  walk.cursor = cursor.toString();
  walk.empty = found.length === 0 ? walk.empty + 1 : 0;
  for (const key of found) {
    const id = key.toString('latin1');
    if (walk.seen.has(id)) continue;
    // A step may bring more than was asked for.
    if (walk.seen.size >= share) return void (walk.isDone = true);
    walk.seen.add(id);
    keys.push({ node: walk.node, key, text: shown(key, KEY_CHARS) });
  }
  walk.isComplete = walk.cursor === '0';
  walk.isDone = walk.isComplete || walk.empty >= EMPTY_STEPS;
}

/** What was found at a key. */
export interface Look {
  readonly type: string | null;
  readonly bytes: number | null;
  /** Milliseconds; -1: it has none. */
  readonly ttlMs: number | null;
}

/** Looks at one key. `undefined`: it has gone meanwhile, or nothing was answered. */
export async function lookAt(asker: Asker, { node, key }: SampledKey): Promise<Look | undefined> {
  const [type, ttl, bytes] = await Promise.all([
    asker.ask<string>(node, ['TYPE', key]),
    asker.ask<number>(node, ['PTTL', key]),
    asker.ask<number | null>(node, ['MEMORY', 'USAGE', key]),
  ]);
  if (type === 'none' || ttl === -2 || (type === undefined && ttl === undefined && bytes == null)) return undefined;
  return { type: type === undefined ? null : shown(type, 30), bytes: bytes ?? null, ttlMs: ttl ?? null };
}
