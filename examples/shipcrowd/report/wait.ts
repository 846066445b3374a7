/** Waiting for conditions. */
import { setTimeout as pause } from 'node:timers/promises';

export { pause };

/** Checks `condition` until it gives something truthy, and resolves with that. A condition that rejects is checked again. */
export async function until<T>(condition: () => Promise<T> | T, what: string, deadlineMs = 60_000, everyMs = 20): Promise<NonNullable<T>> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`not within ${deadlineMs / 1000} s: ${what} (last: ${last instanceof Error ? last.message : String(last)})`);
    await pause(everyMs);
  }
}

/** Runs `work` for each item, so many at once, and resolves with the results in the order of the items. */
export async function each<T, R>(items: readonly T[], atOnce: number, work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at], at);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}
