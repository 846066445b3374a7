/**
 * Checks keys, tags, prefixes and times. All checks run before anything is sent, so that a call with an invalid argument leaves nothing
 * behind. Messages name the full path of the option and never show a key, a tag or a value.
 */
import { MAX_TTL_SECONDS, MIN_TTL_SECONDS } from '../env';
import { badOption } from '../errors';
import { isOptions, ownOptions } from '../names';

export const MAX_TAGS = 64;
export const MAX_TAG_BYTES = 1024;

/** Strings that differ only in lone surrogates have the same bytes on the wire, so they would be the same key. */
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** A key, a pattern, a tag: any non-empty well-formed string. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && isWellFormed(value);
}

export function checkText(path: string, value: unknown): asserts value is string {
  if (isText(value)) return;
  if (typeof value !== 'string' || value === '') badOption(path, 'a non-empty string', value);
  throw loneSurrogate(path);
}

function loneSurrogate(path: string): TypeError {
  return Object.assign(new TypeError(`${path} must be a well-formed string, got one with a lone surrogate`), { code: 'E_BAD_OPTION' });
}

/** Returns a copy, so that later changes by the caller have no effect. */
export function checkKeys(path: string, keys: unknown): string[] {
  if (!Array.isArray(keys)) badOption(path, 'an array of strings', keys);
  const own = keys.slice() as unknown[];
  for (let i = 0; i < own.length; i++) if (!isText(own[i])) checkText(`${path}[${i}]`, own[i]);
  return own as string[];
}

/** A repository's prefix: any non-empty well-formed string without `#`, which marks internal keys. */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  checkText('cache.prefix', prefix);
  if (prefix.includes('#')) badOption('cache.prefix', 'a string without #', prefix);
}

/** Any number of tags to invalidate; duplicates are dropped. */
export function checkTagList(path: string, tags: unknown): string[] {
  if (!Array.isArray(tags)) badOption(path, 'an array of strings', tags);
  for (let i = 0; i < tags.length; i++) {
    const tag: unknown = tags[i];
    if (!isText(tag)) {
      checkText(`${path}[${i}]`, tag);
      continue;
    }
    // The cheap check first: no character takes more than three bytes per unit.
    if (tag.length * 3 > MAX_TAG_BYTES && Buffer.byteLength(tag) > MAX_TAG_BYTES) {
      throw rangeError(`${path}[${i}] must be at most ${MAX_TAG_BYTES} bytes of UTF-8, got ${Buffer.byteLength(tag)}`);
    }
  }
  return unique(tags as string[]);
}

/** A copy without duplicates. For a few tags, comparing them is quicker than a Set. */
function unique(tags: readonly string[]): string[] {
  if (tags.length > 8) return [...new Set(tags)];
  for (let i = 1; i < tags.length; i++) if (tags.indexOf(tags[i]) < i) return [...new Set(tags)];
  return tags.slice();
}

/** The tags of one entry: at most 64 after duplicates are dropped. */
export function checkTags(path: string, tags: unknown): string[] {
  const list = checkTagList(path, tags);
  if (list.length > MAX_TAGS) throw rangeError(`${path} must be at most ${MAX_TAGS} tags, got ${list.length}`);
  return list;
}

/** `ttl`: seconds, fractions allowed, from a millisecond to ten years. Returns milliseconds. Anything else is a RangeError. */
export function checkTtl(path: string, ttl: unknown): number {
  if (typeof ttl === 'number' && ttl >= MIN_TTL_SECONDS && ttl <= MAX_TTL_SECONDS) return Math.round(ttl * 1000);
  const bounds = Number.isFinite(ttl) && (ttl as number) > 0;
  return badOption(path, bounds ? 'a number of seconds from 0.001 to 315576000 (ten years)' : 'a positive number of seconds', ttl, RangeError);
}

/** Seconds that may be 0: `staleAfter`, `staleIfError`. Returns milliseconds. */
export function checkSeconds(path: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= MAX_TTL_SECONDS) return Math.round(value * 1000);
  return badOption(path, 'a number of seconds from 0 to ten years', value, RangeError);
}

/** A duration in milliseconds. */
export function checkMs(path: string, value: unknown, bounds: { min: number; max: number }): number {
  if (typeof value === 'number' && value >= bounds.min && value <= bounds.max) return Math.round(value);
  return badOption(path, `a number of milliseconds from ${bounds.min} to ${bounds.max}`, value, RangeError);
}

/** More replicas than a master has. */
const MOST_REPLICAS = 1_000;

/** A number of replicas. */
export function checkReplicas(path: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_REPLICAS) return value as number;
  return badOption(path, `a whole number of replicas from 0 to ${MOST_REPLICAS}`, value, RangeError);
}

export function checkFunction(path: string, value: unknown): void {
  if (typeof value !== 'function') badOption(path, 'a function', value);
}

/** Refuses unknown options, which are probably misspelled. Returns the options to read from. */
export function checkNames(path: string, options: unknown, known: ReadonlySet<string>): Record<string, unknown> {
  if (!isOptions(options)) badOption(path, 'an object', options);
  const own = ownOptions(options);
  for (const name in own) {
    if (!known.has(name)) {
      throw Object.assign(new TypeError(`${path}.${name} is not an option; there are: ${[...known].join(', ')}`), { code: 'E_BAD_OPTION' });
    }
  }
  return own as Record<string, unknown>;
}

function rangeError(message: string): RangeError {
  return Object.assign(new RangeError(message), { code: 'E_BAD_OPTION' });
}
