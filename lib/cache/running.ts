/** The loads that run now, for the metrics. Nothing here holds a repository or a caller. */

/** One load. */
export interface Running {
  readonly prefix: string;
  /** Monotonic milliseconds. */
  readonly startedAt: number;
}

/** The loads of one repository, or of all. */
export interface RunningLoads {
  /** Loads that run now, in the background too. */
  loading: number;
  /** How long they have been running, all together, in milliseconds. */
  loadingMs: number;
  /** How long the oldest of them has been running, in milliseconds; 0 if none runs. */
  oldestLoadMs: number;
}

const now = performance.now.bind(performance);
const running = new Set<Running>();

export function loadBegan(load: Running): void {
  running.add(load);
}

export function loadEnded(load: Running): void {
  running.delete(load);
}

export function noLoads(): RunningLoads {
  return { loading: 0, loadingMs: 0, oldestLoadMs: 0 };
}

export function addLoads(to: RunningLoads, more: RunningLoads): void {
  to.loading += more.loading;
  to.loadingMs += more.loadingMs;
  to.oldestLoadMs = Math.max(to.oldestLoadMs, more.oldestLoadMs);
}

/** By prefix. */
export function runningLoads(): Map<string, RunningLoads> {
  const byPrefix = new Map<string, RunningLoads>();
  const at = now();
  for (const { prefix, startedAt } of running) {
    let loads = byPrefix.get(prefix);
    if (loads === undefined) byPrefix.set(prefix, (loads = noLoads()));
    const age = Math.round(at - startedAt);
    addLoads(loads, { loading: 1, loadingMs: age, oldestLoadMs: age });
  }
  return byPrefix;
}
