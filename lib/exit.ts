/**
 * Hooks for the exit of the process. All loaded copies of the package share one process listener, and there is none while nothing is
 * open; otherwise a test run that loads the package again for each file would leave one listener per file.
 */

import { define } from './names';

type Hooks = Set<() => void> & { listener?: () => void };

const KEY = Symbol.for('hawser.exit');
const shared = process as unknown as { [KEY]?: Hooks };

/** Runs `hook` when the process exits, until `offExit`. With `first`, it runs before existing hooks. Hooks must not throw. */
export function onExit(hook: () => void, first = false): void {
  let hooks = shared[KEY];
  if (hooks === undefined) {
    hooks = new Set<() => void>();
    define(process, KEY, hooks);
  }
  const others = first ? [...hooks] : [];
  if (first) hooks.clear();
  for (const each of [hook, ...others]) hooks.add(each);
  if (hooks.listener !== undefined) return;
  const all = hooks;
  hooks.listener = () => {
    for (const each of all) each();
  };
  process.on('exit', hooks.listener);
}

export function offExit(hook: () => void): void {
  const hooks = shared[KEY];
  if (hooks?.delete(hook) !== true || hooks.size > 0 || hooks.listener === undefined) return;
  process.removeListener('exit', hooks.listener);
  delete hooks.listener;
}
