/**
 * Errors from the core: in an event, in a decision, or thrown by a native call. All have one shape. Users never see an Error that native code
 * constructed, because under jest it belongs to another realm and fails `instanceof`.
 */
import { ErrorSlot } from './contract.generated';
import { HawserError } from './errors';

export interface CoreError {
  /** One of `ErrorCode`. */
  code: string;
  /** `undefined` if the code says everything. */
  message: string | undefined;
  /** Whether the server may have run the command anyway. */
  maybeExecuted: boolean;
}

/** The error in the slots from `at` on. */
export function errorAt(slots: readonly unknown[], at: number): CoreError {
  const code = slots[at + ErrorSlot.Code];
  if (typeof code !== 'string') return unreadable(code as Error);
  return {
    code,
    message: slots[at + ErrorSlot.Message] as string | undefined,
    maybeExecuted: slots[at + ErrorSlot.MaybeExecuted] === 1,
  };
}

/** JavaScript cannot hold the reply to a command, which the server has run. The core passes Node's error for that. */
export function unreadable({ code = 'E_INTERNAL', message }: NodeJS.ErrnoException): CoreError {
  return { code, message, maybeExecuted: true };
}

/** The error that a native call has thrown. A panic has no code of the core and counts as `E_INTERNAL`. */
export function thrownByCore(thrown: unknown): CoreError {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' && code.startsWith('E_') ? code : 'E_INTERNAL', message: String(message), maybeExecuted: false };
}

/** Runs a native call and returns its result. Rethrows an error of the core as a `HawserError`. */
export function fromCore<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const { code, message } = thrownByCore(cause);
    throw new HawserError(code, message ?? code, { cause });
  }
}
