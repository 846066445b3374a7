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

  test('a task that fails harms no other, and the report names it', async () => {
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

  test('tasks that have not begun when the signal aborts are skipped', async () => {
    const abort = new AbortController();
    const report = await warmCache([() => abort.abort(), () => 1, () => 2], { concurrency: 1, signal: abort.signal });
    expect(report).toMatchObject({ succeeded: 1, skipped: 2 });
  });

  test('nothing runs when an argument is wrong', async () => {
    const task = jest.fn();
    await expect(warmCache([task], { concurrency: 0 })).rejects.toThrow('concurrency must be a whole number from 1, got 0');
    await expect(warmCache([task, 5 as never])).rejects.toThrow('tasks[1] must be a function, got 5');
    await expect(warmCache(undefined as never)).rejects.toThrow('tasks must be an iterable of functions, got undefined');
    expect(task).not.toHaveBeenCalled();
  });
});
