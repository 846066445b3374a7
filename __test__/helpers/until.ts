/** Waiting for a condition with a deadline: what specs use instead of a fixed sleep. */
import { clearRealTimeout, nowMs, pause, setRealTimeout } from './clock';

export interface UntilOptions {
  /** How long to wait before failing. Default 5000. */
  deadlineMs?: number;
  /** Time between two looks. Default 5. */
  everyMs?: number;
  /** What is waited for, for the message of the failure. */
  what?: string;
}

/**
 * Looks at `condition` until it answers something truthy, and resolves with that. A condition that throws or rejects counts as not
 * yet, and its last error ends up in the failure's message. Unmoved by fake timers.
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

/** A condition whose promise never settles must not outlive the deadline. */
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
