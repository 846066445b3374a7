/**
 * Errors of the core as they cross: in an event, in a decision, or thrown by a native call. They have one shape, and the core constructs none
 * that a user sees: an Error made there belongs to another realm under jest and fails `instanceof`.
 */
import { ErrorSlot } from './contract.generated';
import { HawserError } from './errors';

export interface CoreError {
  /** One of `ErrorCode`. */
  code: string;
  /** `undefined` where the code says all. */
  message: string | undefined;
  /** Whether the server may have run the command all the same. */
  maybeExecuted: boolean;
}

/** The error in the slots from `at` on. */
export function errorAt(slots: readonly unknown[], at: number): CoreError {
  return {
    code: slots[at + ErrorSlot.Code] as string,
    message: slots[at + ErrorSlot.Message] as string | undefined,
    maybeExecuted: slots[at + ErrorSlot.MaybeExecuted] === 1,
  };
}

/** What a native call has thrown. A panic has a code of the binding's, and is a defect. */
export function thrownByCore(thrown: unknown): CoreError {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  return { code: typeof code === 'string' && code.startsWith('E_') ? code : 'E_INTERNAL', message: String(message), maybeExecuted: false };
}

/** The result of a native call. Throws a `HawserError` for what the core throws. */
export function fromCore<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const { code, message } = thrownByCore(cause);
    throw new HawserError(code, message ?? code, { cause });
  }
}
