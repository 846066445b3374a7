/**
 * Reads options objects. Inherited options count, as in ioredis, but properties that somebody added to `Object.prototype` do not.
 */

/** Whether `Object.prototype` has enumerable properties. There are libraries that add some. */
export function isPolluted(): boolean {
  for (const _ in {}) return true;
  return false;
}

/** Whether a value can hold options. A Map, a Date or a promise cannot: it would count as an object without any. */
export function isOptions(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const _ in value) return true;
  return Object.prototype.toString.call(value) === '[object Object]';
}

/** Returns the object from which to read the options: a copy without a prototype if `Object.prototype` was extended. */
export function ownOptions<T extends object>(options: T): T {
  if (!isPolluted()) return options;
  const own = Object.create(null) as Record<string, unknown>;
  for (const name in options) {
    if (!isOfRoot(options, name)) own[name] = (options as Record<string, unknown>)[name];
  }
  return own as T;
}

/**
 * Hides the properties that somebody added to `Object.prototype`, for readers that need an ordinary object: users of `redis.options`, and
 * Node. `inCopies`: also in copies of the object, except those with these names.
 */
export function shield<T extends object>(target: T, inCopies?: { except: readonly string[] }): T {
  for (const name in {}) {
    if (!Object.hasOwn(target, name)) define(target, name, undefined, inCopies?.except.includes(name) === false);
  }
  return target;
}

/** A copy that inherits nothing. */
export function copyOptions<T extends object>(options: T): T {
  return Object.assign(Object.create(null) as T, options);
}

function isOfRoot(options: object, name: string): boolean {
  let holder = options;
  while (!Object.hasOwn(holder, name)) holder = Object.getPrototypeOf(holder) as object;
  return holder !== options && Object.getPrototypeOf(holder) === null;
}

/** Defines a property, even if `Object.prototype` was extended, because descriptors inherit. */
export function define(target: object, name: PropertyKey, value: unknown, enumerable = false): void {
  Object.defineProperty(target, name, { __proto__: null, value, enumerable, configurable: true, writable: true } as PropertyDescriptor);
}
