/**
 * The options of the cache: what an application writes, and the form in which a call travels to the engine (durations in
 * milliseconds, as decimal text, `''` where nothing was given).
 */
import { isSignal } from '../abort';
import { badOption, HawserError } from '../errors';
import { copyOptions } from '../names';
import { checkMs, checkNames, checkSeconds, checkTags, checkTtl } from './validate';
import { checkSerializer, type Serializer } from './serializer';

/** How one call stores and reads an entry. Seconds, except where the name says `Ms`. */
export interface CacheOptions {
  /** Time to live of the entry. From 0.001 (1 ms) to ten years; default: the repository's, else `CACHE_DEFAULT_TTL` (3600). */
  ttl?: number | undefined;
  /** Tags by which the entry can be invalidated: at most 64 of at most 1 kB each. Duplicates are dropped. */
  tags?: readonly string[] | undefined;
  /**
   * From this age on the entry is *stale*: it is still returned, and one caller of the whole fleet refreshes it in the background.
   * At most `ttl`. Default: an entry is fresh for its whole life.
   */
  staleAfter?: number | undefined;
  /**
   * For this long after its time to live an entry is kept and may be returned when the loader fails; after that failure the source rests for a
   * moment (1 s doubling to 60 s) in which callers get the kept value at once. Default: 0 for what is stored; what is read says itself
   * how long it is kept, unless the reader says 0.
   */
  staleIfError?: number | undefined;
  /** This caller takes no entry older than this, whatever its time to live. */
  maxAge?: number | undefined;
  /**
   * How long to wait at most for the load of another caller, in another process or in this one, before loading without storing. Callers
   * whose time is over at the same moment share one load. Default 30,000.
   */
  lockTimeoutMs?: number | undefined;
  /**
   * When it aborts, this call rejects with its reason. The load goes on for whoever else waits for it, and its result is stored. The
   * loader finds it as `context.signal`.
   */
  signal?: AbortSignal | undefined;
}

/** What holds for every call of a repository that does not say otherwise. */
export interface CacheRepositoryOptions {
  /** As in {@link CacheOptions.ttl}. */
  ttl?: number | undefined;
  /** As in {@link CacheOptions.staleAfter}. */
  staleAfter?: number | undefined;
  /** As in {@link CacheOptions.staleIfError}. */
  staleIfError?: number | undefined;
  /** As in {@link CacheOptions.lockTimeoutMs}. */
  lockTimeoutMs?: number | undefined;
  /** How values become text and text becomes values. Default: JSON. */
  serializer?: Serializer | undefined;
  /** Not in this version: anything but `false` is refused with `E_UNSUPPORTED`. */
  nearCache?: false;
}

/** A call's options as they travel. */
export interface CallOptions {
  readonly ttl: string;
  readonly keep: string;
  readonly fresh: string;
  readonly maxAge: string;
  readonly lockTimeout: string;
  readonly tags: readonly string[];
  readonly signal: AbortSignal | undefined;
}

const CALL = new Set(['ttl', 'tags', 'staleAfter', 'staleIfError', 'maxAge', 'lockTimeoutMs', 'signal']);
const REPOSITORY = new Set(['ttl', 'staleAfter', 'staleIfError', 'lockTimeoutMs', 'serializer', 'nearCache']);
const LOCK_TIMEOUT = { min: 1, max: 3_600_000 };
const NO_TAGS: readonly string[] = [];

/** Checks a repository's options. Errors: TypeError, RangeError; HawserError `E_UNSUPPORTED` for `nearCache`. */
export function checkRepositoryOptions(options: unknown): CacheRepositoryOptions {
  if (options === undefined) return copyOptions<CacheRepositoryOptions>({});
  const own = checkNames('cache', options, REPOSITORY);
  const { ttl, staleAfter, staleIfError, lockTimeoutMs, serializer, nearCache } = own;
  if (ttl !== undefined) checkTtl('cache.ttl', ttl);
  if (staleAfter !== undefined) {
    checkSeconds('cache.staleAfter', staleAfter);
    if (ttl !== undefined) checkOrder('cache', staleAfter as number, ttl as number);
  }
  if (staleIfError !== undefined) checkSeconds('cache.staleIfError', staleIfError);
  if (lockTimeoutMs !== undefined) checkMs('cache.lockTimeoutMs', lockTimeoutMs, LOCK_TIMEOUT);
  if (serializer !== undefined) checkSerializer(serializer);
  if (nearCache !== undefined && nearCache !== false) {
    throw new HawserError('E_UNSUPPORTED', 'cache.nearCache is not supported by this version; it comes in a later one. Leave it out');
  }
  return copyOptions<CacheRepositoryOptions>(own);
}

function checkOrder(path: string, staleAfter: number, ttl: number): void {
  if (staleAfter > ttl) badOption(`${path}.staleAfter`, `at most ${path}.ttl (${ttl})`, staleAfter, RangeError);
}

/** What a call without options uses: the repository's options over `CACHE_DEFAULT_TTL`. */
export function baseOptions(repository: CacheRepositoryOptions, defaultTtl: number): CallOptions {
  const ttl = repository.ttl ?? defaultTtl;
  return {
    ttl: ms(ttl),
    keep: repository.staleIfError === undefined ? '' : ms(repository.staleIfError),
    fresh: repository.staleAfter === undefined ? '' : ms(Math.min(repository.staleAfter, ttl)),
    maxAge: '',
    lockTimeout: repository.lockTimeoutMs === undefined ? '' : String(Math.round(repository.lockTimeoutMs)),
    tags: NO_TAGS,
    signal: undefined,
  };
}

function ms(seconds: number): string {
  return String(Math.round(seconds * 1000));
}

/** Checks a call's options and lays them over the repository's. Errors: TypeError, RangeError. */
export function callOptions(base: CallOptions, options: unknown, path = 'cache'): CallOptions {
  const { ttl, tags, staleAfter, staleIfError, maxAge, lockTimeoutMs, signal } = checkNames(path, options, CALL);
  let { fresh } = base;
  const life = ttl === undefined ? Number(base.ttl) : checkTtl(`${path}.ttl`, ttl);
  if (staleAfter !== undefined) {
    const age = checkSeconds(`${path}.staleAfter`, staleAfter);
    if (age > life) checkOrder(path, staleAfter as number, life / 1000);
    fresh = String(age);
  } else if (fresh !== '' && Number(fresh) > life) {
    fresh = String(life);
  }
  if (signal !== undefined && !isSignal(signal)) badOption(`${path}.signal`, 'an AbortSignal', signal);
  return {
    ttl: String(life),
    keep: staleIfError === undefined ? base.keep : String(checkSeconds(`${path}.staleIfError`, staleIfError)),
    fresh,
    maxAge: maxAge === undefined ? base.maxAge : String(checkTtl(`${path}.maxAge`, maxAge)),
    lockTimeout: lockTimeoutMs === undefined ? base.lockTimeout : String(checkMs(`${path}.lockTimeoutMs`, lockTimeoutMs, LOCK_TIMEOUT)),
    tags: tags === undefined ? base.tags : checkTags(`${path}.tags`, tags),
    signal,
  };
}
