/** The public class of the cache. It checks arguments; the engine decides the rest. */
import type { Call } from '../cache/call';
import { Decision } from '../contract.generated';
import { CacheEmitter } from '../cache/events';
import { loadUncached, type Loader } from '../cache/load';
import { Group, type ManyLoader } from '../cache/many';
import { isNested, waitWithin } from '../cache/nesting';
import { ANY, callOptions, checkRepositoryOptions, manyOptions, type CacheOptions, type CacheRepositoryOptions, type CallOptions, type ManyOptions } from '../cache/options';
import { isUncached, warn, type CachePort } from '../cache/port';
import { decodeHit } from '../cache/decoding';
import type { EntrySummary, Explanation } from '../cache/explanation';
import { entriesByPattern, explain } from '../cache/inspect';
import { countHit, countMiss, read } from '../cache/read';
import type { Near } from '../cache/near';
import { nearNow } from '../cache/near_now';
import { MISSING, nearHit, nearValue, nearValues } from '../cache/near_read';
import { checkFunction, checkKeys, checkPrefix, checkTagList, checkText } from '../cache/validate';
import { badOption } from '../errors';
import { define } from '../names';
import { getOrSets, gets, observedRead, type Outcomes } from '../observe/cache_channels';
import { announced, keyTags } from './announcing';
import { CacheMemo } from './memo';
import type { CacheMethods } from './methods';
import { namesOf, observeWrites } from './observed';
import { OWN, portOf, type Own } from './opening';
import { entryKeys, replicasOf, survive, surviving, tagKeys, type InvalidateOptions } from './surviving';
import { storeMany, storeOne, type CacheItem, type SetOptions } from './storing';

export type { CacheItem, InvalidateOptions, SetOptions };

/**
 * A cache whose entries have a prefix, a time to live and tags for invalidation.
 *
 *     const cache = new CacheRepository('orders');
 *     const list = await cache.getOrSet('list:1', () => db.orders(1), { ttl: 300, tags: ['company:1:orders'] });
 *     await cache.invalidateTags(['company:1:orders']);
 *
 * Reads never fail because of Redis: if it is down or slow, loaders run without it, and writes reject. A read that starts after a write
 * has resolved never returns a value whose load started before the write, in any process.
 *
 * Keys and tags are any non-empty well-formed strings; anything else rejects with TypeError before anything is sent. The serializer (by
 * default JSON) determines the possible values. The caller that ran a loader gets the loader's object, all others get a new copy, so a
 * miss may return Dates and class instances and a hit never does.
 *
 * Emits `refreshError`, `breaker`, `gap`, `originCheckOff` and `warning`; an event without a listener becomes a log line.
 */
export class CacheRepository extends CacheEmitter implements CacheMethods {
  /** @internal */ declare readonly [OWN]: Own;

  /**
   * Opens nothing; the first call opens the connection. Throws TypeError or RangeError for an invalid prefix or option.
   */
  constructor(prefix: string = 'sc', options?: CacheRepositoryOptions) {
    checkPrefix(prefix);
    super(prefix);
    define(this, OWN, { prefix, options: checkRepositoryOptions(options), opened: undefined } satisfies Own);
  }

  /**
   * Returns the value of a key, or the loader's value if there is no entry. If many callers in many processes ask at once, one loader
   * runs. Rejects with the loader's own error, unchanged, and with TypeError for a value that cannot be stored. `undefined` from the
   * loader is returned and not stored; `null`, `false`, `0` and `''` are ordinary values.
   */
  getOrSet<T>(key: string, loader: Loader<T>, options?: CacheOptions): Promise<T> {
    if (getOrSets.areHeard) return observedRead(getOrSets, 'getOrSet', this.prefix, namesOf([key]), (outcomes) => readOrLoad(this, key, loader, options, outcomes), true);
    const { opened } = this[OWN];
    if (opened?.port.near !== undefined) {
      const value = nearNow(opened.port, key, loader, options);
      if (value !== MISSING) return Promise.resolve(value as T);
    }
    return readOrLoad(this, key, loader, options);
  }

