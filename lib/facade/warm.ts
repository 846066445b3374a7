/** Fills caches before traffic arrives. */
import { isSignal, onAbort } from '../abort';
import { checkFunction, checkNames } from '../cache/validate';
import { badOption } from '../errors';

/** A task that fills a cache as a side effect, typically a call of a service that reads through it. */
export type WarmTask = (() => unknown) | { name: string; run: () => unknown };

/** Options of `warmCache`. */
export interface WarmOptions {
  /** The number of tasks that run at a time. A whole number from 1; default 4. */
  concurrency?: number;
  /**
   * When the signal aborts, `warmCache` ends at once, whatever its tasks do. Tasks that have not begun are skipped. Running tasks are not
   * awaited and count as failed with the signal's reason.
   */
  signal?: AbortSignal;
}

/** The outcomes of the tasks. */
export interface WarmReport {
  total: number;
  succeeded: number;
  failed: number;
  /** Tasks that did not begin because the signal aborted. */
  skipped: number;
  /** One item for each failed task, in the order of the tasks. */
  errors: { index: number; name?: string; error: unknown }[];
  durationMs: number;
}

const OPTIONS: ReadonlySet<string> = new Set(['concurrency', 'signal']);

const now = performance.now.bind(performance);

/**
 * Runs tasks, a few at a time. A failed task neither affects the others nor rejects the call; the report lists it with its error. Errors:
 * TypeError or RangeError for invalid tasks or options, before anything runs.
 *
 *     const report = await warmCache(top.map((company) => () => orders.list(company.id, {})), { concurrency: 8 });
 */
export async function warmCache(tasks: Iterable<WarmTask>, options: WarmOptions = {}): Promise<WarmReport> {
  const { concurrency = 4, signal }: WarmOptions = checkNames('options', options, OPTIONS);
  if (signal !== undefined && !isSignal(signal)) badOption('signal', 'an AbortSignal', signal);
  if (!Number.isInteger(concurrency) || concurrency < 1) badOption('concurrency', 'a whole number from 1', concurrency, RangeError);
  if (typeof (tasks as Partial<Iterable<WarmTask>> | undefined)?.[Symbol.iterator] !== 'function') badOption('tasks', 'an iterable of functions', tasks);
  const list = [...tasks];
  list.forEach((task, i) => checkFunction(`tasks[${i}]`, typeof task === 'object' && (task as object | null) !== null ? task.run : task));

  const start = now();
  const report: WarmReport = { total: list.length, succeeded: 0, failed: 0, skipped: 0, errors: [], durationMs: 0 };
  const aborted = abortOf(signal);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const index = next++;
      if (signal?.aborted) {
        report.skipped++;
        continue;
      }
      const task = list[index];
      try {
        const run = (async () => (typeof task === 'function' ? task() : task.run()))();
        await (aborted === undefined ? run : Promise.race([run, aborted.promise]));
        report.succeeded++;
      } catch (error) {
        report.failed++;
        report.errors.push(typeof task === 'function' ? { index, error } : { index, name: task.name, error });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, list.length) }, worker));
  } finally {
    aborted?.release();
  }
  report.errors.sort((a, b) => a.index - b.index);
  report.durationMs = now() - start;
  return report;
}

/** A promise that rejects with the signal's reason when it aborts. */
function abortOf(signal: AbortSignal | undefined): { promise: Promise<never>; release: () => void } | undefined {
  if (signal === undefined || signal.aborted) return undefined;
  let release = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    release = onAbort(signal, () => reject(signal.reason as Error));
  });
  // No task may be waiting for it.
  promise.catch(() => undefined);
  return { promise, release };
}
