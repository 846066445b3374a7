/** The base class of services with a cache: its own repository, and keys and tags by company. */
import { types } from 'node:util';
import { badOption } from '../errors';
import { isThenable } from '../guard';
import { canonicalHash } from '../cache/canonical';
import type { CacheRepositoryOptions } from '../cache/options';
import type { Tier } from '../tiers/tier';
import { CacheRepository } from './repository';

/** A part of a key: text, a Date, or an id with a text form (numbers, MongoDB's ObjectIds). */
type KeyPart = string | number | bigint | Date | { toHexString(): string };

/** Stored outside the services, so that subclasses can use any name. */
const caches = new WeakMap<CachedService, CacheRepository>();

/**
 * A service with a cache. The service's name is the prefix.
 *
 *     class OrderService extends CachedService {
 *       protected serviceName = 'order';
 *
 *       list(companyId: string, filters: OrderFilters) {
 *         return this.cache.getOrSet(this.listCacheKey(companyId, filters), () => db.orders(companyId, filters), {
 *           ttl: 300,
 *           tags: [this.companyTag(companyId, 'orders')],
 *         });
 *       }
 *     }
 */
export abstract class CachedService {
  /** Prefix of the service's entries: any non-empty string without `#`. Two services of one name share their entries. */
  protected abstract serviceName: string;

  /** Options of the service's repository. */
  declare protected cacheOptions?: CacheRepositoryOptions;

  /** The tier of the service's data, as the repository's option `tier`. */
  declare protected tier?: Tier;

  /**
   * The service's repository. It is made at first use, because the constructor runs before a subclass assigns `serviceName`. Throws
   * TypeError if there is no `serviceName`.
   */
  protected get cache(): CacheRepository {
    let cache = caches.get(this);
    if (cache === undefined) {
      if (typeof this.serviceName !== 'string' || this.serviceName === '') {
        badOption(`${this.constructor.name}.serviceName`, 'a non-empty string', this.serviceName);
      }
      cache = new CacheRepository(this.serviceName, this.tier === undefined ? this.cacheOptions : { tier: this.tier, ...this.cacheOptions });
      caches.set(this, cache);
    }
    return cache;
  }

  protected set cache(cache: CacheRepository) {
    caches.set(this, cache);
  }

  /**
   * `company:part:part`. A `:` or `%` inside a part is escaped, so that `('a', 'b:c')` and `('a:b', 'c')` are different keys; other parts
   * are unchanged. Ids that are not strings become text, Dates become ISO 8601. Throws TypeError for a value without a text form (null,
   * undefined, NaN, plain objects, a promise, an invalid Date ...), because all callers that forgot a part would share the key
   * `undefined`.
   */
  protected cacheKey(companyId: KeyPart, ...parts: KeyPart[]): string {
    return `${segment('companyId', companyId)}:${parts.map((part, i) => segment(`parts[${i}]`, part)).join(':')}`;
  }

  /**
   * The key of a list with these query parameters. Equal parameters give equal keys in any order, at every depth. Types are distinguished
   * (`1` is not `'1'`), and `undefined` counts as absent. Throws TypeError for values that JSON cannot represent or shows without
   * content: a promise (a forgotten `await`), a RegExp, an Error, an ArrayBuffer, an instance of a class without properties, an invalid
   * Date, a property whose name is a symbol.
   */
  protected listCacheKey(companyId: KeyPart, queryParams: object): string {
    if (typeof queryParams !== 'object' || (queryParams as unknown) === null) badOption('queryParams', 'an object', queryParams);
    return this.cacheKey(companyId, 'list', canonicalHash(queryParams));
  }

  /** `company:<id>:<resource>`; a `:` inside the id is escaped. */
  protected companyTag(companyId: KeyPart, resource: string): string {
    if (typeof resource !== 'string' || resource === '') badOption('resource', 'a non-empty string', resource);
    return `company:${segment('companyId', companyId)}:${resource}`;
  }
}

/** An empty part becomes `%`, which is not an escape, so that no part and an empty part are different keys. */
function segment(path: string, part: unknown): string {
  const text = typeof part === 'string' ? part : idText(path, part);
  if (text === '') return '%';
  return /[:%]/.test(text) ? text.replace(/%/g, '%25').replace(/:/g, '%3A') : text;
}

const ALLOWED = 'a string or an id with a text of its own';

function idText(path: string, part: unknown): string {
  if (typeof part === 'bigint' || (typeof part === 'number' && !Number.isNaN(part))) return String(part);
  if (typeof part !== 'object' || part === null || Array.isArray(part) || isThenable(part)) return badOption(path, ALLOWED, part);
  if (types.isRegExp(part) || types.isNativeError(part)) return badOption(path, ALLOWED, part);
  const { toJSON } = part as { toJSON?: unknown };
  // Dates of any kind are written as in JSON, ISO 8601; an invalid one has no text there.
  const shown: unknown = typeof toJSON === 'function' ? (toJSON as (key: string) => unknown).call(part, '') : textOf(part);
  if (typeof shown !== 'string') return badOption(path, ALLOWED, part);
  return shown;
}

/** The result of `String(object)`, if the object defines it. */
function textOf(part: object): string | undefined {
  if (typeof (part as { toString?: unknown }).toString !== 'function') return undefined;
  const text: unknown = (part as { toString(): unknown }).toString();
  const says = typeof text === 'string' && !/^\[object .*\]$/.test(text) && text !== 'NaN';
  return says ? text : undefined;
}
