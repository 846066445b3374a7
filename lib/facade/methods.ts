/** What a repository can do with its entries, so that a view of it can be made without knowing the class. */
import type { Loader } from '../cache/load';
import type { ManyLoader } from '../cache/many';
import type { CacheOptions, ManyOptions } from '../cache/options';
import type { CacheItem, SetOptions } from './storing';
import type { InvalidateOptions } from './surviving';

/** The calls that a repository and its views have in common; see {@link CacheRepository}. */
export interface CacheMethods {
  getOrSet<T>(key: string, loader: Loader<T>, options?: CacheOptions): Promise<T>;
  getOrSetMany<T>(keys: readonly string[], missing: ManyLoader<T>, options?: ManyOptions): Promise<T[]>;
  get<T>(key: string): Promise<T | null>;
  getMany<T>(keys: readonly string[]): Promise<(T | null)[]>;
  has(key: string): Promise<boolean>;
  set<T>(key: string, value: T, ttl?: number): Promise<void>;
  setWithTags<T>(key: string, value: T, options?: SetOptions): Promise<void>;
  setMany(items: readonly CacheItem[]): Promise<void>;
  delete(key: string, options?: InvalidateOptions): Promise<void>;
  deleteMany(keys: readonly string[], options?: InvalidateOptions): Promise<number>;
  deletePattern(glob: string, options?: InvalidateOptions): Promise<number>;
  invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<number>;
  clear(options?: InvalidateOptions): Promise<void>;
}
