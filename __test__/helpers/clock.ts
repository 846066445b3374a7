/**
 * Real time for test helpers. A spec may install jest's fake timers, which must not affect waiting for processes and sockets. So this file
 * takes the real functions when it loads.
 */
import { setTimeout as realSetTimeout, clearTimeout as realClearTimeout } from 'node:timers';

const hrtime = process.hrtime.bigint.bind(process.hrtime);

export const setRealTimeout = realSetTimeout;
export const clearRealTimeout = realClearTimeout;

/** Milliseconds of a monotonic clock that fake timers do not move. */
export function nowMs(): number {
  return Number(hrtime()) / 1e6;
}

/** Resolves after `ms` of real time. For polling; a spec waits with `until`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    realSetTimeout(resolve, ms);
  });
}
