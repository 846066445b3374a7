/** The state of connections and breakers, as metrics of `CacheMetrics`. */
import { isBreakerOpen } from '../cache/breakers';
import { addMetrics } from '../cache/metrics';
import { processMetrics } from '../cache/process_metrics';
import type { Sample } from '../cache/prometheus';
import type { Redis } from '../client/redis';
import { LIFE } from '../client/lifecycle';
import { connectionsOf } from './cluster';
import { openCache, openClients, type Client } from './connections';
import { openLanes } from './lanes';

/** The states that a client has, in few words. */
const STATES: Readonly<Record<string, string>> = { wait: 'unused', ready: 'ready', end: 'ended' };
const ALL_STATES = ['ready', 'connecting', 'unused', 'ended'];

const stateOf = ({ status }: { readonly status: string }): string => STATES[status] ?? 'connecting';

/** The connections of a client; a cluster that knows no node yet counts as one. */
function connections(client: Client): { readonly status: string }[] {
  if (!client.isCluster) return client[LIFE].link === undefined ? [] : [client];
  const nodes: Redis[] = connectionsOf(client);
  return nodes.length === 0 ? [client] : nodes;
}

/** By role. On a cluster one client has two roles: it counts in the first. */
function byRole(): Map<string, { readonly status: string }[]> {
  const seen = new Set<Client>();
  const roles = new Map<string, { readonly status: string }[]>();
  for (const [role, client] of openClients()) {
    if (seen.has(client)) continue;
    seen.add(client);
    roles.set(role, connections(client));
  }
  const lanes = openLanes();
  if (lanes.length > 0) roles.set('cache', lanes);
  return roles;
}

function connectionSamples(): Sample[] {
  return [...byRole()].flatMap(([role, list]) =>
    ALL_STATES.map((state) => ({ labels: { role, state }, value: list.filter((one) => stateOf(one) === state).length })),
  );
}

function breakerSamples(): Sample[] {
  const nodes = openCache()?.nodes() ?? [];
  return nodes.map(({ name, address }) => ({ labels: { node: name }, value: isBreakerOpen(address) ? 1 : 0 }));
}

addMetrics(processMetrics({ breakers: breakerSamples, connections: connectionSamples }));
