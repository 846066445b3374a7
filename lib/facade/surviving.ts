/** Invalidations that survive a failover: the call resolves when enough replicas have them. */
import { checkNames, checkReplicas } from '../cache/validate';
import { HawserError } from '../errors';
import { acknowledge } from '../manager/replicas';
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

/** How many replicas a call asks for. Errors: RangeError; HawserError `E_UNSUPPORTED` on a cluster. */
export function replicasOf(port: CachePort, options: InvalidateOptions | undefined): number {
  let count = port.minReplicas;
  if (options !== undefined) {
    const { minReplicas } = checkNames('options', options, NAMES);
    if (minReplicas !== undefined) count = checkReplicas('options.minReplicas', minReplicas);
  }
  const { endpoint } = settings();
  if (count > 0 && !endpoint.memory && endpoint.cluster !== undefined) {
    throw new HawserError('E_UNSUPPORTED', 'minReplicas is not supported on a cluster by this version; leave it out, or keep afterFailover at its default');
  }
  return count;
}

/** The names that the core gives to keys (`src/cache/names.rs`). */
const escaped = (prefix: string): string => prefix.replaceAll(':', '#:');
const internal = (prefix: string): string => `${escaped(prefix).replaceAll('{', '#(')}#`;

export const entryKeys = (prefix: string, keys: readonly string[]): string[] => keys.map((key) => `${escaped(prefix)}:${key}`);
export const tagKeys = (prefix: string, tags: readonly string[]): string[] => tags.flatMap((tag) => [`${internal(prefix)}v{:${tag}}`, `${internal(prefix)}h{:${tag}}`]);

/**
 * Waits until `minReplicas` replicas have what a call has deleted. Rejects with HawserError `E_NOT_REPLICATED`; what the call has done stands. On
 * `memory://` there is nothing to wait for.
 */
export async function survive(port: CachePort, operation: string, minReplicas: number, keys: readonly string[]): Promise<void> {
  const { endpoint, replicaTimeoutMs: timeoutMs } = settings();
  if (minReplicas === 0 || endpoint.memory) return;
  const acknowledged = await acknowledge({ keys, mark: `${internal(port.prefix)}w`, minReplicas, timeoutMs });
  if (acknowledged !== undefined && acknowledged >= minReplicas) return;
  const { node } = port.driver;
  const said = acknowledged === undefined ? 'the server did not say how many replicas have it' : `${acknowledged} of ${minReplicas} replicas have it`;
  const message = `${operation} at ${node}: it took effect, but ${said} after ${timeoutMs} ms; a failover now may undo it`;
  throw Object.assign(new HawserError('E_NOT_REPLICATED', message, { command: operation, node }), { acknowledged: acknowledged ?? null, minReplicas });
}
