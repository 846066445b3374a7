/** `natMap`: addresses that nodes announce, and where they are reached. */
import { surface } from '../clock';
import type { NatMap } from '../options/sentinel_options';
import { addressOf } from './startup';

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

/** The mapped addresses in a reply to CLUSTER SLOTS that the node at `asked` gave. */
export function mappedRows(natMap: NatMap, rows: unknown, asked: string): Map<string, string> {
  const mapped = new Map<string, string>();
  for (const row of Array.isArray(rows) ? rows : []) {
    for (const node of Array.isArray(row) ? row.slice(2) : []) {
      const announced = Array.isArray(node) ? announcedBy(node, asked) : undefined;
      if (announced === undefined || mapped.has(announced)) continue;
      const address = mappedAddress(natMap, announced);
      if (address !== undefined) mapped.set(announced, address);
    }
  }
  return mapped;
}

/** The address that a node of a map has, as the core reads it; undefined if it has none, or is the node that was asked. */
function announcedBy([host, port, , metadata]: unknown[], asked: string): string | undefined {
  switch (host) {
    case null:
      // Its endpoint is unknown: it is the host that was asked.
      return `${addressOf(asked).host}:${String(port)}`;
    case '':
      return undefined;
    case '?': {
      const at = Array.isArray(metadata) ? metadata.indexOf('ip') : -1;
      return at < 0 ? undefined : `${String((metadata as unknown[])[at + 1])}:${String(port)}`;
    }
    default:
      return `${String(host)}:${String(port)}`;
  }
}

/** The address in a redirect of the node at `from`, where `natMap` leads it. Empty if the map does not have it, or there is none. */
export function mappedRedirect(natMap: NatMap | undefined, text: string, from: string): string {
  if (natMap === undefined || !/^(MOVED|ASK) /.test(text)) return '';
  const announced = announcedIn(text, from);
  return announced === undefined ? '' : (mappedAddress(natMap, announced) ?? '');
}

/** The address in a redirect of the node at `from`. Without a host it is that of the node. */
export function announcedIn(text: string, from: string): string | undefined {
  const address = text.split(' ')[2] ?? '';
  if (address === '' || address.startsWith('?:')) return undefined;
  return address.startsWith(':') ? `${addressOf(from).host}${address}` : address;
}
