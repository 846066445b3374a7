/**
 * The options of the cache: the application's form, and the form in which a call crosses to the engine (durations in milliseconds as
 * decimal text, `''` if absent).
 */
import { isSignal } from '../abort';
import { badOption } from '../errors';
import { refusingPromise } from '../guard';
import { copyOptions, isPolluted } from '../names';
import { checkMs, checkNames, checkReplicas, checkSeconds, checkTags, checkTtl } from './validate';
import { checkPart, checkRules, extrasOf, type LoaderTimeouts, type LoadRules, type TagsFrom } from './rules';
import { checkSerializer, type Serializer } from './serializer';
import { checkCompression, type Compression } from './compression';
import type { NearCacheOptions } from './near_options';
import type { Outcomes } from '../observe/cache_channels';
import { checkTier, type Tier } from '../tiers/tier';

/** How one call stores and reads an entry. Times are in seconds, except where the name ends in `Ms`. */
export interface CacheOptions {
  /** The entry's time to live, from 0.001 (1 ms) to ten years. Default: the repository's, else `CACHE_DEFAULT_TTL` (3600). */
  ttl?: number | undefined;
  /** Tags by which the entry can be invalidated: at most 64 of at most 1 kB each. Duplicates are dropped. */
  tags?: readonly string[] | undefined;
  /**
   * From this age on, the entry is *stale*: it is still returned, and one caller in the whole fleet refreshes it in the background. At
   * most `ttl`. Default: an entry is fresh for its whole life.
   */
  staleAfter?: number | undefined;
  /**
   * How long an entry is kept after its time to live, to be returned if the loader fails. After a failure, the loader is not run for a
   * while (1 s doubling to 60 s), and callers get the kept value at once. Default: 0 for storing; for reading, the entry's own value
   * applies, unless the reader passes 0.
   */
  staleIfError?: number | undefined;
  /** This caller accepts no entry older than this, whatever its time to live. */
  maxAge?: number | undefined;
  /**
   * The longest wait for a load of another caller, in another process or in this one, before loading without storing. Callers whose wait
   * ends at the same moment share one load. Default 30,000.
   */
  lockTimeoutMs?: number | undefined;
  /**
   * Time limits of the loader in milliseconds: a number, the hard limit, or `{ soft, hard }`. After the soft one, a caller gets the value that is being
   * replaced, if `staleIfError` has kept one, and the loader goes on in the background. After the hard one, the loader's signal aborts and its callers
   * get the kept value or reject with `E_LOADER_TIMEOUT`. A caller that waits for another one's loader counts from the start of its wait. Default: none.
   */
  loaderTimeoutMs?: number | LoaderTimeouts | undefined;
  /**
   * The part of the fresh period, from 0 to less than 1, after which one caller in the whole fleet refreshes an entry in the background. Until it is
   * stale or expires, its readers have hits. Default: no early refresh.
   */
  earlyRefresh?: number | undefined;
  /** Up to this part of `ttl`, from 0 to less than 1, is cut off at random, so that entries do not expire together. Default: 0. */
  ttlJitter?: number | undefined;
  /** The time to live of a loaded `null`, in seconds. It is not kept for `staleIfError`. Default: as every value's. */
  negativeTtl?: number | undefined;
  /**
   * Takes further tags from the loaded value. It is stored if none of them can have been invalidated since the load began; otherwise it is returned
   * and not stored. Not called for `null`. An exception rejects the call.
   */
  tagsFrom?: TagsFrom | undefined;
  /**
   * When it aborts, this call rejects with its reason. The load continues for all other callers, and its result is stored. If no caller in this
   * process waits for the load any more, the loader's own `context.signal` aborts.
   */
  signal?: AbortSignal | undefined;
}

