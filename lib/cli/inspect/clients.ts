/** Connections: the lines of CLIENT LIST, and their groups. Pure. */
import { CLI_NAME } from '../server/connect';
import { shown } from '../server/shown';
import type { ConnectionGroup, ConnectionsJson, Count } from './data';

/** Groups that are kept; the rest is one group. */
const MOST_GROUPS = 200;

export type ClientLine = Readonly<Record<string, string>>;

/** `id=3 addr=127.0.0.1:5000 name=api ...` by line. Values have no spaces. */
export function clientLines(text: string): ClientLine[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('id='))
    .map((line) => Object.fromEntries(line.trim().split(' ').map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)])));
}

interface Group {
  name: string;
  library: string;
  address: string;
  count: number;
  subscribers: number;
  blocked: number;
  oldestSeconds: number;
  longestIdleSeconds: number;
  memoryBytes: number;
  databases: Set<number>;
  users: Set<string>;
}

/** All connections but those of this command. `undefined`: no server told. */
export function connectionsOf(lines: readonly ClientLine[] | undefined): ConnectionsJson {
  if (lines === undefined) return { total: null, groups: [], byName: [], byLibrary: [], byAddress: [] };
  const groups = new Map<string, Group>();
  const others = lines.filter(({ name }) => name !== CLI_NAME);
  for (const line of others) add(groups, line);
  const sorted = [...groups.values()].sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  return {
    total: others.length,
    groups: sorted.slice(0, MOST_GROUPS).map(groupJson),
    byName: counts(others.map(nameOf)),
    byLibrary: counts(others.map(libraryOf)),
    byAddress: counts(others.map(addressOf)),
  };
}

const nameOf = ({ name = '' }: ClientLine): string => shown(name);
const libraryOf = (line: ClientLine): string => shown([line['lib-name'] ?? '', line['lib-ver'] ?? ''].join(' ').trim());

/** The address without its port: `10.0.0.1`, `[::1]`, `unix socket`. */
function addressOf({ addr = '' }: ClientLine): string {
  if (addr === '' || addr.startsWith('/') || addr.endsWith(':0')) return 'unix socket';
  return shown(addr.slice(0, addr.lastIndexOf(':')));
}

function add(groups: Map<string, Group>, line: ClientLine): void {
  const [name, library, address] = [nameOf(line), libraryOf(line), addressOf(line)];
  const key = [name, library, address].join('\n');
  let group = groups.get(key);
  if (group === undefined) {
    group = { name, library, address, count: 0, subscribers: 0, blocked: 0, oldestSeconds: 0, longestIdleSeconds: 0, memoryBytes: 0, databases: new Set(), users: new Set() };
    groups.set(key, group);
  }
  group.count++;
  if (Number(line.sub) > 0 || Number(line.psub) > 0 || Number(line.ssub) > 0) group.subscribers++;
  if (line.flags?.includes('b') === true) group.blocked++;
  group.oldestSeconds = Math.max(group.oldestSeconds, Number(line.age ?? 0));
  group.longestIdleSeconds = Math.max(group.longestIdleSeconds, Number(line.idle ?? 0));
  group.memoryBytes += Number(line['tot-mem'] ?? 0);
  group.databases.add(Number(line.db ?? 0));
  if (line.user !== undefined) group.users.add(shown(line.user));
}

function groupJson({ databases, users, ...group }: Group): ConnectionGroup {
  return { ...group, databases: [...databases].sort((a, b) => a - b), users: [...users].sort() };
}

function counts(names: readonly string[]): Count[] {
  const found = new Map<string, number>();
  for (const name of names) found.set(name, (found.get(name) ?? 0) + 1);
  return [...found].map(([of, count]) => ({ of, count })).sort((a, b) => b.count - a.count).slice(0, MOST_GROUPS);
}
