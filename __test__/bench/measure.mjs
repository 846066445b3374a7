// One measurement: endless loops of one operation, and their cost for the process in a window of time.

import { cpus } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

/** How often the loop's delay is sampled. More samples would cost CPU time that counts as the contender's. */
const RESOLUTION_MS = 10;

/**
 * Runs `operation(n)` in `concurrency` loops, each awaiting one call before the next (n counts calls from 0), and looks at the process for
 * `windowMs` after `warmMs`. Resolves with `throughput` per second, `cpu` in microseconds per operation (user and system, all threads of the
 * process, native ones included), `lag`: the 99th percentile in milliseconds by which the event loop's timers came late, `others`: the share
 * of the machine's cores that neither this process nor the server used, whose CPU time in microseconds `serverCpu` resolves with. Concurrency 0
 * is an idle process: its `throughput` and `cpu` stay undefined.
 */
export async function measure(operation, { concurrency, warmMs, windowMs, serverCpu }) {
  const progress = { calls: 0, done: 0, isOver: false };
  const loops = Promise.all(Array.from({ length: concurrency }, () => loop(operation, progress)));
  // A loop that fails ends the measurement; one that ends on its own is reported below.
  const failed = new Promise((_, reject) => loops.catch(reject));
  const wait = (ms) => Promise.race([pause(ms), failed]);
  await wait(warmMs);
  const serverBefore = await serverCpu();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const before = snapshot(progress);
  await wait(windowMs);
  const after = snapshot(progress);
  delay.disable();
  const ours = after.cpu - before.cpu + (await serverCpu()) - serverBefore;
  progress.isOver = true;
  await loops;
  const done = after.done - before.done;
  if (concurrency > 0 && done === 0) throw new Error(`no operation was done in ${windowMs} ms`);
  return {
    throughput: done === 0 ? undefined : (done * 1e3) / (after.at - before.at),
    cpu: done === 0 ? undefined : (after.cpu - before.cpu) / done,
    lag: Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS),
    others: Math.max(0, after.machine.busy - before.machine.busy - ours) / (after.machine.all - before.machine.all),
  };
}

async function loop(operation, progress) {
  while (!progress.isOver) {
    await operation(progress.calls++);
    progress.done++;
  }
}

function snapshot(progress) {
  const { user, system } = process.cpuUsage();
  return { done: progress.done, at: performance.now(), cpu: user + system, machine: machine() };
}

/** CPU time of all cores since the start of the machine, in microseconds. */
function machine() {
  const times = cpus().map((core) => core.times);
  const all = times.flatMap(Object.values).reduce((sum, ms) => sum + ms, 0);
  const idle = times.reduce((sum, core) => sum + core.idle, 0);
  return { busy: (all - idle) * 1e3, all: all * 1e3 };
}
