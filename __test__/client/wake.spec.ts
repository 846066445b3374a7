/** The engine's timer at its limits. */
import { createHook } from 'node:async_hooks';
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

test('a timer that does not keep the process alive leaves nothing behind that does, which jest --detectOpenHandles would report', async () => {
  const held: boolean[] = [];
  const heldWhenAsked: boolean[] = [];
  // Nothing else wakes the event loop.
  const far = setTimeout(() => undefined, 60_000);
  await new Promise<void>((resolve) => {
    const timer = new WakeTimer(resolve);
    let armed: number | undefined;
    const hook = createHook({
      init(id, type, trigger, resource) {
        if (type === 'Timeout') armed ??= id;
        if (type !== 'Immediate' || trigger !== armed) return;
        hook.disable();
        const immediate = resource as NodeJS.Immediate;
        process.nextTick(() => {
          held.push(immediate.hasRef());
          timer.arm(10, true);
          heldWhenAsked.push(immediate.hasRef());
        });
      },
    });
    hook.enable();
    timer.arm(20, false);
  });
  clearTimeout(far);
  expect({ held, heldWhenAsked }).toEqual({ held: [false], heldWhenAsked: [true] });
});

test('it wakes in an event loop where nothing else happens', async () => {
  const far = setTimeout(() => undefined, 60_000);
  await new Promise<void>((resolve) => new WakeTimer(resolve).arm(20, false));
  clearTimeout(far);
});
