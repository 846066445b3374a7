/** Writes and invalidations that channels and instruments hear of. Their methods are as they are while nobody listens. */
import { define } from '../names';
import { invalidations, sets, type CallOperations } from '../observe/cache_channels';
import type { CacheCallMessage } from '../observe/cache_messages';

type Named = Pick<CacheCallMessage, 'keys' | 'tags' | 'pattern'>;
type Method = (this: { readonly prefix: string }, ...args: unknown[]) => Promise<unknown>;

/** The valid names among what a caller has passed. */
export function namesOf(names: unknown): string[] {
  return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
}

const oneKey = (key: unknown): Named => ({ keys: namesOf([key]) });
const keys = (names: unknown): Named => ({ keys: namesOf(names) });

/** By method: its channel, and what its first argument names. */
const WRITES: Readonly<Record<string, readonly [operations: CallOperations, named: (first: unknown) => Named]>> = {
  set: [sets, oneKey],
  setWithTags: [sets, oneKey],
  setMany: [sets, (items) => ({ keys: namesOf(Array.isArray(items) ? items.map((item: { key?: unknown } | null) => item?.key) : []) })],
  delete: [invalidations, oneKey],
  deleteMany: [invalidations, keys],
  clear: [invalidations, () => ({})],
  deletePattern: [invalidations, (glob) => (typeof glob === 'string' ? { pattern: glob } : {})],
  invalidateTags: [invalidations, (tags) => ({ tags: namesOf(tags) })],
};

/** Lets the writes of a class be heard. */
export function observeWrites(prototype: object): void {
  for (const [operation, [operations, named]] of Object.entries(WRITES)) {
    const write = (prototype as Partial<Record<string, Method>>)[operation];
    if (write === undefined) continue;
    const observed: Method = function (...args) {
      const run = (): Promise<unknown> => write.call(this, ...args);
      if (!operations.areHeard) return run();
      return operations.run({ operation, repository: this.prefix, ...named(args[0]) }, run);
    };
    define(observed, 'name', operation);
    define(observed, 'length', write.length);
    define(prototype, operation, observed);
  }
}
