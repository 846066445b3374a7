/** Promises of the manager and the bus with a limit in time. */
import { clearTimeout, setImmediate, setTimeout } from '../clock';
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { HawserError } from '../errors';

/** What `within` brings when the time is over. */
export const LATE = Symbol('late');

/** What `promise` brings within `ms`, else `LATE`. What has arrived in the socket meanwhile is looked at before the time counts as over. */
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
 * The same for a call of the application: rejects with `E_TIMEOUT` when the time is over, else with the client's error, which keeps its code and
 * says neither arguments nor what the server wrote behind its error's code.
 */
export async function withinBudget<T>(operation: string, redis: Redis, promise: Promise<T>, ms: number): Promise<T> {
  const node = redis[LIFE].link?.node ?? 'memory';
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

function clientError(operation: string, node: string, error: unknown): HawserError {
  const { code = 'E_INTERNAL', message, maybeExecuted } = error as { code?: string; message: string; maybeExecuted?: boolean };
  const said = code === 'E_REPLY' ? `the server refused it: ${replyCode(message)}` : message;
  return new HawserError(code, `${operation} at ${node}: ${said}`, { command: operation, node, ...(maybeExecuted ? { maybeExecuted } : {}) });
}

/** The first word of what a server answered, if it is an error's code. What follows may show arguments: keys, values, passwords. */
export function replyCode(text: string): string {
  return /^[A-Z][A-Z0-9_]*(?= |$)/.exec(text)?.[0] ?? 'an error';
}