/** Defaults for the calls of a repository. */
export interface CacheRepositoryOptions {
  /** As in {@link CacheOptions.ttl}. */
  ttl?: number | undefined;
  /** As in {@link CacheOptions.staleAfter}. */
  staleAfter?: number | undefined;
  /** As in {@link CacheOptions.staleIfError}. */
  staleIfError?: number | undefined;
  /** As in {@link CacheOptions.lockTimeoutMs}. */
  lockTimeoutMs?: number | undefined;
  /** As in {@link CacheOptions.loaderTimeoutMs}. */
  loaderTimeoutMs?: number | LoaderTimeouts | undefined;
  /** As in {@link CacheOptions.earlyRefresh}. */
  earlyRefresh?: number | undefined;
  /** As in {@link CacheOptions.ttlJitter}. */
  ttlJitter?: number | undefined;
  /** As in {@link CacheOptions.negativeTtl}. */
  negativeTtl?: number | undefined;
  /** As in {@link CacheOptions.tagsFrom}. */
  tagsFrom?: TagsFrom | undefined;
  /**
   * Converts values to text and text to values. Default: JSON; a value that is itself a `Buffer` or a `Uint8Array` is stored as its bytes then, and
   * comes back as it was.
   */
  serializer?: Serializer | undefined;
  /**
   * Refuses values that would not come back equal, with a TypeError: NaN, the infinities, nested `undefined`, Dates, Maps, Sets, class instances and
   * everything else that JSON changes. Default: `cache.strictValues` of the manager, or false.
   */
  strictValues?: boolean | undefined;
  /**
   * How many replicas must have an invalidation before `delete`, `deleteMany`, `deletePattern`, `invalidateTags` and `clear` resolve. Default:
   * `cache.minReplicas` of the manager, or 0.
   */
  minReplicas?: number | undefined;
  /**
   * Keeps entries in this process's memory too, so that a hit needs no round trip. Another process's write or invalidation takes effect here as soon as the
   * server has told this process, usually within a millisecond; if the connection is dead without a sign, within 5 s. Own writes take effect at
   * once. Needs RESP3; on a server without it, one warning, and the repository works without. Default: off.
   */
  nearCache?: NearCacheOptions | false | undefined;
  /**
   * Compresses values: `'zstd'` or `'lz4'` for those of 1 kB and more, or `{ algorithm, minBytes?, level? }`. A value is stored compressed only if that
   * makes it smaller. Readers need no option: each entry says what it is. Default: `cache.compression` of the manager, or false.
   */
  compression?: Compression | undefined;
  /**
   * The tier of the repository's data, of `defineTiers`: its times, tags and near cache hold where neither this object nor the call says something
   * else, and its tags for every entry. A direct tier caches nothing: reads run their loaders, and writes delete what is there.
   */
  tier?: Tier | undefined;
}

/** A call's options in the form that crosses. */
export interface CallOptions {
  readonly ttl: string;
  readonly keep: string;
  readonly fresh: string;
  readonly maxAge: string;
  readonly lockTimeout: string;
  readonly tags: readonly string[];
  /** See `extrasOf`. */
  readonly extras: string;
  /** All of the above but the tags, as a `getOrSet` says it. */
  readonly words: string;
  readonly early: number | undefined;
  readonly rules: LoadRules | undefined;
  readonly signal: AbortSignal | undefined;
  /** Takes down what the read comes to, if somebody hears of it. */
  readonly outcomes: Outcomes | undefined;
  /** Of a repository's options: the last `ttl` of a call that named nothing else, which is mostly a constant. */
  readonly last: LastTtl | undefined;
}

interface LastTtl {
  ttl: number;
  text: string;
  words: string;
}

const LOADS = ['loaderTimeoutMs', 'earlyRefresh', 'ttlJitter', 'negativeTtl', 'tagsFrom'];
const CALL = new Set(['ttl', 'tags', 'staleAfter', 'staleIfError', 'maxAge', 'lockTimeoutMs', ...LOADS, 'signal']);
const REPOSITORY = new Set(['ttl', 'staleAfter', 'staleIfError', 'lockTimeoutMs', ...LOADS, 'serializer', 'strictValues', 'minReplicas', 'nearCache', 'compression', 'tier']);
const LOCK_TIMEOUT = { min: 1, max: 3_600_000 };
const NEAR = new Set(['maxBytes', 'maxTtlMs', 'share']);
const MAX_BYTES = 2 ** 40;
const MAX_TTL_MS = { min: 1, max: 86_400_000 };
const NO_TAGS: readonly string[] = [];

