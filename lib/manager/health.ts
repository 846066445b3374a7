/** Checks in bounded time whether the connections answer. */
import { LIFE } from '../client/lifecycle';
import { turn } from '../turns';
import { LATE, within } from './budget';
import { client, settings, type Role } from './connections';
import { askCluster, ping } from './ping';
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
  /** Whether all three connections answered. On a cluster, main and publisher need an answer of every master, the subscriber one of its node. */
  healthy: boolean;
  /** `memory`: the URL is `memory://`, so there is no server to check. */
  mode: ManagerStats['mode'];
  /** The nodes that did not answer, `host:port`. A cluster that has never answered is named by its start nodes. */
  silent: string[];
  /** The connections of each role by node. */
  roles: { main: RoleStats; subscriber: RoleStats; publisher: RoleStats; cache: RoleStats };
  /** What should be configured in another way, each in one sentence. */
  warnings: string[];
}

/** What a role's PING found. */
interface Answer {
  /** Milliseconds until the slowest answer; undefined if one is missing. */
  ms: number | undefined;
  /** The nodes that did not answer. */
  silent: string[];
}

/** Milliseconds until the role's connection answered; `undefined` if it did not within 1,000 ms. Never rejects. */
export async function pingRole(role: Role): Promise<number | undefined> {
  return (await askRole(role)).ms;
}

/** Answers within 1,000 ms. Never rejects. */
async function askRole(role: Role): Promise<Answer> {
  try {
    if (settings().endpoint.memory) {
      await turn();
      return { ms: 0, silent: [] };
    }
    const redis = client(role);
    if (redis.isCluster) return await askCluster(redis, role === 'subscriber', HEALTH_TIMEOUT_MS);
    const ms = await within(ping(redis), HEALTH_TIMEOUT_MS);
    return ms === LATE || ms === undefined ? { ms: undefined, silent: [redis[LIFE].link?.node ?? ''] } : { ms, silent: [] };
  } catch {
    return { ms: undefined, silent: [] };
  }
}

/**
 * The state of all three connections, for a health endpoint, with the details of `RedisManager.stats()`. Answers within 1,000 ms and does not
 * reject because Redis is down. Opens connections that are not open yet. Errors: HawserError `E_BAD_OPTION` for unusable
 * settings. For an HTTP route take `redisHealthHandler()`.
 */
export async function redisHealthCheck(): Promise<RedisHealth> {
  // Bad settings reject.
  const run = settings();
  const started = now();
  const answers = await Promise.all([askRole('main'), askRole('subscriber'), askRole('publisher')]);
  const [main, subscriber, publisher] = answers.map(({ ms }) => ms);
  const state = await stats(Math.max(HEALTH_TIMEOUT_MS - (now() - started), 1), run);
  return {
    main: main === undefined ? 'disconnected' : 'connected',
    subscriber: subscriber === undefined ? 'error' : 'PONG',
    publisher: publisher === undefined ? 'error' : 'PONG',
    timestamp: state.timestamp,
    latencyMs: main === undefined ? null : Math.round(main * 1000) / 1000,
    healthy: main !== undefined && subscriber !== undefined && publisher !== undefined,
    mode: state.mode,
    silent: [...new Set(answers.flatMap(({ silent }) => silent))],
    roles: { main: state.main, subscriber: state.subscriber, publisher: state.publisher, cache: state.cache },
    warnings: state.warnings,
  };
}
