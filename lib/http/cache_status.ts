/** The field `Cache-Status` (RFC 9211). */
import type { Stored } from './stored';

/** The member of a response from the cache. Beyond its fresh period the time left is negative. */
export function hitStatus(name: string, { at, fresh }: Stored, now: number): string {
  return `${name}; hit; ttl=${Math.ceil((at + fresh - now) / 1000)}`;
}

/** The member of a response that another request's handler has just made. */
export function collapsedStatus(name: string): string {
  return `${name}; fwd=miss; collapsed`;
}

/** The member of a kept response in the place of an error. */
export function fallbackStatus(name: string, status: number): string {
  return `${name}; fwd=stale; fwd-status=${status}; detail=stale-if-error`;
}

/** The member of a response of the handler. `refusal`: why it is not kept. */
export function missStatus(name: string, refusal: string | undefined): string {
  return refusal === undefined ? `${name}; fwd=miss; stored` : `${name}; fwd=miss; detail=${refusal}`;
}

/** The member of a response of the handler which the cache was not asked for. */
export function bypassStatus(name: string, reason: string): string {
  return `${name}; fwd=bypass; detail=${reason}`;
}
