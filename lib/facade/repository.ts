/** A cache with a prefix of its own: what applications call. Arguments are checked here; the engine decides the rest. */
import type { Call } from '../cache/call';
import { Decision } from '../contract.generated';
import { CacheEmitter } from '../cache/events';
import { loadUncached, type Loader } from '../cache/load';
import { Group, type ManyLoader } from '../cache/many';
import { isNested, waitWithin } from '../cache/nesting';
import { callOptions, checkRepositoryOptions, type CacheOptions, type CacheRepositoryOptions } from '../cache/options';
import { warn, warnTagsOff, type CachePort } from '../cache/port';
import { countHit, decode, read } from '../cache/read';
import { checkFunction, checkKeys, checkPrefix, checkTagList, checkText } from '../cache/validate';
import { badOption } from '../errors';
import { define } from '../names';
import { OWN, portOf, type Own } from './opening';
import { invalidated, storeMany, storeOne, type CacheItem, type SetOptions } from './storing';

export type { CacheItem, SetOptions };

/**
 * A cache whose entries have a prefix, a time to live and tags by which they are invalidated.
 *
 *     const cache = new CacheRepository('orders');
 *     const list = await cache.getOrSet('list:1', () => db.orders(1), { ttl: 300, tags: ['company:1:orders'] });
 *     await cache.invalidateTags(['company:1:orders']);
 *
 * Reads never fail because of Redis: when it is down or slow, loaders run without it. Writes reject. No read that starts after a write has
 * resolved returns a value whose load started before it, in whatever process.
 *
 * Keys and tags are any non-empty well-formed strings; anything else rejects with TypeError before anything is sent. Values are what the
 * serializer carries, by default JSON: the caller that ran a loader gets the loader's own object, everybody else a fresh copy, so a miss may
 * carry Dates and class instances and a hit never does.
 *
 * Emits `refreshError`, `breaker`, `gap`, `originCheckOff` and `warning`; an event without a listener is one log line.
 */
export class CacheRepository extends CacheEmitter {
  /** @internal */ declare readonly [OWN]: Own;

  /**
   * Opens nothing: the connection is made at the first call. Throws TypeError or RangeError for a prefix or option that cannot be used,
   * HawserError `E_UNSUPPORTED` for `nearCache`.
   */
  constructor(prefix: string = 'sc', options?: CacheRepositoryOptions) {
    checkPrefix(prefix);
    super(prefix);
    define(this, OWN, { prefix, options: checkRepositoryOptions(options), opened: undefined } satisfies Own);
  }

  /**
   * The value of a key; where there is none, the loader's. However many callers in however many processes ask at once, one loader runs.
   * Rejects with the loader's own error, unchanged; with TypeError for a value that cannot be stored.
   * `undefined` from the loader is returned and not stored; `null`, `false`, `0` and `''` are values like any other.
   */
  async getOrSet<T>(key: string, loader: Loader<T>, options?: CacheOptions): Promise<T> {
    checkText('key', key);
    checkFunction('loader', loader);
    const port = portOf(this);
    const o = options === undefined ? port.base : callOptions(port.base, options);
    if (o.tags.length > 0 && !port.tags) {
      warnTagsOff(port);
      port.counters.misses++;
      const load = (): Promise<T> => loadUncached(port, key, loader, o);
      return isNested() ? waitWithin(port.prefix, [key], load) : load();
    }
    return read(port, key, loader, o);
  }

  /**
   * The values of several keys, in their order. `missing` is called with the keys that this process has to load, at once; what its result
   * does not have resolves `undefined` and is not stored. Loads of its own come before waiting for loads of others, so it may be called
   * again, with keys whose holder failed. Options hold for every entry. Rejects as `getOrSet` does.
   *
   *     await cache.getOrSetMany(ids, async (ids) => new Map((await db.users(ids)).map((user) => [user.id, user])));
   */
  async getOrSetMany<T>(keys: readonly string[], missing: ManyLoader<T>, options?: CacheOptions): Promise<T[]> {
    const list = checkKeys('keys', keys);
    checkFunction('missing', missing);
    const port = portOf(this);
    const o = options === undefined ? port.base : callOptions(port.base, options);
    if (list.length === 0) return [];
    if (o.tags.length > 0 && !port.tags) {
      warnTagsOff(port);
      const load = (): Promise<unknown[]> => Group.uncached(port, missing, list);
      return (await (isNested() ? waitWithin(port.prefix, list, load) : load())) as T[];
    }
    return (await new Group(port, missing, o).read(list)) as T[];
  }

