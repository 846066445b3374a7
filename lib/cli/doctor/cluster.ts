/** Checks of a cluster as a whole, and of its replicas: any of them may be a master tomorrow, and users, policies and versions are each server's own. */
import { messageOf } from '../exit_codes';
import { clusterMap, nameOf, type ClusterMap } from '../server/cluster_map';
import { connect, within, type Address, type ConnectOptions, type Node } from '../server/connect';
import type { Servers } from '../server/servers';
import { shown } from '../server/shown';
import type { ServerTarget } from '../server/target';
import { infoOf } from '../inspect/server_state';
import { check, type Check } from './checks';

const SLOTS = 16_384;
const PATIENCE_MS = 3_000;
/** Ranges that a text names. */
const MOST_RANGES = 5;

/** `ofNode`: the checks that every server gets. */
export async function clusterChecks(servers: Servers, target: ServerTarget, options: ConnectOptions, ofNode: (node: Node) => Promise<Check[]>): Promise<Check[]> {
  const { map } = servers;
  if (map === undefined) return [];
  const checks = [slotsCheck(map), ...(await stateChecks(servers.nodes)), await agreementCheck(servers.nodes, map)];
  const nodes: Node[] = [];
  try {
    for (const at of await othersOf(servers.nodes, map)) {
      try {
        nodes.push(await connect(target, at, options));
      } catch (error) {
        checks.push(check('server', 'problem', messageOf(error), shown(nameOf(at))));
      }
    }
    checks.push(spareCheck(map, nodes), await versionsCheck([...servers.nodes, ...nodes]));
    for (const node of nodes) checks.push(...(await ofNode(node)));
  } finally {
    for (const { redis } of nodes) redis.disconnect();
  }
  return checks;
}

/** Whether every slot has a master. */
function slotsCheck({ ranges }: ClusterMap): Check {
  const free: [from: number, to: number][] = [];
  let next = 0;
  for (const { first, last } of ranges) {
    if (first > next) free.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next < SLOTS) free.push([next, SLOTS - 1]);
  if (free.length === 0) return check('slots', 'ok', `all ${SLOTS} slots are served`);
  const count = free.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const named = free.slice(0, MOST_RANGES).map(([from, to]) => (from === to ? String(from) : `${from}-${to}`));
  return check('slots', 'problem', `${count} of ${SLOTS} slots are served by nobody (${named.join(', ')}${free.length > MOST_RANGES ? ' ...' : ''}): commands on their keys fail. Give them to a master: redis-cli --cluster fix`);
}

/** What each master says of the cluster's state. */
async function stateChecks(nodes: readonly Node[]): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name, redis } of nodes) {
    try {
      const info = infoOf(String(await within(redis.call('CLUSTER', 'INFO'), PATIENCE_MS)));
      const state = info.cluster_state ?? 'unknown';
      if (state === 'ok') checks.push(check('cluster', 'ok', `state ok, ${info.cluster_known_nodes ?? '?'} nodes are known`, name));
      else checks.push(check('cluster', 'problem', `state ${shown(state)}: the server refuses commands (slots that fail: ${info.cluster_slots_fail ?? '?'}, that may fail: ${info.cluster_slots_pfail ?? '?'})`, name));
    } catch (error) {
      checks.push(check('cluster', 'info', `CLUSTER INFO: ${shown(messageOf(error))}`, name));
    }
  }
  return checks;
}

/** Whether all masters tell the same map. */
async function agreementCheck(nodes: readonly Node[], map: ClusterMap): Promise<Check> {
  const keyOf = ({ ranges }: ClusterMap): string => ranges.map(({ first, last, master }) => `${first}-${last} ${master}`).join();
  const others: string[] = [];
  for (const node of nodes) {
    const told = await within(clusterMap(node), PATIENCE_MS).catch(() => undefined);
    if (told !== undefined && keyOf(told) !== keyOf(map)) others.push(node.name);
  }
  if (others.length === 0) return check('map', 'ok', 'all masters tell the same map of slots');
  return check('map', 'warning', `${others.join(', ')} tell another map of slots: slots are moving, a failover is under way, or the nodes do not hear each other`);
}

/** Replicas, and what is in no map of slots: masters without slots, and servers that the others take for dead. */
async function othersOf(nodes: readonly Node[], { replicas, ids }: ClusterMap): Promise<Address[]> {
  for (const { redis } of nodes) {
    try {
      return [...replicas, ...membersIn(String(await within(redis.call('CLUSTER', 'NODES'), PATIENCE_MS)), ids)];
    } catch {
      // The next one may tell.
    }
  }
  return [...replicas];
}

/** The lines of CLUSTER NODES without those whose id is known: `<id> <host>:<port>@<bus>,<name> <flags> ...`. */
function membersIn(text: string, known: ReadonlySet<string>): Address[] {
  return text.split('\n').flatMap((line) => {
    const [id = '', place = '', flags = ''] = line.split(' ');
    const [, host = '', port = ''] = /^(.+):(\d+)(?:@|,|$)/.exec(place) ?? [];
    return host === '' || Number(port) === 0 || known.has(id) || /noaddr|handshake/.test(flags) ? [] : [{ host, port: Number(port) }];
  });
}

/** Masters that nobody replaces if they fail. */
function spareCheck({ masters, replicas }: ClusterMap, nodes: readonly Node[]): Check {
  const alone = masters.map(nameOf).filter((name) => !replicas.some((at) => at.of === name && nodes.some((node) => node.name === shown(nameOf(at)))));
  if (alone.length === 0) return check('replicas', 'ok', `each of the ${masters.length} masters has a replica that answers`);
  return check('replicas', 'info', `${alone.map((name) => shown(name)).join(', ')} ${alone.length === 1 ? 'has' : 'have'} no replica that answers: slots of a master that fails are served by nobody`);
}

/** Whether all servers are of one version. */
async function versionsCheck(nodes: readonly Node[]): Promise<Check> {
  const versions = new Map<string, string[]>();
  for (const { name, redis } of nodes) {
    const info = await within(redis.call('INFO', 'server'), PATIENCE_MS).then((text) => infoOf(String(text)), () => undefined);
    const version = info?.valkey_version ?? info?.redis_version;
    if (version !== undefined) versions.set(shown(version), [...(versions.get(shown(version)) ?? []), name]);
  }
  if (versions.size < 2) return check('versions', 'ok', versions.size === 0 ? 'no server tells its version' : 'all servers have one version');
  return check('versions', 'warning', `servers have different versions: ${[...versions].map(([version, names]) => `${version} (${names.join(', ')})`).join('; ')}`);
}