  /**
   * Returns the values of several keys, in order. Calls `missing` once with all keys that this process must load. A key that is absent
   * from its result resolves to `undefined` and is not stored. Own loads come before waits for loads of others, so `missing` may be
   * called again, with keys whose holder failed. The options apply to every entry; `tags` may be a function of the key. Rejects as `getOrSet` does.
   *
   *     await cache.getOrSetMany(ids, async (ids) => new Map((await db.users(ids)).map((user) => [user.id, user])));
   */
  getOrSetMany<T>(keys: readonly string[], missing: ManyLoader<T>, options?: ManyOptions): Promise<T[]> {
    if (!getOrSets.areHeard) return readOrLoadMany(this, keys, missing, options);
    return observedRead(getOrSets, 'getOrSetMany', this.prefix, namesOf(keys), (outcomes) => readOrLoadMany(this, keys, missing, options, outcomes));
  }

  /**
   * Returns the value of a key, even if it is stale, or `null`: for a miss, for a cached `null`, and if Redis does not answer in time.
   */
  get<T>(key: string): Promise<T | null> {
    return gets.areHeard ? observedRead(gets, 'get', this.prefix, namesOf([key]), (outcomes) => find<T>(this, key, outcomes), true) : find<T>(this, key);
  }

  /** As `get`, for several keys at once, in order. */
  getMany<T>(keys: readonly string[]): Promise<(T | null)[]> {
    return gets.areHeard ? observedRead(gets, 'getMany', this.prefix, namesOf(keys), (outcomes) => findMany<T>(this, keys, outcomes)) : findMany<T>(this, keys);
  }

  /** Whether there is an entry, including a cached `null`. `false` if Redis does not answer in time. This does not count as a read. */
  async has(key: string): Promise<boolean> {
    checkText('key', key);
    const port = portOf(this);
    if (port.isDirect) return false;
    if (port.near !== undefined && (await nearHit(port.near, key, ANY)) !== undefined) return true;
    const call = await port.driver.has(port.repo, key).next();
    return call.kind === Decision.Done && call.count === 1;
  }

  /**
   * Stores a value for `ttl` seconds (default: the repository's). Rejects with TypeError or RangeError for an invalid value or time,
   * otherwise with a HawserError; if its `maybeExecuted` is true, the value may still appear.
   */
  async set<T>(key: string, value: T, ttl?: number): Promise<void> {
    checkText('key', key);
    await storeOne(portOf(this), 'set', key, value, ttl === undefined ? undefined : { ttl });
  }

  /** As `set`, with tags. With `CACHE_ENABLE_TAGS=false`, an entry with tags is not stored, and the key's former entry is deleted. */
  async setWithTags<T>(key: string, value: T, options?: SetOptions): Promise<void> {
    checkText('key', key);
    await storeOne(portOf(this), 'setWithTags', key, value, options);
  }

  /**
   * Stores several entries at once. Checks and serializes all items first, so an invalid item rejects before anything is sent. If two
   * items have the same key, the later one wins. If some items cannot be stored, the others are stored, and the call rejects with the
   * first failure.
   */
  async setMany(items: readonly CacheItem[]): Promise<void> {
    if (!Array.isArray(items)) badOption('items', 'an array of { key, value, ttl?, tags? }', items);
    await storeMany(portOf(this), items);
  }

  /**
   * A view of this repository for one request: each key is read once, and what is written through the view is seen at once. Nothing holds the view but its
   * user, so it is garbage with the request.
   *
   *     const memo = cache.memo();
   *     const [user, again] = await Promise.all([memo.getOrSet('user:1', load), memo.getOrSet('user:1', load)]); // one read
   */
  memo(): CacheMemo {
    return new CacheMemo(this);
  }

  /** Deletes an entry. A load of the key that is under way, in any process, will not be stored. Rejects with a HawserError. */
  async delete(key: string, options?: InvalidateOptions): Promise<void> {
    checkText('key', key);
    const port = portOf(this);
    const replicas = replicasOf(port, options);
    await announced(port, 'delete', () => port.driver.delete(port.repo, [key]), keyTags(port.prefix, [key]));
    if (replicas > 0) await survive(port, 'delete', replicas, entryKeys(port.prefix, [key]));
  }

  /** Deletes several entries at once. Resolves with the number of entries that existed. Rejects with a HawserError. */
  async deleteMany(keys: readonly string[], options?: InvalidateOptions): Promise<number> {
    const list = checkKeys('keys', keys);
    const port = portOf(this);
    const replicas = replicasOf(port, options);
    if (list.length === 0) return 0;
    const count = await announced(port, 'deleteMany', () => port.driver.delete(port.repo, list), keyTags(port.prefix, list));
    if (replicas > 0) await survive(port, 'deleteMany', replicas, entryKeys(port.prefix, list));
    return count;
  }

