/**
 * Commands to several servers. What follows from the replies of one of them mostly goes to all, in small numbers each, and a write costs as much as
 * ten commands. So it waits until the replies of all servers that have come by now are taken: until the end of this turn of the event loop.
 * Until then nobody could take an answer anyway.
 */
import { setImmediate } from '../clock';

let isNow = false;

function end(): void {
  isNow = false;
}

/** One of several servers has replied. */
export function replied(): void {
  if (isNow) return;
  isNow = true;
  setImmediate(end);
}

/** Whether one of several servers has replied in this turn of the event loop. */
export function hasReplied(): boolean {
  return isNow;
}
