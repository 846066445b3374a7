/** The state of every connection of the manager, by role and node, and of the servers behind them. */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import type { ConnectionFault, Latency } from '../link/gauge';
import { connectionsOf } from './cluster';
import { openClients, settings, uses, type Role } from './connections';
import { openLanes } from './lanes';
import { poolStats, type PoolStats } from './lending';
import type { Settings } from './options';
import { policyWarnings, serverInfo, type PolicyWarning, type ServerInfo } from './server_info';
import { turn } from '../turns';

/** One connection: a role's client, or on a cluster one of its connections to a node. */
export interface NodeStats {
  /** `host:port`, or the path of a unix socket. */
  node: string;
  /** The client's status: `ready`, `connecting`, `reconnecting` ... */
  state: string;
  /** From a write to its reply, as this process sees it; `null` without a sample. */
  latencyMs: Latency | null;
  /** Commands that wait or are in flight. */
  queued: number;
  /** How often the connection was made again. */
  reconnects: number;
  lastError: ConnectionFault | null;
  /** Bytes of all connections so far. */
  bytesIn: number;
  bytesOut: number;
  /** `null` if the server did not answer INFO. */
  server: ServerInfo | null;
}

/** The connections of one role. */
export interface RoleStats {
  /** The client's status, or `closed` if nobody has used the role. */
  state: string;
  nodes: NodeStats[];
}

/** The result of `RedisManager.stats()`. */
export interface ManagerStats {
  /** ISO 8601. */
  timestamp: string;
  mode: 'standalone' | 'sentinel' | 'cluster' | 'memory';
  main: RoleStats;
  subscriber: RoleStats;
  publisher: RoleStats;
  /** The near cache's own connections, one for each server. */
  cache: RoleStats;
  /** Connections of `withConnection`. */
  pool: PoolStats;
  /** What should be configured in another way, each in one sentence. */
  warnings: string[];
}

export const STATS_TIMEOUT_MS = 1_000;

const ROLES: readonly Role[] = ['main', 'publisher', 'subscriber'];

/** The connections to the single nodes; of a cluster those that a command has used. */
function nodesOf(client: Redis | Cluster): Redis[] {
  return client.isCluster ? connectionsOf(client).filter(({ status }) => status !== 'wait') : [client];
}

/**
 * Answers within `ms`. Opens no connection. Never rejects because a server is away. The settings are those of the call's start: `closeAll` may
 * end meanwhile, and to read them again would start the manager anew.
 */
export async function stats(ms = STATS_TIMEOUT_MS, run = settings()): Promise<ManagerStats> {
  if (run.endpoint.memory) await turn();
  const servers = run.endpoint.memory ? new Map<string, ServerInfo>() : await askServers(ms);
  const warnings = [...servers].flatMap(([node, server]) => policyWarnings(node, server, uses()));
  for (const warning of warnings) tell(run, warning);
  const of = (role: Role): RoleStats => roleStats(openClients().get(role), servers);
  return {
    timestamp: new Date().toISOString(),
    mode: modeOf(run),
    main: of('main'),
    subscriber: of('subscriber'),
    publisher: of('publisher'),
    cache: laneStats(servers),
    pool: poolStats(run),
    warnings: warnings.map(({ text }) => text),
  };
}

function modeOf({ endpoint }: Settings): ManagerStats['mode'] {
  if (endpoint.memory) return 'memory';
  if (endpoint.cluster !== undefined) return 'cluster';
  return endpoint.sentinel === undefined ? 'standalone' : 'sentinel';
}

/** What each node's server says, asked on the first connection to it that may answer. */
async function askServers(ms: number): Promise<Map<string, ServerInfo>> {
  const askable = new Map<string, Redis>();
  for (const role of ROLES) {
    const client = openClients().get(role);
    for (const redis of client === undefined ? [] : nodesOf(client)) {
      const { link } = redis[LIFE];
      if (link !== undefined && redis.status === 'ready' && redis.mode === 'normal' && !askable.has(link.node)) askable.set(link.node, redis);
    }
  }
  const answers = await Promise.all([...askable].map(async ([node, redis]) => [node, await serverInfo(redis, ms)] as const));
  return new Map(answers.filter((answer): answer is [string, ServerInfo] => answer[1] !== undefined));
}

function roleStats(client: Redis | Cluster | undefined, servers: ReadonlyMap<string, ServerInfo>): RoleStats {
  if (client === undefined) return { state: 'closed', nodes: [] };
  return { state: client.status, nodes: nodesOf(client).flatMap((redis) => nodeStats(redis, servers)) };
}

/** A lane that is not ready is the state of all. */
function laneStats(servers: ReadonlyMap<string, ServerInfo>): RoleStats {
  const lanes = openLanes();
  const state = lanes.find(({ status }) => status !== 'ready')?.status ?? (lanes.length === 0 ? 'closed' : 'ready');
  return { state, nodes: lanes.flatMap((lane) => nodeStats(lane, servers)) };
}

function nodeStats(redis: Redis, servers: ReadonlyMap<string, ServerInfo>): NodeStats[] {
  const { link } = redis[LIFE];
  if (link === undefined) return [];
  const { gauge, node } = link;
  const bytes = gauge.bytes(link.socket);
  return [
    {
      node,
      state: redis.status,
      latencyMs: gauge.latency() ?? null,
      queued: link.queued,
      reconnects: gauge.reconnects,
      lastError: gauge.lastError ?? null,
      bytesIn: bytes.read,
      bytesOut: bytes.written,
      server: servers.get(node) ?? null,
    },
  ];
}

/** Warnings that the log has. A check every second says nothing new. */
const told = new WeakMap<object, Set<string>>();

function tell(run: Settings, { text, isUrgent }: PolicyWarning): void {
  const said = told.get(run) ?? new Set<string>();
  told.set(run, said);
  if (said.has(text)) return;
  said.add(text);
  run.logger[isUrgent ? 'warn' : 'info'](`[hawser] ${text}`);
}
