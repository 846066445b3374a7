/** What a repository's calls work with: the engine, its number there, and the settings that hold now. */
import type { Logger } from '../logger';
import type { CacheDriver, Registration } from './driver';
import { dispatch, type CacheEmitter } from './events';
import type { CacheCounters } from './metrics';
import type { CallOptions } from './options';
import type { Serializer } from './serializer';
import type { ValueLimit } from './value_limit';

export interface CachePort {
  readonly driver: CacheDriver;
  readonly prefix: string;
  /** Held, so that the engine knows the repository. */
  readonly registration: Registration;
  readonly repo: number;
  /** The options of a call that gives none. */
  readonly base: CallOptions;
  readonly serializer: Serializer;
  counters: CacheCounters;
  /** Whether calls that name tags are cached. */
  readonly tags: boolean;
  readonly logger: Logger;
  readonly emitter: CacheEmitter;
  readonly limit: ValueLimit;
}

/** Reports something that the application should know and that no caller is told. */
export function warn(port: CachePort, message: string): void {
  dispatch('warning', { message, repository: port.prefix }, port.logger);
}

let tagsWarned = false;

/** Says once in the process's life that calls which name tags are not cached. */
export function warnTagsOff(port: CachePort): void {
  if (tagsWarned) return;
  tagsWarned = true;
  warn(port, 'tags are switched off (CACHE_ENABLE_TAGS=false): calls that name tags are not cached');
}
