/** What a server says of itself (INFO), and what of it does not suit a cache or BullMQ. */
import type { Redis } from '../client/redis';
import { parseInfo } from '../client/ready_check';
import { LATE, within } from './budget';

/** What a server says of itself. */
export interface ServerInfo {
  /** `redis`, `valkey`, or what another server calls itself. */
  name: string;
  /** `7.2.4` */
  version: string;
  role: 'master' | 'replica';
  usedMemoryBytes: number;
  /** 0: no limit. */
  maxMemoryBytes: number;
  /** `noeviction`, `allkeys-lru` ... */
  maxMemoryPolicy: string;
}

/** Questions under way: while a server is silent, a check every second must not fill the client's queue. */
const asked = new WeakMap<Redis, Promise<ServerInfo | undefined>>();

/** Undefined if the server does not answer within `ms`, or the user may not ask. Never rejects. */
export async function serverInfo(redis: Redis, ms: number): Promise<ServerInfo | undefined> {
  let pending = asked.get(redis);
  if (pending === undefined) {
    pending = redis
      .info()
      .then(readInfo, () => undefined)
      .finally(() => asked.delete(redis));
    asked.set(redis, pending);
  }
  const info = await within(pending, ms);
  return info === LATE ? undefined : info;
}

function readInfo(text: string): ServerInfo {
  const info = parseInfo(text) as Record<string, string | undefined>;
  const { server_name, valkey_version, redis_version = 'unknown', role } = info;
  return {
    name: server_name ?? (valkey_version === undefined ? 'redis' : 'valkey'),
    version: valkey_version ?? redis_version,
    role: role === 'master' ? 'master' : 'replica',
    usedMemoryBytes: Number(info.used_memory ?? 0),
    maxMemoryBytes: Number(info.maxmemory ?? 0),
    maxMemoryPolicy: info.maxmemory_policy ?? 'unknown',
  };
}

/** Who uses the manager's server. */
export interface Uses {
  readonly cache: boolean;
  readonly bullMQ: boolean;
}

/** What should be configured in another way. */
export interface PolicyWarning {
  readonly text: string;
  /** It can do harm as the server is configured now; otherwise once somebody sets a limit. */
  readonly isUrgent: boolean;
}

export function policyWarnings(node: string, { maxMemoryPolicy: policy, maxMemoryBytes }: ServerInfo, { cache, bullMQ }: Uses): PolicyWarning[] {
  const warnings: PolicyWarning[] = [];
  const isUrgent = maxMemoryBytes > 0;
  if (cache && policy === 'noeviction') {
    const then = isUrgent ? 'once maxmemory is reached, it refuses every write' : 'without maxmemory it may use all of the machine';
    warnings.push({ text: `${node}: maxmemory-policy is noeviction, so the server evicts nothing under the cache: ${then}. Set a maxmemory and allkeys-lru (or volatile-lru)`, isUrgent });
  }
  if (bullMQ && policy !== 'noeviction' && policy !== 'unknown') {
    const text = `${node}: maxmemory-policy is ${policy}, so the server may evict jobs of BullMQ. Set noeviction, and give the cache a server of its own`;
    warnings.push({ text, isUrgent: true });
  }
  return warnings;
}