  /**
   * Deletes the entries of this repository whose keys match a glob (`*`, `?`, `[a-z]`, `\` to escape). Resolves with their number. Scans
   * the whole database in small steps without blocking the server. Use it for maintenance, and tags for requests. Rejects with a
   * HawserError.
   */
  async deletePattern(glob: string, options?: InvalidateOptions): Promise<number> {
    checkText('glob', glob);
    const port = portOf(this);
    const replicas = replicasOf(port, options);
    return surviving(port, 'deletePattern', replicas, () => announced(port, 'deletePattern', () => port.driver.deletePattern(port.repo, glob), undefined));
  }

  /**
   * What is at a key, and why a call without options would or would not get it: whether it is fresh, stale or kept, which tag was invalidated, under which origin
   * it was written, who loads it. Reads the whole entry, writes nothing, and counts as no read. Rejects with a HawserError if the server cannot be asked.
   *
   *     const { state } = await cache.explain('list:1'); // 'invalidated'
   */
  async explain(key: string): Promise<Explanation> {
    checkText('key', key);
    return explain(portOf(this), key);
  }

  /**
   * The entries of this repository whose keys match a glob, as `deletePattern` reads it: each with its state, age, tags and size. Walks through the whole database of every master in
   * small steps, as they are asked for, writes nothing and counts as no read. What is stored or deleted during the walk may or may not be there, and a key may come twice, as with
   * SCAN. Ends with a HawserError if a server cannot be asked.
   *
   *     for await (const { key, state, age } of cache.entriesByPattern('list:*')) console.log(key, state, age);
   */
  entriesByPattern(glob: string): AsyncGenerator<EntrySummary, void, undefined> {
    checkText('glob', glob);
    return entriesByPattern(portOf(this), glob);
  }

  /**
   * Invalidates every entry that carries one of the tags, with a few commands for any number of entries. Resolves with an estimate of
   * their number (exact for a few, within 4 % at 100,000; with several tags, the sum over tags). Rejects with a HawserError if it could
   * not be delivered; `kept: true` means that hawser repeats it until it is delivered. With `minReplicas`, rejects with `E_NOT_REPLICATED` if it took
   * effect but too few replicas have it; the error's `acknowledged` says how many. The same holds for the calls that delete.
   */
  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<number> {
    const list = checkTagList('tags', tags);
    const port = portOf(this);
    const replicas = replicasOf(port, options);
    if (list.length === 0) return 0;
    const count = await announced(port, 'invalidateTags', () => port.driver.invalidateTags(port.repo, list), list);
    if (replicas > 0) await survive(port, 'invalidateTags', replicas, tagKeys(port.prefix, list));
    return count;
  }

  /**
   * Makes every entry of this repository unusable, whatever its tags, and those whose loads are under way in any process. It costs one round
   * trip and the same few commands for ten entries and ten million; other repositories keep theirs. It frees no memory: an entry goes when
   * it is loaded again, when its time is over, or when the server evicts it. `deletePattern('*')` frees memory at once. Rejects like
   * `invalidateTags`.
   */
  async clear(options?: InvalidateOptions): Promise<void> {
    const port = portOf(this);
    const replicas = replicasOf(port, options);
    await surviving(port, 'clear', replicas, () => announced(port, 'clear', () => port.driver.clear(port.repo), undefined));
  }
}

/** A `getOrSet` that needs more than a look into the process's memory. Not an async function: one around another costs a hit more than its checks. */
function readOrLoad<T>(repository: CacheRepository, key: string, loader: Loader<T>, options?: CacheOptions, outcomes?: Outcomes): Promise<T> {
  let port: CachePort;
  let o: CallOptions;
  try {
    checkText('key', key);
    checkFunction('loader', loader);
    port = portOf(repository);
    o = heard(options === undefined ? port.base : callOptions(port.base, options), outcomes);
  } catch (error) {
    return reject(error);
  }
  if (isUncached(port, o.tags)) {
    port.counters.misses++;
    outcomes?.note('uncached');
    const load = (): Promise<T> => loadUncached(port, key, loader, o);
    return isNested() ? waitWithin(port.prefix, [key], load) : load();
  }
  const { near } = port;
  if (near === undefined || o.signal?.aborted === true) return read(port, key, loader, o);
  return readThroughNear(port, near, key, loader, o);
}

