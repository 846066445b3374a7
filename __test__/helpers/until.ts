/** Waits for a condition with a deadline. Specs use this instead of a fixed sleep. */
import { clearRealTimeout, nowMs, pause, setRealTimeout } from './clock';

export interface UntilOptions {
  /** How long to wait before failing. Default 5000. */
  deadlineMs?: number;
  /** Time between two looks. Default 5. */
  everyMs?: number;
  /** The condition in words, for the message of the failure. */
  what?: string;
}

/**
 * Checks `condition` until it returns something truthy, and resolves with that. If it throws or rejects, it is checked again, and the
 * failure's message shows the last error. Fake timers have no effect.
 */
export async function until<T>(condition: () => T | Promise<T>, options: UntilOptions = {}): Promise<NonNullable<T>> {
  const { deadlineMs = 5000, everyMs = 5, what } = options;
  const end = nowMs() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await within(condition(), end - nowMs());
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (nowMs() >= end) {
      const seen = last instanceof Error ? `${last.name}: ${last.message}` : String(last);
      throw new Error(`not within ${deadlineMs} ms: ${what ?? condition.toString()} (last seen: ${seen})`);
    }
    await pause(everyMs);
  }
}

/** Ends at the deadline even if the promise of the condition never settles. */
async function within<T>(value: T | Promise<T>, leftMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setRealTimeout(() => reject(new Error('the condition itself did not answer')), Math.max(leftMs, 1));
  });
  try {
    return await Promise.race([value, late]);
  } finally {
    clearRealTimeout(timer);
  }
}
