/** Invalidations that survive a failover: the call resolves when enough replicas have them. */
import { checkNames, checkReplicas } from '../cache/validate';
import { HawserError } from '../errors';
import { acknowledge, witness, type Witness } from '../manager/replicas';
import { settings } from '../manager/connections';
import type { CachePort } from '../cache/port';

/** Options of the calls that delete or invalidate. */
export interface InvalidateOptions {
  /**
   * How many replicas must have the invalidation before the call resolves, so that it survives a failover to one of them. Default: the
   * repository's, else `cache.minReplicas` of the manager, else 0.
   */
  minReplicas?: number | undefined;
}

const NAMES = new Set(['minReplicas']);

/** How many replicas a call asks for. Errors: RangeError. */
export function replicasOf(port: CachePort, options: InvalidateOptions | undefined): number {
  if (options === undefined) return port.minReplicas;
  const { minReplicas } = checkNames('options', options, NAMES);
  return minReplicas === undefined ? port.minReplicas : checkReplicas('options.minReplicas', minReplicas);
}

/** The names that the core gives to keys (`src/cache/names.rs`). */
const escaped = (prefix: string): string => prefix.replaceAll(':', '#:');
const internal = (prefix: string): string => `${escaped(prefix).replaceAll('{', '#(')}#`;

export const entryKeys = (prefix: string, keys: readonly string[]): string[] => keys.map((key) => `${escaped(prefix)}:${key}`);
export const tagKeys = (prefix: string, tags: readonly string[]): string[] => tags.flatMap((tag) => [`${internal(prefix)}v{:${tag}}`, `${internal(prefix)}h{:${tag}}`]);

/**
 * Waits until `minReplicas` replicas have what a call has deleted; on a cluster, those of each master that it went to. Rejects with HawserError
 * `E_NOT_REPLICATED`; what the call has done stands. On `memory://` there is nothing to wait for.
 */
export async function survive(port: CachePort, operation: string, minReplicas: number, keys: readonly string[], seen?: Witness): Promise<void> {
  const { endpoint, replicaTimeoutMs: timeoutMs } = settings();
  if (minReplicas === 0 || endpoint.memory) return;
  const { acknowledged, node = port.driver.node } = await acknowledge({ keys, mark: `${internal(port.prefix)}w`, minReplicas, timeoutMs }, seen);
  if (acknowledged !== undefined && acknowledged >= minReplicas) return;
  const said = acknowledged === undefined ? 'the server did not say how many replicas have it' : `${acknowledged} of ${minReplicas} replicas have it`;
  const message = `${operation} at ${node}: it took effect, but ${said} after ${timeoutMs} ms; a failover now may undo it`;
  throw Object.assign(new HawserError('E_NOT_REPLICATED', message, { command: operation, node }), { acknowledged: acknowledged ?? null, minReplicas });
}

/** The same for a call that deletes keys which nobody lists. */
export async function surviving<T>(port: CachePort, operation: string, minReplicas: number, run: () => Promise<T>): Promise<T> {
  const { endpoint, replicaTimeoutMs } = settings();
  if (minReplicas === 0 || endpoint.memory) return run();
  const before = await witness(replicaTimeoutMs);
  const result = await run();
  await survive(port, operation, minReplicas, [], before);
  return result;
}
