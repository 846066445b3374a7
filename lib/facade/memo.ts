/**
 * A view of a repository for one request: each key is read once, and what is written through the view is seen at once. Nothing outside holds a
 * view, so it is garbage with the request.
 */
import type { CacheEmitter } from '../cache/events';
import type { Loader } from '../cache/load';
import type { ManyLoader } from '../cache/many';
import { isNested, waitWithin } from '../cache/nesting';
import { ANY, callOptions, manyOptions, type CacheOptions, type CallOptions, type ManyOptions } from '../cache/options';
import type { CachePort } from '../cache/port';
import { copiesOf, Remembered, until, Waiters, type Copies } from '../cache/remembered';
import { checkFunction, checkKeys, checkText } from '../cache/validate';
import { HawserError } from '../errors';
import { define } from '../names';
import type { CacheMethods } from './methods';
import { portOf, type OWN, type Own } from './opening';
import type { CacheItem, SetOptions } from './storing';
import type { InvalidateOptions } from './surviving';

/** The repository of a view. */
type Repository = CacheMethods & CacheEmitter & { readonly [OWN]: Own };

/** How long a read waits at most for a deletion that is on its way: a server that is down holds up no loader. */
const PENDING_MS = 250;

/** What was remembered does not help: ask again. */
const AGAIN = Symbol('again');
/** The caller belongs to the very load that it would wait for. */
const CIRCLE = Symbol('circle');

/**
 * A view of a repository for one request; see {@link CacheRepository.memo}. Its methods are those of the repository.
 *
 * A key that was read or written through the view is answered by the view, whatever others do with the entry meanwhile. Each caller gets a value of
 * its own, unless the repository's near cache shares frozen ones. The view asks the repository again for a caller that wants more than the one before: another tag, a smaller `maxAge` or
 * `staleAfter`. A read that fails, or whose callers have all given up, is not remembered. What the view answers by itself does not count as a read.
 */
export class CacheMemo implements CacheMethods {
  private readonly known = new Map<string, Remembered>();
  /** What `has` has said about keys whose values are not known. */
  private readonly present = new Map<string, Promise<boolean>>();
  /** Deletions and invalidations that are on their way. */
  private readonly pending = new Set<Promise<unknown>>();

  /** @internal */
  constructor(private readonly repository: Repository) {}

  /** As `CacheRepository.getOrSet`. Callers of a key that is being read wait for that read. */
  async getOrSet<T>(key: string, loader: Loader<T>, options?: CacheOptions): Promise<T> {
    checkText('key', key);
    checkFunction('loader', loader);
    const port = portOf(this.repository);
    const o = options === undefined ? port.base : callOptions(port.base, options);
    if (o.signal?.aborted === true) return this.repository.getOrSet(key, loader, options);
    for (;;) {
      const known = this.known.get(key);
      // `null` of a call without a loader may mean that there is none.
      if (known?.serves(o, port.base) !== true || (known.origin === 'peek' && known.isNull)) break;
      const value = await this.joined(port, key, known, o.signal);
      if (value !== AGAIN && (value !== null || known.origin !== 'peek')) return value as T;
      if (this.known.get(key) === known) break;
    }
    return this.ask(port, key, loader, options, o);
  }

  /** As `CacheRepository.getOrSetMany`. Asks the repository only for keys that the view does not know. */
  async getOrSetMany<T>(keys: readonly string[], missing: ManyLoader<T>, options?: ManyOptions): Promise<T[]> {
    const list = checkKeys('keys', keys);
    checkFunction('missing', missing);
    const port = portOf(this.repository);
    const { o, of } = manyOptions(port.base, options, list);
    if (o.signal?.aborted === true) return this.repository.getOrSetMany(list, missing, options);
    const peeks = list.flatMap((key) => this.known.get(key) ?? []).filter((known) => known.origin === 'peek' && known.isOpen);
    if (peeks.length > 0) await until(Promise.allSettled(peeks.map(({ copies }) => copies)), o.signal);
    const unknown = [...new Set(list)].filter((key) => !this.isKnown(key, of(key), port.base));
    const asked = unknown.length === 0 ? undefined : this.askMany(port, unknown, missing, options, o, of);
    const answers = list.map(async (key): Promise<T> => {
      const own = asked?.get(key);
      if (own !== undefined) {
        asked?.delete(key);
        return own as Promise<T>;
      }
      const known = this.known.get(key);
      const value = known === undefined ? AGAIN : await this.joined(port, key, known, o.signal);
      return value === AGAIN ? (await this.getOrSetMany<T>([key], missing, options))[0] : (value as T);
    });
    return Promise.all(answers);
  }

