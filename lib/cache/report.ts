/**
 * What a repository reports about failures that its callers do not see. Counters count all of them, and listeners hear of every failed loader.
 * Warnings and log lines have a bounded rate (`due.ts`).
 */
import { emitLater, isHeard } from '../guard';
import { due } from './due';
import type { CacheEventName } from './events';
import { warn, type CachePort } from './port';
import type { Excess } from './value_limit';
import type { Outcomes } from '../observe/cache_channels';
import { withoutArguments } from '../observe/tracing';

/** What follows a line: how often the same has happened since the last one. `undefined` if the line is to be held back. */
function more({ logger, prefix }: CachePort, kind: string): string | undefined {
  const times = due(logger, `${kind} ${prefix}`);
  if (times === 0) return undefined;
  return times === 1 ? '' : ` (${times} times since the last report)`;
}

/** A warning, at a bounded rate. */
export function warnRarely(port: CachePort, kind: string, message: string): void {
  const rest = more(port, kind);
  if (rest !== undefined) warn(port, message + rest);
}

/** A loader failed where its caller is not told: every listener is, and the log once in a while. */
function loaderFailed(port: CachePort, event: CacheEventName, error: unknown, key: string, said: string): void {
  if (isHeard(port.emitter, event)) return emitLater(port.emitter, event, error, { key });
  const rest = more(port, event);
  if (rest !== undefined) port.logger.warn(`[hawser] cache ${port.prefix}: ${said}${rest}:`, withoutArguments(error));
}

/** A background refresh failed. */
export function refreshFailed(port: CachePort, error: unknown, key: string): void {
  loaderFailed(port, 'refreshError', error, key, 'a background refresh failed; the stale value stays until its ttl is over');
}

/** A loader failed, and its caller got the value that `staleIfError` had kept. */
export function servedFallback(port: CachePort, error: unknown, key: string, outcomes: Outcomes | undefined): void {
  port.counters.staleIfError++;
  outcomes?.note('fallback', 'miss');
  loaderFailed(port, 'staleIfError', error, key, 'a loader failed, and the value kept for staleIfError is served in its place');
}

/** A value was returned and not stored, because it is too long. */
export function notStoredTooLarge(port: CachePort, { bytes, limit }: Excess): void {
  port.counters.tooLarge++;
  warnRarely(port, 'tooLarge', `what a loader brought was returned and not stored: ${bytes} bytes, and at most ${limit} are stored (cache.maxValueBytes)`);
}

/** A value was returned and not stored, because a tag that its loader added could not be put in place. */
export function notStoredUntagged(port: CachePort): void {
  port.counters.untagged++;
  warnRarely(port, 'untagged', 'what a loader brought was returned and not stored: a tag that it added could not be put in place');
}
