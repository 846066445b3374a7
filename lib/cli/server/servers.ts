/** All servers that hold the data: the one, the master that Sentinels name, or every master of a cluster. A cluster is recognised whatever the URL says. */
import { parseInfo } from '../../client/ready_check';
import { CliError, messageOf } from '../exit_codes';
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
  close(): void;
}

/** Errors: `CliError` if no server can be used. */
export async function openServers(target: ServerTarget, options: ConnectOptions): Promise<Servers> {
  const { endpoint } = target;
  const first = await connectFirst(target, options);
  const isCluster = await inCluster(first, endpoint.cluster !== undefined);
  if (!isCluster) {
    const topology = endpoint.sentinel === undefined ? 'standalone' : 'sentinel';
    return serversOf(target, topology, [first], []);
  }
  if (endpoint.db !== 0) {
    first.redis.disconnect();
    throw new CliError(`${target.source} names database ${endpoint.db}, but ${first.name} is a node of a cluster, which has database 0 alone`);
  }
  const own = addressOf(first);
  const { masters, missing } = await mastersOf(first, own);
  const nodes: Node[] = [];
  await Promise.all(
    masters.map(async (at) => {
      if (own !== undefined && at.host === own.host && at.port === own.port) return void nodes.push(first);
      try {
        nodes.push(await connect(target, at, options));
      } catch (error) {
        missing.push({ node: shown(`${at.host}:${at.port}`), reason: messageOf(error) });
      }
    }),
  );
  if (!nodes.includes(first)) first.redis.disconnect();
  if (nodes.length === 0) throw new CliError(`no master of the cluster at ${placeOf(endpoint)} can be used: ${missing[0]?.reason ?? 'the cluster has no slots'}`);
  return serversOf(target, 'cluster', nodes.sort((a, b) => (a.name < b.name ? -1 : 1)), missing);
}

function serversOf({ endpoint }: ServerTarget, topology: Topology, nodes: readonly Node[], missing: Servers['missing']): Servers {
  return {
    topology,
    place: placeOf(endpoint),
    db: endpoint.db,
    nodes,
    missing,
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
  if (mode === 'sentinel') {
    redis.disconnect();
    throw new CliError(`${name} is a Sentinel. Give its URL as redis+sentinel://host:port/group`);
  }
  if (isExpected && mode === 'standalone') {
    redis.disconnect();
    throw new CliError(`REDIS_CLUSTER is set, but ${name} is not a node of a cluster`);
  }
  return mode === 'cluster' || isExpected;
}

function addressOf({ redis }: Node): Address | undefined {
  const { host, port, path } = redis.options as { host?: string; port?: number; path?: string | null };
  return path != null || host === undefined || port === undefined ? undefined : { host, port };
}

type Slots = [first: number, last: number, master: [host: string | null, port: number], ...replicas: unknown[]][];

async function mastersOf(node: Node, own: Address | undefined): Promise<{ masters: Address[]; missing: { node: string; reason: string }[] }> {
  const missing: { node: string; reason: string }[] = [];
  let slots: Slots;
  try {
    slots = (await node.redis.call('CLUSTER', 'SLOTS')) as Slots;
  } catch (error) {
    throw new CliError(`${node.name} is a node of a cluster and refuses CLUSTER SLOTS, so its masters are not known: ${shown(messageOf(error))}`);
  }
  const masters = new Map<string, Address>();
  for (const [, , [announced, port]] of slots) {
    const host = announced === null || announced === '' ? own?.host : announced;
    if (host === undefined || host === '?') missing.push({ node: `?:${port}`, reason: `${node.name} does not know its address` });
    else masters.set(`${host}:${port}`, { host, port });
  }
  return { masters: [...masters.values()], missing };
}