  /** As `CacheRepository.get`. Waits for a read of the key that is under way through the view, and its loader. */
  async get<T>(key: string): Promise<T | null> {
    checkText('key', key);
    for (;;) {
      const known = this.known.get(key);
      if (known === undefined) return (await this.peekAt([key]).get(key)) as T | null;
      const found = await this.found(key, known);
      if (found === CIRCLE) return this.repository.get<T>(key);
      if (found !== AGAIN) return (found ?? null) as T | null;
      this.drop(key, known);
    }
  }

  /** As `CacheRepository.getMany`. Asks the repository only for keys that the view does not know. */
  async getMany<T>(keys: readonly string[]): Promise<(T | null)[]> {
    const list = checkKeys('keys', keys);
    const unknown = [...new Set(list)].filter((key) => !this.known.has(key));
    const asked = unknown.length === 0 ? undefined : this.peekAt(unknown);
    return Promise.all(
      list.map((key) => {
        const own = asked?.get(key);
        asked?.delete(key);
        return own === undefined ? this.get<T>(key) : (own as Promise<T | null>);
      }),
    );
  }

  /** As `CacheRepository.has`. Waits as `get` does. */
  async has(key: string): Promise<boolean> {
    checkText('key', key);
    const known = this.known.get(key);
    const found = known === undefined ? AGAIN : await this.found(key, known);
    if (found === CIRCLE) return this.repository.has(key);
    if (found !== AGAIN && (found !== null || known?.origin !== 'peek')) return known?.origin !== 'gone' && found !== undefined;
    let present = this.present.get(key);
    if (present === undefined) {
      this.present.set(key, (present = this.afterPending(portOf(this.repository), () => this.repository.has(key))));
      present.catch(() => this.present.delete(key));
    }
    return present;
  }

  /** As `CacheRepository.set`. The view has the value at once. */
  async set<T>(key: string, value: T, ttl?: number): Promise<void> {
    checkText('key', key);
    const stored = this.repository.set(key, value, ttl);
    return this.written([{ key, value }], stored);
  }

  /** As `CacheRepository.setWithTags`. The view has the value at once. */
  async setWithTags<T>(key: string, value: T, options?: SetOptions): Promise<void> {
    checkText('key', key);
    const stored = this.repository.setWithTags(key, value, options);
    return this.written([{ key, value, tags: options?.tags }], stored);
  }

  /** As `CacheRepository.setMany`. The view has the values at once. */
  async setMany(items: readonly CacheItem[]): Promise<void> {
    const stored = this.repository.setMany(items);
    return this.written(Array.isArray(items) ? (items as readonly CacheItem[]) : [], stored);
  }

  /** As `CacheRepository.delete`. */
  async delete(key: string, options?: InvalidateOptions): Promise<void> {
    checkText('key', key);
    return this.gone([key], this.repository.delete(key, options));
  }

  /** As `CacheRepository.deleteMany`. */
  async deleteMany(keys: readonly string[], options?: InvalidateOptions): Promise<number> {
    const list = checkKeys('keys', keys);
    return this.gone(list, this.repository.deleteMany(list, options));
  }

  /** As `CacheRepository.deletePattern`. The view forgets what it has read: it is read again. */
  async deletePattern(glob: string, options?: InvalidateOptions): Promise<number> {
    return this.forgetting(this.repository.deletePattern(glob, options));
  }

