/** The engine's timer at its bounds. */
import { setTimeout as pause } from 'node:timers/promises';
import { WakeTimer } from '../../lib/link/wake';
import { until } from '../helpers/until';

test('a time beyond what a timer of Node can hold is not taken for now', async () => {
  const wakes: string[] = [];
  const far = new WakeTimer(() => wakes.push('far'));
  const near = new WakeTimer(() => wakes.push('near'));
  far.arm(2 ** 31 + 1000, true);
  near.arm(20, true);
  await until(() => wakes.length > 0);
  // One that overflowed would have fired after a millisecond.
  await pause(20);
  expect(wakes).toEqual(['near']);
  far.stop();
});

test('it wakes at the earliest time asked for, and never once it was stopped', async () => {
  const wakes: number[] = [];
  const timer = new WakeTimer(() => wakes.push(performance.now()));
  const started = performance.now();
  timer.arm(60_000, true);
  timer.arm(5, true);
  await until(() => wakes.length === 1);
  expect(performance.now() - started).toBeLessThan(30_000);
  timer.arm(5, true);
  timer.arm(-1, true);
  await pause(30);
  expect(wakes).toHaveLength(1);
});
