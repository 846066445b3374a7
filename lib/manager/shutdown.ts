/** Closes everything when the process receives a signal to stop. */
import { constants } from 'node:os';
import { checkMs, checkNames } from '../cache/validate';
import { badOption } from '../errors';
import { closeAll } from './connections';

/** Options of `RedisManager.installShutdownHooks`. */
export interface ShutdownOptions {
  /** Default `['SIGTERM', 'SIGINT']`. */
  signals?: NodeJS.Signals[];
  /** Time limit for closing, in milliseconds. Default 2,000. */
  timeoutMs?: number;
}

export const CLOSE_TIMEOUT = { min: 0, max: 600_000, default: 2_000 };

const NAMES = new Set(['signals', 'timeoutMs']);
/** Signals that no process can listen to. */
const DEAF = new Set(['SIGKILL', 'SIGSTOP']);

const installed = new Map<NodeJS.Signals, () => void>();

/**
 * On a signal, closes everything and then lets the process end as it would have without the hook. If the application also listens to the
 * signal, the application must end the process. A second signal ends the process at once.
 */
export function installShutdownHooks(options: ShutdownOptions = {}): void {
  const { signals = ['SIGTERM', 'SIGINT'], timeoutMs = CLOSE_TIMEOUT.default }: ShutdownOptions = checkNames('options', options, NAMES);
  if (!Array.isArray(signals) || !signals.every((name) => Object.hasOwn(constants.signals, name) && !DEAF.has(name))) {
    badOption('signals', 'an array of names of signals that a process can listen to', signals);
  }
  checkMs('timeoutMs', timeoutMs, CLOSE_TIMEOUT);
  for (const signal of signals) {
    const previous = installed.get(signal);
    if (previous !== undefined) process.removeListener(signal, previous);
    const hook = (): void => {
      const alone = process.listenerCount(signal) === 1;
      uninstall();
      void closeAll(timeoutMs).then(() => {
        if (alone && process.listenerCount(signal) === 0) process.kill(process.pid, signal);
      });
    };
    installed.set(signal, hook);
    process.on(signal, hook);
  }
}

function uninstall(): void {
  for (const [signal, hook] of installed) process.removeListener(signal, hook);
  installed.clear();
}
