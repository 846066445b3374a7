/** Which servers a cluster has and who serves which slots, as one of its nodes tells it. */
import { CliError, messageOf } from '../exit_codes';
import type { Address, Node } from './connect';
import { shown } from './shown';

/** A replica, and the name of its master. */
export interface ReplicaAddress extends Address {
  readonly of: string;
}

export interface ClusterMap {
  readonly masters: readonly Address[];
  readonly replicas: readonly ReplicaAddress[];
  /** Of all of them. */
  readonly ids: ReadonlySet<string>;
  /** Masters whose address the node does not know. */
  readonly missing: readonly { node: string; reason: string }[];
  /** Ranges of slots and the master that serves them, in order. */
  readonly ranges: readonly { readonly first: number; readonly last: number; readonly master: string }[];
}

type Member = [host: string | null, port: number, id?: string, ...rest: unknown[]];
type Slots = [first: number, last: number, master: Member, ...replicas: Member[]][];

export const nameOf = ({ host, port }: Address): string => `${host}:${port}`;

/** Errors: `CliError` if the server refuses CLUSTER SLOTS. */
export async function clusterMap(node: Node): Promise<ClusterMap> {
  let slots: Slots;
  try {
    slots = (await node.redis.call('CLUSTER', 'SLOTS')) as Slots;
  } catch (error) {
    throw new CliError(`${node.name} is a node of a cluster and refuses CLUSTER SLOTS, so its masters are not known: ${shown(messageOf(error))}`);
  }
  return mapOf(slots, node.name, addressOf(node)?.host);
}

/** The host and port that a connection was opened to. */
export function addressOf({ redis }: Node): Address | undefined {
  const { host, port, path } = redis.options as { host?: string; port?: number; path?: string | null };
  return path != null || host === undefined || port === undefined ? undefined : { host, port };
}

/** `own`: the host of the node itself, which may announce itself without one. */
function mapOf(slots: Slots, by: string, own: string | undefined): ClusterMap {
  const masters = new Map<string, Address>();
  const replicas = new Map<string, ReplicaAddress>();
  const missing: { node: string; reason: string }[] = [];
  const ranges: ClusterMap['ranges'][number][] = [];
  const ids = new Set<string>();
  const reach = ([announced, port]: Member): Address | undefined => {
    const host = announced === null || announced === '' ? own : announced;
    return host === undefined || host === '?' ? undefined : { host, port };
  };
  for (const [first, last, master, ...followers] of slots) {
    for (const [, , id] of [master, ...followers]) if (id !== undefined) ids.add(id);
    const at = reach(master);
    const name = at === undefined ? `?:${master[1]}` : nameOf(at);
    ranges.push({ first, last, master: name });
    if (at === undefined) missing.push({ node: name, reason: `${by} does not know its address` });
    else masters.set(name, at);
    for (const follower of followers.flatMap((one) => reach(one) ?? [])) replicas.set(nameOf(follower), { ...follower, of: name });
  }
  return { masters: [...masters.values()], replicas: [...replicas.values()], ids, missing, ranges: ranges.sort((a, b) => a.first - b.first) };
}

/** What most of the maps say; of as many, what `before` says. */
export function prevailing(maps: readonly ClusterMap[], before: ClusterMap | undefined): ClusterMap | undefined {
  const votes = new Map<string, { map: ClusterMap; count: number }>();
  const keyOf = ({ ranges }: ClusterMap): string => ranges.map(({ first, last, master }) => `${first}-${last} ${master}`).join();
  for (const map of maps) votes.set(keyOf(map), { map, count: (votes.get(keyOf(map))?.count ?? 0) + 1 });
  const most = Math.max(...[...votes.values()].map(({ count }) => count));
  const known = before === undefined ? undefined : votes.get(keyOf(before));
  return known?.count === most ? known.map : [...votes.values()].find(({ count }) => count === most)?.map;
}