  /** As `CacheRepository.invalidateTags`. The view forgets what it has read: it is read again. */
  async invalidateTags(tags: readonly string[], options?: InvalidateOptions): Promise<number> {
    return this.forgetting(this.repository.invalidateTags(tags, options));
  }

  /** As `CacheRepository.clear`. The view forgets what it has read: it is read again. */
  async clear(options?: InvalidateOptions): Promise<void> {
    return this.forgetting(this.repository.clear(options));
  }

  // ---- reads

  private isKnown(key: string, o: CallOptions, base: CallOptions): boolean {
    const known = this.known.get(key);
    return known?.serves(o, base) === true && !(known.origin === 'peek' && (known.isOpen || known.isNull));
  }

  /** The value of a remembered answer for one more caller with a loader. Rejects if the loader of the answer does. */
  private async joined(port: CachePort, key: string, known: Remembered, signal: AbortSignal | undefined): Promise<unknown> {
    const wait = (): Promise<Copies | undefined> => (known.waiters === undefined || !known.isOpen ? until(known.copies, signal) : known.waiters.wait(known.copies, signal));
    let copies: Copies | undefined;
    try {
      copies = await (known.isOpen && isNested() ? waitWithin(port.prefix, [key], wait) : wait());
    } catch (error) {
      if (signal?.aborted === true) throw error;
      // What went wrong concerns this caller only if it is the loader's own error, or if waiting for it would never end.
      const code = error instanceof HawserError ? error.code : undefined;
      const isOthers = known.isGroup || known.origin === 'peek' || code === 'E_LOADER_TIMEOUT';
      if (!isOthers || code === 'E_LOAD_CYCLE') throw error;
      return AGAIN;
    }
    try {
      return copies === undefined ? AGAIN : copies();
    } catch {
      // The serializer cannot read what it has written. The reader that meets the entry itself reports it.
      this.drop(key, known);
      return AGAIN;
    }
  }

  /** The same for a caller without a loader: the answer's failure is not its own. */
  private async found(key: string, known: Remembered): Promise<unknown> {
    try {
      return await this.joined(portOf(this.repository), key, known, undefined);
    } catch (error) {
      return error instanceof HawserError && error.code === 'E_LOAD_CYCLE' ? CIRCLE : AGAIN;
    }
  }

  private ask<T>(port: CachePort, key: string, loader: Loader<T>, options: CacheOptions | undefined, o: CallOptions): Promise<T> {
    const waiters = this.waitersFor([key], o);
    const own = waiters === undefined ? options : withSignal(options, waiters.signal);
    const asked = this.afterPending(port, () => this.repository.getOrSet(key, loader, own));
    this.keep(key, new Remembered('read', copied(port, asked), o, waiters));
    return waiters === undefined ? asked : waiters.wait(asked, o.signal);
  }

  private askMany<T>(port: CachePort, keys: string[], missing: ManyLoader<T>, options: ManyOptions | undefined, o: CallOptions, of: (key: string) => CallOptions): Map<string, Promise<unknown>> {
    const waiters = this.waitersFor(keys, o);
    const own = waiters === undefined ? options : withSignal(options, waiters.signal);
    const all = this.afterPending(port, () => this.repository.getOrSetMany(keys, missing, own));
    return this.keepAll(port, keys, all, (copies, key) => new Remembered('read', copies, of(key), waiters, true), (value) => (waiters === undefined ? value : waiters.wait(value, o.signal)));
  }

  private peekAt(keys: string[]): Map<string, Promise<unknown>> {
    const port = portOf(this.repository);
    const all = this.afterPending(port, () => this.repository.getMany(keys));
    return this.keepAll(port, keys, all, (copies) => new Remembered('peek', copies, ANY), (value) => value);
  }

