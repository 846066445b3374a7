/** Time limits for the promises of the manager and the bus. */
import { clearTimeout, setImmediate, setTimeout } from '../clock';
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { HawserError } from '../errors';
import { replyCode } from '../observe/errors';

/** The result of `within` after a time-out. */
export const LATE = Symbol('late');

/** The result of `promise` within `ms`, else `LATE`. Replies that have arrived in the socket are read before the time counts as over. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, LATE), Math.max(ms, 1));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The same for a call of the application. Rejects with `E_TIMEOUT` after the time limit, otherwise with the client's error, which keeps
 * its code but shows neither arguments nor the server's text after the error code.
 */
export async function withinBudget<T>(operation: string, redis: Redis | Cluster, promise: Promise<T>, ms: number): Promise<T> {
  const node = redis.isCluster ? 'the cluster' : (redis[LIFE].link?.node ?? 'memory');
  const details = { command: operation, node };
  let result: T | typeof LATE;
  try {
    result = await within(promise, ms);
  } catch (error) {
    throw clientError(operation, node, error);
  }
  if (result !== LATE) return result;
  throw new HawserError('E_TIMEOUT', `${operation} at ${node}: no answer within ${ms} ms`, { ...details, maybeExecuted: true });
}

/** On a cluster, the client's error knows the node. */
function clientError(operation: string, place: string, error: unknown): HawserError {
  const { code = 'E_INTERNAL', message, maybeExecuted, node: known } = error as { code?: string; message: string; maybeExecuted?: boolean; node?: string };
  const node = typeof known === 'string' && known !== '' ? known : place;
  const said = code === 'E_REPLY' ? `the server refused it: ${replyCode(message)}` : message;
  return new HawserError(code, `${operation} at ${node}: ${said}`, { command: operation, node, ...(maybeExecuted ? { maybeExecuted } : {}) });
}
