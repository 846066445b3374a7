/** Waiting for AbortSignals: one listener on each signal, however many calls wait for it, and none when none does. */

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `act` when the signal aborts; the result ends that. The signal must not have aborted yet. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  // The same function may wait twice.
  const entry = (): void => act();
  const entries = waiting.get(signal) ?? listen(signal);
  entries.add(entry);
  return () => {
    if (!entries.delete(entry) || entries.size > 0 || waiting.get(signal) !== entries) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', listeners.get(entries) as () => void);
  };
}

const listeners = new WeakMap<Set<() => void>, () => void>();

function listen(signal: AbortSignal): Set<() => void> {
  const entries = new Set<() => void>();
  const listener = (): void => {
    waiting.delete(signal);
    signal.removeEventListener('abort', listener);
    for (const entry of [...entries]) entry();
  };
  waiting.set(signal, entries);
  listeners.set(entries, listener);
  signal.addEventListener('abort', listener);
  return entries;
}

/** Judged by its shape: another realm's AbortSignal is one too. */
export function isSignal(signal: unknown): signal is AbortSignal {
  return typeof signal === 'object' && signal !== null && 'aborted' in signal && 'addEventListener' in signal;
}
