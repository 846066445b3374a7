/** Decorators of methods whose results are cached, and of methods that make cached results unusable. */
import { canonicalHash } from '../cache/canonical';
import type { CacheOptions, CacheRepositoryOptions } from '../cache/options';
import { checkFunction, checkNames, checkPrefix, checkTagList, checkTags, checkText } from '../cache/validate';
import { badOption } from '../errors';
import { refusingPromise } from '../guard';
import { CacheRepository } from '../facade/repository';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the arguments are those of the method, which TypeScript does not tell decorators
type OfArguments<T> = (...args: any[]) => T;

/** Options of `@Cacheable`. */
export interface CacheableOptions extends Pick<CacheOptions, 'ttl' | 'staleAfter' | 'staleIfError'> {
  /** The repository, or the prefix of one. */
  cache: CacheRepository | string;
  /** The entry's key, a function of the method's arguments. Default: class and method, and the arguments as canonical JSON. */
  key?: OfArguments<string> | undefined;
  /** Tags of the entry; or a function of the arguments. */
  tags?: readonly string[] | OfArguments<readonly string[]> | undefined;
}

/** Options of `@CacheEvict`. */
export interface CacheEvictOptions {
  /** The repository, or the prefix of one. */
  cache: CacheRepository | string;
  /** Tags to invalidate; or a function of the arguments. */
  tags?: readonly string[] | OfArguments<readonly string[]> | undefined;
  /** A key to delete; or a function of the arguments. */
  key?: string | OfArguments<string> | undefined;
  /** Makes the whole repository unusable. */
  all?: boolean | undefined;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;
type MethodDecorator = (target: object, name: string | symbol, descriptor: PropertyDescriptor) => PropertyDescriptor;

const CACHEABLE = new Set(['cache', 'key', 'tags', 'ttl', 'staleAfter', 'staleIfError']);
const EVICT = new Set(['cache', 'key', 'tags', 'all']);

/** Repositories by prefix, so that decorators of one prefix share one. */
const repositories = new Map<string, CacheRepository>();

/** The repository of a prefix, made with `options` if it is the first time. */
export function repositoryOf(prefix: string, options?: CacheRepositoryOptions): CacheRepository {
  let repository = repositories.get(prefix);
  if (repository === undefined || options !== undefined) {
    repository = new CacheRepository(prefix, options);
    repositories.set(prefix, repository);
  }
  return repository;
}

/** Takes the repository when it is used: the module may define it after the class was read. */
function cacheOf(path: string, cache: unknown): () => CacheRepository {
  if (cache instanceof CacheRepository) return () => cache;
  if (typeof cache !== 'string') badOption(`${path}.cache`, 'a CacheRepository or the prefix of one', cache);
  checkPrefix(cache);
  return () => repositoryOf(cache);
}

/**
 * Caches what a method returns. The method becomes one that returns a promise. Its own exceptions are not cached and reach the caller.
 *
 *     @Cacheable({ cache: 'orders', ttl: 300, tags: (companyId: string) => [`company:${companyId}:orders`] })
 *     async list(companyId: string, filters: Filters) { ... }
 *
 * Throws TypeError or RangeError for invalid options. Calls reject with TypeError if the arguments have no canonical JSON (a request, a promise ...); name a `key` then.
 */
export function Cacheable(options: CacheableOptions): MethodDecorator {
  const path = 'Cacheable';
  const { cache, key, tags, ...times } = checkNames(path, options, CACHEABLE);
  const repository = cacheOf(path, cache);
  if (key !== undefined) checkFunction(`${path}.key`, key);
  if (tags !== undefined && typeof tags !== 'function') checkTags(`${path}.tags`, tags);
  return replacing(path, (method, target, name) => {
    const place = `${target.constructor.name}.${String(name)}`;
    return async function (...args) {
      const own = key === undefined ? `${place}:${canonicalHash(args)}` : refusingPromise((key as OfArguments<unknown>)(...args));
      checkText(`the result of ${path}.key of ${place}`, own);
      const named = tags === undefined ? undefined : checkTags(`the tags of ${path} of ${place}`, typeof tags === 'function' ? refusingPromise((tags as OfArguments<unknown>)(...args)) : tags);
      return repository().getOrSet(own, () => method.apply(this, args), { ...(times as CacheOptions), tags: named });
    };
  });
}

/**
 * Makes entries unusable after a method has succeeded: by tags, by key, or all of a repository. The method becomes one that returns a promise, which
 * resolves after the invalidation, and rejects if it could not be delivered.
 *
 *     @CacheEvict({ cache: 'orders', tags: (companyId: string) => [`company:${companyId}:orders`] })
 *     async create(companyId: string, order: Order) { ... }
 *
 * Throws TypeError for invalid options.
 */
export function CacheEvict(options: CacheEvictOptions): MethodDecorator {
  const path = 'CacheEvict';
  const { cache, key, tags, all } = checkNames(path, options, EVICT);
  const repository = cacheOf(path, cache);
  if (key !== undefined && typeof key !== 'function') checkText(`${path}.key`, key);
  if (tags !== undefined && typeof tags !== 'function') checkTagList(`${path}.tags`, tags);
  if (all !== undefined && typeof all !== 'boolean') badOption(`${path}.all`, 'true or false', all);
  if (key === undefined && tags === undefined && all !== true) badOption(`${path}.tags`, 'given, where there is neither a key nor all: true', undefined);
  return replacing(path, (method, target, name) => {
    const place = `${target.constructor.name}.${String(name)}`;
    return async function (...args) {
      const result = await method.apply(this, args);
      const of = (value: unknown): unknown => (typeof value === 'function' ? refusingPromise((value as OfArguments<unknown>)(...args)) : value);
      const own = of(key);
      if (own !== undefined) checkText(`the result of ${path}.key of ${place}`, own);
      const named = tags === undefined ? [] : checkTagList(`the tags of ${path} of ${place}`, of(tags));
      await Promise.all([all === true ? repository().clear() : undefined, own === undefined ? undefined : repository().delete(own), named.length === 0 ? undefined : repository().invalidateTags(named)]);
      return result;
    };
  });
}

/** Puts another method in the place of the decorated one, with its name and what other decorators have noted at it. */
function replacing(path: string, make: (method: Method, target: object, name: string | symbol) => Method): MethodDecorator {
  return (target, name, descriptor) => {
    const method: unknown = descriptor?.value;
    if (typeof method !== 'function') badOption(`what @${path} stands at`, 'a method', method);
    const replacement = make(method as Method, target, name);
    Object.defineProperty(replacement, 'name', { value: method.name, configurable: true });
    const { getMetadataKeys, getMetadata, defineMetadata } = Reflect as Partial<Metadata>;
    if (getMetadataKeys !== undefined) for (const key of getMetadataKeys(method)) defineMetadata!(key, getMetadata!(key, method), replacement);
    return { ...descriptor, value: replacement };
  };
}

/** What reflect-metadata adds to `Reflect`. */
interface Metadata {
  getMetadataKeys(target: object): unknown[];
  getMetadata(key: unknown, target: object): unknown;
  defineMetadata(key: unknown, value: unknown, target: object): void;
}
