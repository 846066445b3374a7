/** Filling caches before the traffic comes. */
import { checkFunction } from '../cache/validate';
import { badOption } from '../errors';

/** Something that fills a cache as a side effect, typically a call of a service that reads through it. */
export type WarmTask = (() => unknown) | { name: string; run: () => unknown };

/** Options of `warmCache`. */
export interface WarmOptions {
  /** How many tasks run at a time. A whole number from 1; default 4. */
  concurrency?: number;
  /** When it aborts, tasks that have not begun are skipped. */
  signal?: AbortSignal;
}

/** What became of the tasks. */
export interface WarmReport {
  total: number;
  succeeded: number;
  failed: number;
  /** Not begun, because the signal aborted. */
  skipped: number;
  /** One for each failed task, in the order of the tasks. */
  errors: { index: number; name?: string; error: unknown }[];
  durationMs: number;
}

const now = performance.now.bind(performance);

/**
 * Runs tasks, a few at a time. A task that fails harms no other and does not reject: the report says which and why.
 * Errors: TypeError or RangeError for tasks or options that cannot be used, before anything runs.
 *
 *     const report = await warmCache(top.map((company) => () => orders.list(company.id, {})), { concurrency: 8 });
 */
export async function warmCache(tasks: Iterable<WarmTask>, options: WarmOptions = {}): Promise<WarmReport> {
  const { concurrency = 4, signal } = options;
  if (!Number.isInteger(concurrency) || concurrency < 1) badOption('concurrency', 'a whole number from 1', concurrency, RangeError);
  if (typeof (tasks as Partial<Iterable<WarmTask>> | undefined)?.[Symbol.iterator] !== 'function') badOption('tasks', 'an iterable of functions', tasks);
  const list = [...tasks];
  list.forEach((task, i) => checkFunction(`tasks[${i}]`, typeof task === 'object' && (task as object | null) !== null ? task.run : task));

  const start = now();
  const report: WarmReport = { total: list.length, succeeded: 0, failed: 0, skipped: 0, errors: [], durationMs: 0 };
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
        await (typeof task === 'function' ? task() : task.run());
        report.succeeded++;
      } catch (error) {
        report.failed++;
        report.errors.push(typeof task === 'function' ? { index, error } : { index, name: task.name, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, list.length) }, worker));
  report.errors.sort((a, b) => a.index - b.index);
  report.durationMs = now() - start;
  return report;
}
