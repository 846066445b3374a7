/** Node-style callbacks. */
import { surface } from '../clock';

export type Callback<T = unknown> = (error?: Error | null, result?: T) => void;

/**
 * Calls a node-style callback when the promise settles. An exception in it becomes an uncaught exception. A value that is not a function
 * is ignored, as in ioredis, because some callers pass `true`.
 */
export function callBack<P extends Promise<unknown>>(promise: P, callback: Callback): P {
  if (typeof callback !== 'function') return promise;
  promise.then(
    (value) => {
      if (value === undefined) call(callback, null);
      else call(callback, null, value);
    },
    (error: Error) => call(callback, error),
  );
  return promise;
}

function call(callback: Callback, ...outcome: Parameters<Callback>): void {
  try {
    callback(...outcome);
  } catch (thrown) {
    surface(thrown);
  }
}
