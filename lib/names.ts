/**
 * What an options object says. What it inherits counts, as with ioredis; what somebody has put on `Object.prototype` says nothing, and neither
 * does it make an option out of what was left out.
 */

/** Whether `Object.prototype` has enumerable properties. There are libraries that add some. */
function isPolluted(): boolean {
  for (const _ in {}) return true;
  return false;
}

/** The names of the options, and an object without a prototype where they must be read from. */
export function ownOptions<T extends object>(options: T): T {
  if (!isPolluted()) return options;
  const own = Object.create(null) as Record<string, unknown>;
  for (const name in options) {
    if (!isOfRoot(options, name)) own[name] = (options as Record<string, unknown>)[name];
  }
  return own as T;
}

/**
 * Makes an object inherit nothing that somebody has put on `Object.prototype`, for readers who need an ordinary object: users of
 * `redis.options`, and Node.
 */
export function shield<T extends object>(target: T): T {
  for (const name in {}) if (!Object.hasOwn(target, name)) define(target, name, undefined);
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

/** Defines a property whatever `Object.prototype` has: descriptors inherit. */
export function define(target: object, name: PropertyKey, value: unknown, enumerable = false): void {
  Object.defineProperty(target, name, { __proto__: null, value, enumerable, configurable: true, writable: true } as PropertyDescriptor);
}
