/** `natMap`: addresses that nodes announce, and where they are reached. */
import { surface } from '../clock';
import type { NatMap } from '../options/sentinel_options';

/** The address for `announced`; undefined if the map does not have it. */
export function mappedAddress(natMap: NatMap, announced: string): string | undefined {
  let found: { host: string; port: number } | null | undefined;
  try {
    found = typeof natMap === 'function' ? natMap(announced) : Object.hasOwn(natMap, announced) ? natMap[announced] : undefined;
  } catch (thrown) {
    surface(thrown);
  }
  return found ? `${found.host}:${found.port}` : undefined;
}

/** The mapped addresses in a reply to CLUSTER SLOTS, as JSON. */
export function mappedRows(natMap: NatMap, rows: unknown): string {
  const mapped = Object.create(null) as Record<string, string>;
  for (const row of Array.isArray(rows) ? rows : []) {
    for (const node of Array.isArray(row) ? row.slice(2) : []) {
      if (!Array.isArray(node)) continue;
      const announced = `${String(node[0])}:${String(node[1])}`;
      const address = mappedAddress(natMap, announced);
      if (address !== undefined) mapped[announced] = address;
    }
  }
  return JSON.stringify(mapped);
}