/** Checks a repository's options. Errors: TypeError, RangeError. */
export function checkRepositoryOptions(options: unknown): CacheRepositoryOptions {
  if (options === undefined) return copyOptions<CacheRepositoryOptions>({});
  const own = withTier(checkNames('cache', options, REPOSITORY));
  const { ttl, staleAfter, staleIfError, lockTimeoutMs, earlyRefresh, serializer, strictValues, minReplicas, nearCache, compression } = own;
  if (ttl !== undefined) checkTtl('cache.ttl', ttl);
  if (staleAfter !== undefined) {
    checkSeconds('cache.staleAfter', staleAfter);
    if (ttl !== undefined) checkOrder('cache', staleAfter as number, ttl as number);
  }
  if (staleIfError !== undefined) checkSeconds('cache.staleIfError', staleIfError);
  if (lockTimeoutMs !== undefined) checkMs('cache.lockTimeoutMs', lockTimeoutMs, LOCK_TIMEOUT);
  if (earlyRefresh !== undefined) checkPart('cache.earlyRefresh', earlyRefresh);
  checkRules('cache', own);
  if (serializer !== undefined) checkSerializer(serializer);
  if (strictValues !== undefined && typeof strictValues !== 'boolean') badOption('cache.strictValues', 'true or false', strictValues);
  if (minReplicas !== undefined) checkReplicas('cache.minReplicas', minReplicas);
  const checked = copyOptions<CacheRepositoryOptions>(own);
  if (nearCache !== undefined && nearCache !== false) checked.nearCache = checkNearCache(nearCache);
  if (compression !== undefined) checked.compression = checkCompression('cache.compression', compression);
  return checked;
}

/** Options of the tier, under those of the repository. */
function withTier(own: Record<string, unknown>): Record<string, unknown> {
  const { tier } = own;
  if (tier === undefined) return own;
  checkTier('cache.tier', tier);
  const { ttl, staleAfter, staleIfError, nearCache } = tier;
  const merged: Record<string, unknown> = { ...own };
  for (const [name, value] of Object.entries({ ttl, staleIfError, nearCache })) merged[name] ??= value;
  // A shorter life of the repository's own narrows it.
  merged.staleAfter ??= staleAfter === undefined || typeof merged.ttl !== 'number' ? staleAfter : Math.min(staleAfter, merged.ttl);
  return merged;
}

function checkNearCache(options: unknown): NearCacheOptions {
  const own = checkNames('cache.nearCache', options, NEAR);
  const { maxBytes, maxTtlMs, share } = own;
  if (typeof maxBytes !== 'number' || !(maxBytes >= 1 && maxBytes <= MAX_BYTES)) {
    badOption('cache.nearCache.maxBytes', 'a positive number of bytes', maxBytes, typeof maxBytes === 'number' ? RangeError : TypeError);
  }
  if (maxTtlMs !== undefined) checkMs('cache.nearCache.maxTtlMs', maxTtlMs, MAX_TTL_MS);
  if (share !== undefined && share !== 'copy' && share !== 'frozen') badOption('cache.nearCache.share', "'copy' or 'frozen'", share);
  return copyOptions<NearCacheOptions>({ ...own, maxBytes: Math.floor(maxBytes) });
}

function checkOrder(path: string, staleAfter: number, ttl: number): void {
  if (staleAfter > ttl) badOption(`${path}.staleAfter`, `at most ${path}.ttl (${ttl})`, staleAfter, RangeError);
}

/** The options of a reader that takes an entry as it is. */
export const ANY: CallOptions = { ttl: '', keep: '', fresh: '', maxAge: '', lockTimeout: '', tags: NO_TAGS, extras: '', words: '', early: undefined, rules: undefined, signal: undefined, outcomes: undefined, last: undefined };

/** The options of a call without options: the repository's options over `CACHE_DEFAULT_TTL`. */
export function baseOptions(repository: CacheRepositoryOptions, defaultTtl: number): CallOptions {
  const ttl = repository.ttl ?? defaultTtl;
  const early = repository.earlyRefresh;
  const rules = checkRules('cache', repository);
  return withWords({
    ttl: ms(ttl),
    keep: repository.staleIfError === undefined ? '' : ms(repository.staleIfError),
    fresh: repository.staleAfter === undefined ? '' : ms(Math.min(repository.staleAfter, ttl)),
    maxAge: '',
    lockTimeout: repository.lockTimeoutMs === undefined ? '' : String(Math.round(repository.lockTimeoutMs)),
    tags: repository.tier?.tags ?? NO_TAGS,
    extras: extrasOf(early, rules),
    words: '',
    early,
    rules,
    signal: undefined,
    outcomes: undefined,
    last: { ttl: NaN, text: '', words: '' },
  });
}

type Changeable<T> = { -readonly [K in keyof T]: T[K] };

function withWords(o: Changeable<CallOptions>): CallOptions {
  o.words = wordsOf(o.ttl, o);
  return o;
}