  /** The value of a key, stale ones included, or `null`: for a miss, for a cached `null`, and when Redis does not answer in time. */
  async get<T>(key: string): Promise<T | null> {
    checkText('key', key);
    const port = portOf(this);
    return found<T>(port, await port.driver.get(port.repo, key).next());
  }

  /** As `get`, for several keys at once, in their order. */
  async getMany<T>(keys: readonly string[]): Promise<(T | null)[]> {
    const list = checkKeys('keys', keys);
    const port = portOf(this);
    const calls = list.map((key) => port.driver.get(port.repo, key).next());
    return (await Promise.all(calls)).map((call) => found<T>(port, call));
  }

  /** Whether there is an entry, a cached `null` included. `false` when Redis does not answer in time. Not counted as a read. */
  async has(key: string): Promise<boolean> {
    checkText('key', key);
    const port = portOf(this);
    const call = await port.driver.has(port.repo, key).next();
    return call.kind === Decision.Done && call.a === 1;
  }

  /**
   * Stores a value for `ttl` seconds (default: the repository's). Rejects with TypeError or RangeError for a value or time that cannot be
   * stored, else with a HawserError; where its `maybeExecuted` is true, the value may still appear.
   */
  async set<T>(key: string, value: T, ttl?: number): Promise<void> {
    checkText('key', key);
    await storeOne(portOf(this), 'set', key, value, ttl === undefined ? undefined : { ttl });
  }

  /** As `set`, with tags. With `CACHE_ENABLE_TAGS=false` an entry with tags is not stored, and what the key held is deleted. */
  async setWithTags<T>(key: string, value: T, options?: SetOptions): Promise<void> {
    checkText('key', key);
    await storeOne(portOf(this), 'setWithTags', key, value, options);
  }

  /**
   * Stores several entries at once. Everything is checked and serialized first: a wrong item rejects before anything is sent. Of two items
   * with one key the later one counts. When storing fails for some, the rest is stored and the first failure is thrown.
   */
  async setMany(items: readonly CacheItem[]): Promise<void> {
    if (!Array.isArray(items)) badOption('items', 'an array of { key, value, ttl?, tags? }', items);
    await storeMany(portOf(this), items);
  }

  /** Deletes an entry. A load of it that runs now, anywhere, will not be stored. Rejects with a HawserError. */
  async delete(key: string): Promise<void> {
    checkText('key', key);
    const port = portOf(this);
    await invalidated(port, 'delete', port.driver.delete(port.repo, [key]));
  }

  /** Deletes several entries at once; the number of those that were there. Rejects with a HawserError. */
  async deleteMany(keys: readonly string[]): Promise<number> {
    const list = checkKeys('keys', keys);
    const port = portOf(this);
    if (list.length === 0) return 0;
    return invalidated(port, 'deleteMany', port.driver.delete(port.repo, list));
  }

  /**
   * Deletes the entries of this repository whose keys match a glob (`*`, `?`, `[a-z]`, `\` to escape); their number. Walks the whole
   * database in small steps without blocking the server: for housekeeping, not for requests, which use tags. Rejects with a HawserError.
   */
  async deletePattern(glob: string): Promise<number> {
    checkText('glob', glob);
    const port = portOf(this);
    return invalidated(port, 'deletePattern', port.driver.deletePattern(port.repo, glob));
  }

  /**
   * Makes every entry that carries one of the tags unusable, in a few commands however many there are. Resolves with their number, an estimate
   * (exact for a handful, within 4 % at 100,000; with several tags the sum over tags). Rejects with a HawserError when it could not be
   * delivered; `kept: true` says that it is repeated until it is.
   */
  async invalidateTags(tags: readonly string[]): Promise<number> {
    const list = checkTagList('tags', tags);
    const port = portOf(this);
    if (list.length === 0) return 0;
    return invalidated(port, 'invalidateTags', port.driver.invalidateTags(port.repo, list));
  }
}

function found<T>(port: CachePort, call: Call): T | null {
  if (call.kind === Decision.Hit) {
    const decoded = decode(port, call);
    if (decoded.ok) {
      countHit(port, call);
      return decoded.value as T;
    }
  } else if (call.kind === Decision.Error) {
    warn(port, call.error('get', port.driver.node).message);
  }
  port.counters.misses++;
  return null;
}
