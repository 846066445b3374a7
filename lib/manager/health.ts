/** Checks in bounded time whether the connections answer. */
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { turn } from '../turns';
import { LATE, within } from './budget';
import { client, settings, type Role } from './connections';
import { stats, type ManagerStats, type RoleStats } from './stats';

/** The time limit of a health check, whatever the server does. */
export const HEALTH_TIMEOUT_MS = 1_000;

const now = performance.now.bind(performance);

/** The report of `redisHealthCheck`. */
export interface RedisHealth {
  main: 'connected' | 'disconnected';
  subscriber: 'PONG' | 'error';
  publisher: 'PONG' | 'error';
  /** ISO 8601. */
  timestamp: string;
  /** How long the main connection took to answer, in milliseconds; `null` if it did not. */
  latencyMs: number | null;
  /** Whether all three connections answered; on a cluster, each master on each. */
  healthy: boolean;
  /** `memory`: the URL is `memory://`, so there is no server to check. */
  mode: ManagerStats['mode'];
  /** The connections of each role by node. */
  roles: { main: RoleStats; subscriber: RoleStats; publisher: RoleStats };
  /** What should be configured in another way, each in one sentence. */
  warnings: string[];
}

/** One PING at a time for each client: while Redis is unavailable, a check every second must not fill its queue. */
const pings = new WeakMap<Redis, Promise<number | undefined>>();

/** Milliseconds until the role's connection answered; `undefined` if it did not within 1,000 ms. Never rejects. */
export async function pingRole(role: Role): Promise<number | undefined> {
  try {
    if (settings().endpoint.memory) {
      await turn();
      return 0;
    }
    const ms = await within(pingAll(client(role)), HEALTH_TIMEOUT_MS);
    return ms === LATE ? undefined : ms;
  } catch {
    return undefined;
  }
}

/** The slowest answer; undefined if one is missing. Every master of a cluster has keys that nobody else has. */
async function pingAll(client: Redis | Cluster): Promise<number | undefined> {
  if (!client.isCluster) return ping(client);
  // A cluster without nodes connects first.
  const nodes = client.status === 'ready' ? client.nodes('master') : [];
  const answers = await Promise.all((nodes.length > 0 ? nodes : [client as unknown as Redis]).map(ping));
  return answers.reduce((slowest, ms) => (slowest === undefined || ms === undefined ? undefined : Math.max(slowest, ms)));
}

function ping(redis: Redis): Promise<number | undefined> {
  let pending = pings.get(redis);
  if (pending === undefined) {
    const start = now();
    pending = redis
      .ping()
      .then(
        () => now() - start,
        () => undefined,
      )
      .finally(() => pings.delete(redis));
    pings.set(redis, pending);
  }
  return pending;
}

/**
 * The state of all three connections, for a health endpoint, with the details of `RedisManager.stats()`. Answers within 1,000 ms and does not
 * reject because Redis is down. Opens connections that are not open yet. Errors: HawserError `E_BAD_OPTION` or `E_UNSUPPORTED` for unusable
 * settings. For an HTTP route take `redisHealthHandler()`.
 */
export async function redisHealthCheck(): Promise<RedisHealth> {
  // Bad settings reject.
  settings();
  const started = now();
  const [main, subscriber, publisher] = await Promise.all([pingRole('main'), pingRole('subscriber'), pingRole('publisher')]);
  const state = await stats(Math.max(HEALTH_TIMEOUT_MS - (now() - started), 1));
  return {
    main: main === undefined ? 'disconnected' : 'connected',
    subscriber: subscriber === undefined ? 'error' : 'PONG',
    publisher: publisher === undefined ? 'error' : 'PONG',
    timestamp: state.timestamp,
    latencyMs: main === undefined ? null : Math.round(main * 1000) / 1000,
    healthy: main !== undefined && subscriber !== undefined && publisher !== undefined,
    mode: state.mode,
    roles: { main: state.main, subscriber: state.subscriber, publisher: state.publisher },
    warnings: state.warnings,
  };
}