function wordsOf(ttl: string, { keep, fresh, maxAge, lockTimeout, extras }: CallOptions): string {
  return [ttl, keep, fresh, maxAge, lockTimeout, extras].join(',');
}

function ms(seconds: number): string {
  return String(Math.round(seconds * 1000));
}

/** The options of a call that names nothing but `ttl` and `tags`, as most do; undefined: any other. */
function plainOptions(base: CallOptions, options: unknown, path: string): CallOptions | undefined {
  if (typeof options !== 'object' || options === null || Array.isArray(options) || isPolluted()) return undefined;
  for (const name in options) if (name !== 'ttl' && name !== 'tags') return undefined;
  const { ttl, tags } = options as { ttl?: unknown; tags?: unknown };
  // Its fresh period may have to be cut.
  if (ttl === undefined || base.fresh !== '') return undefined;
  const { keep, fresh, maxAge, lockTimeout, extras, early, rules, signal, last } = base;
  if (last === undefined) return undefined;
  if (ttl !== last.ttl) {
    last.text = String(checkTtl(`${path}.ttl`, ttl));
    last.words = wordsOf(last.text, base);
    last.ttl = ttl as number;
  }
  const own = tags === undefined ? base.tags : tagsOf(`${path}.tags`, tags, base.tags);
  return { ttl: last.text, keep, fresh, maxAge, lockTimeout, tags: own, extras, words: last.words, early, rules, signal, outcomes: undefined, last: undefined };
}

/** Checks a call's options and merges them with the repository's. Errors: TypeError, RangeError. */
export function callOptions(base: CallOptions, options: unknown, path = 'cache'): CallOptions {
  const plain = plainOptions(base, options, path);
  if (plain !== undefined) return plain;
  const own = checkNames(path, options, CALL);
  const { ttl, tags, staleAfter, staleIfError, maxAge, lockTimeoutMs, earlyRefresh, signal } = own;
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
  const rules = checkRules(path, own, base.rules);
  const early = earlyRefresh === undefined ? base.early : checkPart(`${path}.earlyRefresh`, earlyRefresh);
  return withWords({
    ttl: String(life),
    keep: staleIfError === undefined ? base.keep : String(checkSeconds(`${path}.staleIfError`, staleIfError)),
    fresh,
    maxAge: maxAge === undefined ? base.maxAge : String(checkTtl(`${path}.maxAge`, maxAge)),
    lockTimeout: lockTimeoutMs === undefined ? base.lockTimeout : String(checkMs(`${path}.lockTimeoutMs`, lockTimeoutMs, LOCK_TIMEOUT)),
    tags: tags === undefined ? base.tags : tagsOf(`${path}.tags`, tags, base.tags),
    extras: rules === base.rules && early === base.early ? base.extras : extrasOf(early, rules),
    words: '',
    early,
    rules,
    signal,
    outcomes: undefined,
    last: undefined,
  });
}

/** The tags of a call, with those of its repository's tier. */
function tagsOf(path: string, tags: unknown, base: readonly string[]): readonly string[] {
  const own = checkTags(path, tags);
  return base.length === 0 ? own : checkTags(path, [...base, ...own]);
}

/**
 * The options of `getOrSetMany`. After `loaderTimeoutMs.soft` its own load goes on in the background if every key of that load has a value that
 * `staleIfError` has kept; otherwise the group waits for it.
 */
export interface ManyOptions extends Omit<CacheOptions, 'tags'> {
  /** As in {@link CacheOptions.tags}, for every entry; or a function that names the tags of each key's entry. */
  tags?: readonly string[] | ((key: string) => readonly string[]) | undefined;
}

/** Checks the options of a group of keys: what holds for all of them, and what for each. Errors: TypeError, RangeError. */
export function manyOptions(base: CallOptions, options: ManyOptions | undefined, keys: readonly string[]): { o: CallOptions; of: (key: string) => CallOptions } {
  if (options === undefined) return { o: base, of: () => base };
  const named: unknown = typeof options === 'object' && options !== null ? options.tags : undefined;
  if (typeof named !== 'function') {
    const o = callOptions(base, options);
    return { o, of: () => o };
  }
  const o = callOptions(base, { ...options, tags: undefined });
  const byKey = new Map<string, CallOptions>();
  for (const key of keys) if (!byKey.has(key)) byKey.set(key, { ...o, tags: tagsOf('the result of cache.tags', refusingPromise((named as (key: string) => unknown)(key)), base.tags) });
  return { o, of: (key) => byKey.get(key) ?? o };
}
