/** A kept response in the form in which it is sent. */
import { isKeptBy304, isNotModified, type Conditions } from './conditional';
import { mergedVary, type Field } from './headers';
import type { Stored } from './stored';

/** What is sent. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly Field[];
  readonly body: Buffer | undefined;
}

/** `there`: the value of a field that the response has already. `cacheStatus`: the cache's member of `Cache-Status`. */
export function replyOf(stored: Stored, conditions: Conditions, cacheStatus: string | undefined, there: (name: string) => string | undefined): Reply {
  const { status, headers, body, at } = stored;
  const isUnmodified = isNotModified(conditions, status, headers);
  const sent = headers.filter(([name]) => !isUnmodified || isKeptBy304(name)).map(([name, value]): Field => (name === 'vary' ? [name, mergedVary(there('vary'), value)] : [name, value]));
  sent.push(['age', String(Math.max(0, Math.floor((Date.now() - at) / 1000)))]);
  if (cacheStatus !== undefined) sent.push(['cache-status', appended(there('cache-status'), cacheStatus)]);
  if (isUnmodified) return { status: 304, headers: sent, body: undefined };
  // A 204 has no length.
  if (status !== 204) sent.push(['content-length', String(body.length)]);
  return { status, headers: sent, body };
}

/** A member behind those of caches that are nearer to the origin. */
export function appended(there: string | undefined, member: string): string {
  return there === undefined || there === '' ? member : `${there}, ${member}`;
}
