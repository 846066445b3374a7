/** The rollout's flags: which services run the old code and which the new. */
import { flag, text } from './env';

export const SERVICES = [
  'PRICING',
  'PINCODES',
  'PERMISSIONS',
  'ORDERS',
  'SHIPMENTS',
  'WALLET',
  'ANALYTICS',
  'RATE_LIMITS',
  'SESSIONS',
  'QUEUES',
  'EVENTS',
] as const;
export type ServiceName = (typeof SERVICES)[number];
export type Side = 'before' | 'after';
export type Flags = Record<ServiceName, Side>;

/** `REDIS_MANAGER_ENABLED` is the default, `REDIS_MANAGER_<SERVICE>` an exception to it. */
export function flagsOf(env: NodeJS.ProcessEnv): Flags {
  const otherwise = flag('REDIS_MANAGER_ENABLED', false, env);
  const flags = SERVICES.map((name): [ServiceName, Side] => [name, !knowsOldCode(env) || flag(`REDIS_MANAGER_${name}`, otherwise, env) ? 'after' : 'before']);
  return Object.fromEntries(flags) as Flags;
}

/** The old code speaks to one server, which its URL names. */
export function knowsOldCode(env: NodeJS.ProcessEnv): boolean {
  return !isCluster(env) && /^rediss?:\/\//.test(text('REDIS_URL', env) ?? '');
}

export const isCluster = (env: NodeJS.ProcessEnv): boolean => flag('REDIS_CLUSTER', false, env);

export const isMemory = (env: NodeJS.ProcessEnv): boolean => text('REDIS_URL', env)?.startsWith('memory:') ?? false;
