/**
 * The exit of the process. What was issued is written, and the servers get a moment to read it: one moment for the whole process, however
 * many connections it has. All loaded copies of the package share one process listener, and there is none while nothing is open;
 * otherwise a test run that loads the package again for each file would leave one listener per file.
 */
import { define } from './names';

/** Takes part in the exit of the process. Its functions must not throw. */
export interface ExitHook {
  /** Writes the commands that were issued. */
  flush(): void;
  /** Reads what has arrived, without waiting. Returns what that was; undefined if there is nothing to wait for. */
  look?(): Look | undefined;
}

export interface Look {
  /** How many commands were answered. */
  answered: number;
  hasBytes: boolean;
}

/** The longest wait, in ms, and how much longer it may become per answered command: a healthy server answers far more of them. */
const LONGEST_MS = 50;
const PER_ANSWER_MS = 0.05;
/** The longest wait without an answered command, in ms. */
const SILENCE_MS = 20;

type Hooks = Set<ExitHook> & { listener?: () => void };

const KEY = Symbol.for('hawser.exit');
const shared = process as unknown as { [KEY]?: Hooks };
const clock = new Int32Array(new SharedArrayBuffer(4));

/** Runs `hook` when the process exits, until `offExit`. With `first`, it runs before existing hooks. */
export function onExit(hook: ExitHook, first = false): void {
  let hooks = shared[KEY];
  if (hooks === undefined) {
    hooks = new Set<ExitHook>();
    define(process, KEY, hooks);
  }
  const others = first ? [...hooks] : [];
  if (first) hooks.clear();
  for (const each of [hook, ...others]) hooks.add(each);
  if (hooks.listener !== undefined) return;
  const all = hooks;
  hooks.listener = () => leave([...all]);
  process.on('exit', hooks.listener);
}

export function offExit(hook: ExitHook): void {
  const hooks = shared[KEY];
  if (hooks?.delete(hook) !== true || hooks.size > 0 || hooks.listener === undefined) return;
  process.removeListener('exit', hooks.listener);
  delete hooks.listener;
}

/** All write before anyone waits, so that all servers work at the same time. */
function leave(hooks: readonly ExitHook[]): void {
  for (const hook of hooks) hook.flush();
  let last = performance.now();
  let end = last + LONGEST_MS;
  for (;;) {
    // The time before the look: what arrived while the process did not run counts.
    const at = performance.now();
    const looks = hooks.map((hook) => hook.look?.()).filter((look) => look !== undefined);
    if (looks.length === 0) return;
    const answered = looks.reduce((sum, look) => sum + look.answered, 0);
    end += answered * PER_ANSWER_MS;
    if (answered > 0) last = performance.now();
    if (at > end || at - last > SILENCE_MS) return;
    if (!looks.some((look) => look.hasBytes)) Atomics.wait(clock, 0, 0, 1);
  }
}