  /** Remembers the answers of a call for several keys. Returns what its own caller gets. */
  private keepAll(
    port: CachePort,
    keys: readonly string[],
    all: Promise<readonly unknown[]>,
    make: (copies: Promise<Copies | undefined>, key: string) => Remembered,
    own: (value: Promise<unknown>) => Promise<unknown>,
  ): Map<string, Promise<unknown>> {
    return new Map(
      keys.map((key, i) => {
        const value = all.then((values) => values[i]);
        this.keep(key, make(copied(port, value), key));
        return [key, own(value)];
      }),
    );
  }

  /** Remembers an answer, unless it fails or cannot be copied. */
  private keep(key: string, remembered: Remembered): void {
    this.known.set(key, remembered);
    const drop = (): void => this.drop(key, remembered);
    remembered.copies.then((copies) => {
      if (copies === undefined) drop();
    }, drop);
  }

  private drop(key: string, remembered: Remembered): void {
    if (this.known.get(key) === remembered) this.known.delete(key);
  }

  /** A caller that never gives up needs none. When all have given up, later callers ask again. */
  private waitersFor(keys: readonly string[], o: CallOptions): Waiters | undefined {
    if (o.signal === undefined) return undefined;
    const waiters: Waiters = new Waiters(() => {
      for (const key of keys) if (this.known.get(key)?.waiters === waiters) this.known.delete(key);
    });
    return waiters;
  }

  // ---- writes

  private async written(items: readonly Pick<CacheItem, 'key' | 'value' | 'tags'>[], stored: Promise<void>): Promise<void> {
    const port = portOf(this.repository);
    const remembered = new Map<string, Remembered>();
    for (const item of items) {
      const { key, value, tags = [] } = item ?? {};
      const isStored = typeof key === 'string' && Array.isArray(tags) && (tags.length === 0 || port.tags);
      const copies = isStored && value !== undefined ? copiesOf(port, value) : undefined;
      this.present.delete(key);
      this.known.delete(key);
      if (copies === undefined) continue;
      const own = new Remembered('written', copies, { ...ANY, fresh: '0', maxAge: '0', tags: [...tags] });
      this.known.set(key, own);
      remembered.set(key, own);
    }
    try {
      await stored;
    } catch (error) {
      for (const [key, own] of remembered) this.drop(key, own);
      throw error;
    }
  }

  private async gone<R>(keys: readonly string[], deleted: Promise<R>): Promise<R> {
    const remembered = new Remembered('gone', () => null, ANY);
    for (const key of keys) {
      this.known.set(key, remembered);
      this.present.delete(key);
    }
    try {
      return await this.noting(deleted);
    } catch (error) {
      for (const key of keys) this.drop(key, remembered);
      throw error;
    }
  }

  /** Forgets everything when the call begins. When it is over, forgets what was read meanwhile: that may have been too early. */
  private async forgetting<R>(done: Promise<R>): Promise<R> {
    this.known.clear();
    this.present.clear();
    try {
      return await this.noting(done);
    } finally {
      for (const [key, { origin }] of this.known) if (origin === 'read' || origin === 'peek') this.known.delete(key);
      this.present.clear();
    }
  }

  private async noting<R>(done: Promise<R>): Promise<R> {
    this.pending.add(done);
    try {
      return await done;
    } finally {
      this.pending.delete(done);
    }
  }

  /** A near cache serves what the repository deletes until that has taken effect, so a read of the view waits for it. */
  private afterPending<R>(port: CachePort, ask: () => Promise<R>): Promise<R> {
    if (port.near === undefined || this.pending.size === 0) return ask();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, PENDING_MS)));
    return Promise.race([patience, Promise.allSettled(this.pending)])
      .finally(() => clearTimeout(timer))
      .then(ask);
  }
}

/** Makes the value copyable before its first caller has it and may change it. */
async function copied(port: CachePort, value: Promise<unknown>): Promise<Copies | undefined> {
  return copiesOf(port, await value);
}

/** The same options with another signal. Inherited ones count too. */
function withSignal<O extends object>(options: O | undefined, signal: AbortSignal): O {
  const own = Object.create(options ?? null) as O;
  define(own, 'signal', signal, true);
  return own;
}
