/** What a repository's calls use: the engine, the repository's number there, and the current settings. */
import type { Logger } from '../logger';
import type { CacheDriver } from './driver';
import type { Registration } from './registrations';
import { dispatch, type CacheEmitter } from './events';
import type { CacheCounters } from './metrics';
import type { Near } from './near';
import type { CallOptions } from './options';
import type { Serializer } from './serializer';
import type { ValueLimit } from './value_limit';

export interface CachePort {
  readonly driver: CacheDriver;
  readonly prefix: string;
  /** Held to keep the repository registered with the engine. */
  readonly registration: Registration;
  readonly repo: number;
  /** The options of a call without options. */
  readonly base: CallOptions;
  readonly serializer: Serializer;
  /** How values are compressed, see `packingOf`. */
  readonly packing: string;
  /** The number of the serializer in calls that read, see `codecOf`. */
  readonly codec: number;
  /** Its values in this process's memory, if it wants that. */
  readonly near: Near | undefined;
  counters: CacheCounters;
  /** Whether calls with tags are cached. */
  readonly tags: boolean;
  /** Whether nothing is cached at all. */
  readonly isDirect: boolean;
  /** How many replicas must have an invalidation before its call resolves. */
  readonly minReplicas: number;
  readonly logger: Logger;
  readonly emitter: CacheEmitter;
  readonly limit: ValueLimit;
}

/** Reports something to the application that no caller learns otherwise. */
export function warn(port: CachePort, message: string): void {
  dispatch('warning', { message, repository: port.prefix }, port.logger);
}

/** Whether a call with these tags goes past the cache: its repository's tier is direct, or tags are switched off. */
export function isUncached(port: CachePort, tags: readonly string[]): boolean {
  if (port.isDirect) return true;
  if (tags.length === 0 || port.tags) return false;
  warnTagsOff(port);
  return true;
}

let tagsWarned = false;

/** Reports once per process that calls with tags are not cached. */
export function warnTagsOff(port: CachePort): void {
  if (tagsWarned) return;
  tagsWarned = true;
  warn(port, 'tags are switched off (CACHE_ENABLE_TAGS=false): calls that name tags are not cached');
}
