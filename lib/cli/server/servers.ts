/** All servers that hold the data: the one, the master that Sentinels name, or every master of a cluster. A cluster is recognised whatever the URL says. */
import { parseInfo } from '../../client/ready_check';
import { CliError, messageOf } from '../exit_codes';
import { addressOf, clusterMap, nameOf, type ClusterMap } from './cluster_map';
import { connect, type Address, type ConnectOptions, type Node } from './connect';
import { shown } from './shown';
import { placeOf, type ServerTarget } from './target';

export type Topology = 'standalone' | 'sentinel' | 'cluster';

export interface Servers {
  readonly topology: Topology;
  readonly place: string;
  readonly db: number;
  readonly nodes: readonly Node[];
  /** Masters of the cluster that could not be asked. */
  readonly missing: readonly { node: string; reason: string }[];
  /** Of a cluster: who serves which slots, as the first node told. */
  readonly map: ClusterMap | undefined;
  close(): void;
}

/** Errors: `CliError` if no server can be used. */
export async function openServers(target: ServerTarget, options: ConnectOptions): Promise<Servers> {
  const { endpoint } = target;
  const first = await connectFirst(target, options);
  try {
    const isCluster = await inCluster(first, endpoint.cluster !== undefined);
    if (!isCluster) return serversOf(target, endpoint.sentinel === undefined ? 'standalone' : 'sentinel', [first], []);
    if (endpoint.db !== 0) throw new CliError(`${target.source} names database ${endpoint.db}, but ${first.name} is a node of a cluster, which has database 0 alone`);
    return await openMasters(target, first, options);
  } catch (error) {
    first.redis.disconnect();
    throw error;
  }
}

async function openMasters(target: ServerTarget, first: Node, options: ConnectOptions): Promise<Servers> {
  const map = await clusterMap(first);
  const own = addressOf(first);
  const nodes: Node[] = [];
  const missing = [...map.missing];
  await Promise.all(
    map.masters.map(async (at) => {
      if (own !== undefined && nameOf(at) === nameOf(own)) return void nodes.push(first);
      try {
        nodes.push(await connect(target, at, options));
      } catch (error) {
        missing.push({ node: shown(nameOf(at)), reason: messageOf(error) });
      }
    }),
  );
  if (nodes.length === 0) throw new CliError(`no master of the cluster at ${placeOf(target.endpoint)} can be used: ${missing[0]?.reason ?? 'the cluster has no slots'}`);
  if (!nodes.includes(first)) first.redis.disconnect();
  return serversOf(target, 'cluster', nodes.sort(byName), missing, map);
}

export const byName = (a: Node, b: Node): number => (a.name < b.name ? -1 : 1);

function serversOf({ endpoint }: ServerTarget, topology: Topology, nodes: readonly Node[], missing: Servers['missing'], map?: ClusterMap): Servers {
  return {
    topology,
    place: placeOf(endpoint),
    db: endpoint.db,
    nodes,
    missing,
    map,
    close: () => nodes.forEach(({ redis }) => redis.disconnect()),
  };
}

/** The first start node that can be used. */
async function connectFirst(target: ServerTarget, options: ConnectOptions): Promise<Node> {
  const starts: (Address | undefined)[] = target.endpoint.cluster === undefined ? [undefined] : [...target.endpoint.cluster];
  let last: unknown;
  for (const at of starts) {
    try {
      return await connect(target, at, options);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** Whether the server is a node of a cluster. Errors: `CliError` for a Sentinel, or if the settings call a server a cluster that is none. */
async function inCluster({ redis, name }: Node, isExpected: boolean): Promise<boolean> {
  let mode: string | undefined;
  try {
    const info = parseInfo(String(await redis.call('INFO', 'server')));
    mode = info.redis_mode ?? info.server_mode; // Valkey has the other name.
  } catch {
    // The user may not ask. The map of slots answers it too.
    mode = await redis.call('CLUSTER', 'SLOTS').then(() => 'cluster', () => undefined);
  }
  if (mode === 'sentinel') throw new CliError(`${name} is a Sentinel. Give its URL as redis+sentinel://host:port/group`);
  if (isExpected && mode === 'standalone') throw new CliError(`REDIS_CLUSTER is set, but ${name} is not a node of a cluster`);
  return mode === 'cluster' || isExpected;
}
