/** The engine's timer at its limits. */
import { setTimeout as pause } from 'node:timers/promises';
import { WakeTimer } from '../../lib/link/wake';
import { until } from '../helpers/until';

test('a time beyond the longest timer of Node does not fire at once', async () => {
  const wakes: string[] = [];
  const far = new WakeTimer(() => wakes.push('far'));
  const near = new WakeTimer(() => wakes.push('near'));
  far.arm(2 ** 31 + 1000, true);
  near.arm(20, true);
  await until(() => wakes.length > 0);
  // A timer that overflows fires after a millisecond.
  await pause(20);
  expect(wakes).toEqual(['near']);
  far.stop();
});

test('it wakes at the earliest requested time, and not after it was stopped', async () => {
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
