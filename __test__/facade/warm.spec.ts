import { getEventListeners } from 'node:events';
import { warmCache } from '../../lib/facade';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('warmCache', () => {
  test('runs all tasks, never more than `concurrency` at a time', async () => {
    let running = 0;
    let most = 0;
    const done: number[] = [];
    const tasks = Array.from({ length: 10 }, (_, i) => async () => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      done.push(i);
    });
    const report = await warmCache(tasks, { concurrency: 3 });
    expect(report).toMatchObject({ total: 10, succeeded: 10, failed: 0, skipped: 0, errors: [] });
    expect(most).toBe(3);
    expect(done.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test('a failing task does not affect the others, and the report names it', async () => {
    const error = new Error('no such company');
    const report = await warmCache([
      () => 1,
      { name: 'company 7', run: () => Promise.reject(error) },
      () => {
        throw error;
      },
      () => 2,
    ]);
    expect(report).toMatchObject({ total: 4, succeeded: 2, failed: 2 });
    expect(report.errors).toEqual([{ index: 1, name: 'company 7', error }, { index: 2, error }]);
  });

  test('tasks that did not begin before the signal aborts are skipped', async () => {
    const abort = new AbortController();
    const report = await warmCache([() => abort.abort(), () => 1, () => 2], { concurrency: 1, signal: abort.signal });
    expect(report).toMatchObject({ succeeded: 1, skipped: 2 });
  });

  test('it ends when the signal aborts, even if its tasks continue', async () => {
    const abort = new AbortController();
    const reason = new Error('shutting down');
    const never = (): Promise<never> => new Promise(() => undefined);
    let reject = (_: Error): void => undefined;
    const warming = warmCache([() => 1, never, { name: 'late', run: () => new Promise((_, fail) => (reject = fail)) }, never, never], { concurrency: 3, signal: abort.signal });
    await turn();
    abort.abort(reason);
    const report = await warming;
    reject(new Error('nobody waits for it any more'));
    expect(report).toMatchObject({ total: 5, succeeded: 1, failed: 3, skipped: 1 });
    expect(report.errors).toEqual([{ index: 1, error: reason }, { index: 2, name: 'late', error: reason }, { index: 3, error: reason }]);
    expect(getEventListeners(abort.signal, 'abort')).toHaveLength(0);
  });

  test('nothing runs if the signal has already aborted, and no listener stays on a signal that does not abort', async () => {
    const task = jest.fn();
    expect(await warmCache([task, task], { signal: AbortSignal.abort() })).toMatchObject({ total: 2, skipped: 2 });
    expect(task).not.toHaveBeenCalled();
    const { signal } = new AbortController();
    await warmCache(Array.from({ length: 30 }, () => task), { signal, concurrency: 30 });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
    await expect(warmCache([task], { signal: 5 as never })).rejects.toThrow('signal must be an AbortSignal, got 5');
    await expect(warmCache([task], { concurency: 5 } as never)).rejects.toThrow('options.concurency is not an option');
  });

  test('nothing runs if an argument is invalid', async () => {
    const task = jest.fn();
    await expect(warmCache([task], { concurrency: 0 })).rejects.toThrow('concurrency must be a whole number from 1, got 0');
    await expect(warmCache([task, 5 as never])).rejects.toThrow('tasks[1] must be a function, got 5');
    await expect(warmCache(undefined as never)).rejects.toThrow('tasks must be an iterable of functions, got undefined');
    expect(task).not.toHaveBeenCalled();
  });
});
