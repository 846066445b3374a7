/** Reads that are answered from the near cache, and what remains for the engine. */
import type { CallOptions } from './options';
import type { CachePort } from './port';
import type { Near } from './near';
import type { NearCopy } from './near_copy';

/** The copy that answers a read now; undefined: ask the engine. Resolves later if the event loop has to turn first. */
export function nearHit(near: Near, key: string, o: CallOptions): NearCopy | undefined | Promise<NearCopy | undefined> {
  const copy = find(near, key, o);
  if (copy === undefined || near.caches.gate.isOpen()) return copy;
  return near.caches.gate.look().then((mayServe) => (mayServe ? find(near, key, o) : undefined));
}

function find({ caches, store }: Near, key: string, o: CallOptions): NearCopy | undefined {
  const copy = store.get(key);
  if (copy === undefined) return undefined;
  const at = caches.now();
  if (copy.serves(o, at)) return copy;
  if (copy.hasEnded(at)) store.letGo(key, copy);
  return undefined;
}

/** No value. */
export const MISSING = Symbol('missing');

/** The value of a copy for one caller. `MISSING`: it cannot be read, so the engine has to be asked. */
export function nearValue(port: CachePort, near: Near, key: string, copy: NearCopy): unknown {
  let value: unknown;
  try {
    value = copy.read(port.serializer, port.codec, near.share);
  } catch {
    // The reader that meets the entry itself reports it.
    near.store.letGo(key, copy);
    return MISSING;
  }
  port.counters.hits++;
  port.counters.nearHits++;
  return value;
}

/** The values of these keys that are here, and the keys of the others. A key that is named twice counts twice in `getMany`, so `rest` may name it twice. */
export async function nearValues(port: CachePort, near: Near, keys: readonly string[], of: (key: string) => CallOptions): Promise<{ values: Map<string, unknown>; rest: string[] }> {
  const values = new Map<string, unknown>();
  const rest: string[] = [];
  for (const key of keys) {
    const o = of(key);
    const hit = nearHit(near, key, o);
    const copy = hit instanceof Promise ? await hit : hit;
    const value = copy === undefined ? MISSING : nearValue(port, near, key, copy);
    if (value === MISSING) {
      rest.push(key);
    } else {
      o.outcomes?.note('near_hit');
      values.set(key, value);
    }
  }
  return { values, rest };
}
