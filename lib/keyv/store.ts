/** A store of Keyv on a repository. Keyv puts its namespace before each key and makes text of values; the repository keeps both as they are. */
import { EventEmitter } from 'node:events';
import { checkKeys, checkNames, checkPrefix, checkText } from '../cache/validate';
import { MAX_TTL_SECONDS } from '../env';
import { badOption } from '../errors';
import { CacheRepository } from '../facade/repository';

/** Options of a store. */
export interface HawserStoreOptions {
  /** Prefix of the store's repository, any non-empty string without `#`. Default `keyv`. */
  prefix?: string | undefined;
}

/** An item of `setMany`. `ttl` is in milliseconds. */
export interface StoreItem {
  key: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- whatever Keyv's serializer has made
  value: any;
  ttl?: number | undefined;
}

const NAMES = new Set(['prefix']);
const BATCH = 100;

/**
 * A store for `new Keyv({ store })`. Takes a repository, or options for one of its own. An entry without a time to live is kept for ten years.
 *
 *     const keyv = new Keyv({ store: new HawserStore(), namespace: 'users', ttl: 60_000 });
 *
 * Reads do not fail because of Redis: they find nothing. Writes reject, which Keyv reports as its event `error`. Keyv's `disconnect` leaves the manager's
 * connections open, since they belong to the process. Throws TypeError for an invalid argument.
 */
export class HawserStore extends EventEmitter {
  /** Keyv sets it: what `clear` and `iterator` are about. */
  namespace: string | undefined;
  /** What Keyv looks at to see whether a store has an iterator. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Keyv's own type
  opts: any;
  /** Where the entries are. */
  readonly cache: CacheRepository;

  constructor(cache: CacheRepository | HawserStoreOptions = {}) {
    super();
    if (cache instanceof CacheRepository) {
      this.cache = cache;
    } else {
      const { prefix = 'keyv' }: HawserStoreOptions = checkNames('HawserStore', cache, NAMES);
      checkPrefix(prefix);
      this.cache = new CacheRepository(prefix);
    }
    this.opts = { dialect: 'redis', url: 'redis://hawser' };
  }

  /** `undefined` for a key that has no entry. */
  async get<T>(key: string): Promise<T | undefined> {
    return (await this.cache.get<T>(key)) ?? undefined;
  }

  /** Values in the order of the keys; `undefined` where there is none. */
  async getMany<T>(keys: string[]): Promise<(T | undefined)[]> {
    return (await this.cache.getMany<T>(keys)).map((value) => value ?? undefined);
  }

  /** `ttl` in milliseconds; one that is over deletes the entry. */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.setMany([{ key, value, ttl }]);
    return true;
  }

  /** Stores items, each with its own time to live. */
  async setMany(items: StoreItem[]): Promise<void> {
    if (!Array.isArray(items)) badOption('items', 'an array of { key, value, ttl? }', items);
    const list: readonly { key: string; value: unknown; ttl?: number | undefined }[] = items;
    const over: string[] = [];
    const kept: { key: string; value: unknown; ttl: number }[] = [];
    for (const { key, value, ttl } of list) {
      const seconds = secondsOf(ttl);
      if (seconds === 0 || value === undefined) over.push(key);
      else kept.push({ key, value, ttl: seconds });
    }
    await Promise.all([over.length > 0 ? this.cache.deleteMany(over) : undefined, kept.length > 0 ? this.cache.setMany(kept) : undefined]);
  }

  /** Whether a key has a value. */
  async has(key: string): Promise<boolean> {
    return this.cache.has(key);
  }

  /** The same for several keys, in their order. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return Promise.all(checkKeys('keys', keys).map((key) => this.cache.has(key)));
  }

  /** Whether there was an entry. */
  async delete(key: string): Promise<boolean> {
    return (await this.cache.deleteMany([key])) > 0;
  }

  /** Whether there was an entry at any of the keys. */
  async deleteMany(keys: string[]): Promise<boolean> {
    return (await this.cache.deleteMany(keys)) > 0;
  }

  /** Deletes the entries of the namespace, in small steps by SCAN; without a namespace, all of the repository. */
  async clear(): Promise<void> {
    await this.cache.deletePattern(patternOf(this.namespace));
  }

  /** The keys and values of a namespace, in small steps by SCAN. As with SCAN, a key that is written meanwhile may be missing or come twice. */
  async *iterator<T>(namespace: string | undefined = this.namespace): AsyncGenerator<[string, T | undefined], void> {
    let keys: string[] = [];
    for await (const { key, state } of this.cache.entriesByPattern(patternOf(namespace))) {
      if (state !== 'fresh' && state !== 'stale') continue;
      if (keys.push(key) < BATCH) continue;
      yield* this.entries<T>(keys);
      keys = [];
    }
    yield* this.entries<T>(keys);
  }

  /** Nothing: the connections are the manager's. */
  async disconnect(): Promise<void> {}

  private async *entries<T>(keys: string[]): AsyncGenerator<[string, T | undefined], void> {
    if (keys.length === 0) return;
    const values = await this.getMany<T>(keys);
    for (const [i, key] of keys.entries()) if (values[i] !== undefined) yield [key, values[i]];
  }
}

/** 0: its time is over. */
function secondsOf(ttl: number | undefined): number {
  if (ttl === undefined || ttl === null) return MAX_TTL_SECONDS;
  if (typeof ttl !== 'number' || Number.isNaN(ttl)) badOption('ttl', 'a number of milliseconds', ttl);
  return ttl < 1 ? 0 : Math.min(ttl / 1000, MAX_TTL_SECONDS);
}

/** A glob for the keys of a namespace. */
function patternOf(namespace: string | undefined): string {
  if (namespace === undefined || namespace === '') return '*';
  checkText('namespace', namespace);
  return `${namespace.replace(/[*?[\]\\]/g, '\\$&')}:*`;
}
