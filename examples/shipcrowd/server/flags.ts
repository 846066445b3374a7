/** The rollout's flags: which services run the old code and which the new. */

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
  const otherwise = env.REDIS_MANAGER_ENABLED;
  const flags = SERVICES.map((name): [ServiceName, Side] => {
    const on = knowsOldCode(env) ? (env[`REDIS_MANAGER_${name}`] ?? otherwise) === 'true' : true;
    return [name, on ? 'after' : 'before'];
  });
  return Object.fromEntries(flags) as Flags;
}

/** The old code speaks to one server, which its URL names. */
export function knowsOldCode(env: NodeJS.ProcessEnv): boolean {
  return env.REDIS_CLUSTER !== 'true' && /^rediss?:\/\//.test(env.REDIS_URL ?? '');
}

export const isMemory = (env: NodeJS.ProcessEnv): boolean => (env.REDIS_URL ?? '').startsWith('memory:');