async function readOrLoadMany<T>(repository: CacheRepository, keys: readonly string[], missing: ManyLoader<T>, options?: ManyOptions, outcomes?: Outcomes): Promise<T[]> {
  const list = checkKeys('keys', keys);
  checkFunction('missing', missing);
  const port = portOf(repository);
  const { o, of } = heardMany(manyOptions(port.base, options, list), outcomes);
  if (list.length === 0) return [];
  if ((port.isDirect || !port.tags) && list.some((key) => isUncached(port, of(key).tags))) {
    const load = (): Promise<unknown[]> => Group.uncached(port, missing, list, o, of);
    return (await (isNested() ? waitWithin(port.prefix, list, load) : load())) as T[];
  }
  const { near } = port;
  if (near === undefined || o.signal?.aborted === true) return (await new Group(port, missing, o, of).read(list)) as T[];
  const { values, rest } = await nearValues(port, near, [...new Set(list)], of);
  const loaded = rest.length === 0 ? [] : await new Group(port, missing, o, of).read(rest);
  rest.forEach((key, i) => {
    values.set(key, loaded[i]);
    near.store.request(key, of(key));
  });
  return list.map((key) => values.get(key)) as T[];
}

async function find<T>(repository: CacheRepository, key: string, outcomes?: Outcomes): Promise<T | null> {
  checkText('key', key);
  const port = portOf(repository);
  if (port.isDirect) return missed(port, outcomes);
  if (port.near !== undefined) return (await nearMany<T>(port, port.near, [key], outcomes))[0];
  return found<T>(port, await port.driver.get(port.repo, key, port.codec).next(), outcomes);
}

async function findMany<T>(repository: CacheRepository, keys: readonly string[], outcomes?: Outcomes): Promise<(T | null)[]> {
  const list = checkKeys('keys', keys);
  const port = portOf(repository);
  if (port.isDirect) return list.map(() => missed(port, outcomes));
  if (port.near !== undefined) return nearMany<T>(port, port.near, list, outcomes);
  const calls = list.map((key) => port.driver.get(port.repo, key, port.codec).next());
  return (await Promise.all(calls)).map((call) => found<T>(port, call, outcomes));
}

/** Options of a call that somebody hears of. */
function heard(o: CallOptions, outcomes: Outcomes | undefined): CallOptions {
  return outcomes === undefined ? o : { ...o, outcomes };
}

function heardMany(options: ReturnType<typeof manyOptions>, outcomes: Outcomes | undefined): ReturnType<typeof manyOptions> {
  return outcomes === undefined ? options : { o: heard(options.o, outcomes), of: (key) => heard(options.of(key), outcomes) };
}

/** A promise that rejects with what was thrown. */
async function reject(error: unknown): Promise<never> {
  throw error;
}

async function readThroughNear<T>(port: CachePort, near: Near, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const hit = nearHit(near, key, o);
  const copy = hit instanceof Promise ? await hit : hit;
  if (copy !== undefined) {
    const value = nearValue(port, near, key, copy);
    if (value !== MISSING) {
      o.outcomes?.note('near_hit');
      return value as T;
    }
  }
  const value = await read(port, key, loader, o);
  near.store.request(key, o);
  return value;
}

/** Nothing is cached. */
function missed(port: CachePort, outcomes?: Outcomes): null {
  port.counters.misses++;
  outcomes?.note('miss');
  return null;
}

/** `get` and `getMany` with a near cache. */
async function nearMany<T>(port: CachePort, near: Near, keys: readonly string[], outcomes?: Outcomes): Promise<(T | null)[]> {
  const any = heard(ANY, outcomes);
  const { values, rest } = await nearValues(port, near, keys, () => any);
  const calls = rest.map((key) => port.driver.get(port.repo, key, port.codec).next());
  (await Promise.all(calls)).forEach((call, i) => {
    if (call.kind === Decision.Hit) near.store.request(rest[i], ANY);
    values.set(rest[i], found<T>(port, call, outcomes));
  });
  return keys.map((key) => values.get(key) as T | null);
}

function found<T>(port: CachePort, call: Call, outcomes?: Outcomes): T | null {
  if (call.kind === Decision.Hit) {
    const decoded = decodeHit(port, call);
    if (decoded.ok) {
      countHit(port, call, outcomes);
      return decoded.value as T;
    }
  } else if (call.kind === Decision.Error) {
    warn(port, call.error('get', port.driver.node).message);
  }
  countMiss(port, call, outcomes);
  return null;
}

observeWrites(CacheRepository.prototype);
