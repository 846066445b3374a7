/**
 * Running loaders. A loader runs in the async function of its caller, so that it has the caller's async context and stack; its own caller
 * gets its very object, everybody else a value of his own. How it ended is told to the engine in every case.
 */
import { HawserError } from '../errors';
import type { Call, Load } from './call';
import { refreshFailed } from './events';
import { Decision } from '../contract.generated';
import { runLoader } from './nesting';
import type { CallOptions } from './options';
import { warnTagsOff, type CachePort } from './port';
import { encodeValue } from './serializer';
import { checkTags, MAX_TAGS } from './validate';

/** What a loader is given. */
export interface LoaderContext {
  /** The key, as the caller wrote it. */
  readonly key: string;
  /** The caller's `signal`, where it gave one. Absent in a background refresh. */
  readonly signal?: AbortSignal;
  /**
   * Adds tags that only the loader knows, to those of the call. Await it **before** reading the source: then an invalidation that happens
   * while the source is read is not missed. Resolves also where Redis could not be told; the value is then returned and not stored.
   * Rejects with TypeError or RangeError for tags that cannot be used, HawserError `E_LOAD_OVER` once the loader has settled.
   */
  addTags: (tags: readonly string[]) => Promise<void>;
}

/** A function that knows a value which is not in the cache. What it throws reaches the caller unchanged; `undefined` is not stored. */
export type Loader<T> = (context: LoaderContext) => PromiseLike<T> | T;

class Context implements LoaderContext {
  readonly signal?: AbortSignal;
  /** The value must not be stored: a tag of it could not be. */
  unstorable = false;
  private over = false;
  private readonly all: Set<string>;
  private adding: Promise<void>[] = [];

  constructor(
    private readonly port: CachePort,
    readonly key: string,
    /** Absent where nothing is stored. */
    private readonly load: Load | undefined,
    options: CallOptions,
    signal: AbortSignal | undefined,
  ) {
    this.all = new Set(options.tags);
    if (signal !== undefined) this.signal = signal;
  }

  /** A property, so that a loader may take it out of its context: `({ addTags }) => ...`. */
  readonly addTags = async (tags: readonly string[]): Promise<void> => {
    const list = checkTags('tags', tags).filter((tag) => !this.all.has(tag));
    if (this.over) throw new HawserError('E_LOAD_OVER', 'addTags was called after the loader had settled; await it inside the loader');
    if (this.all.size + list.length > MAX_TAGS) {
      throw Object.assign(new RangeError(`an entry may have at most ${MAX_TAGS} tags, got ${this.all.size + list.length} with those added`), { code: 'E_BAD_OPTION' });
    }
    for (const tag of list) this.all.add(tag);
    if (list.length === 0) return;
    if (!this.port.tags) {
      warnTagsOff(this.port);
      this.unstorable = true;
      return;
    }
    if (this.load === undefined) return;
    const added = this.tell(this.load, list);
    this.adding.push(added);
    await added;
  };

  private async tell(load: Load, tags: readonly string[]): Promise<void> {
    const call = await this.port.driver.addTags(load, tags).next();
    if (call.kind === Decision.Error) this.unstorable = true;
  }

  /** The loader has settled: no tag comes any more, and those under way have arrived. */
  async close(): Promise<void> {
    this.over = true;
    if (this.adding.length > 0) await Promise.all(this.adding);
  }
}

/** The loader's outcome, once its tags have arrived. */
async function settle<T>(port: CachePort, loader: Loader<T>, context: Context): Promise<T> {
  try {
    return await runLoader(port.emitter.prefix, [context.key], () => loader(context));
  } finally {
    await context.close();
  }
}

/** Runs the loader for the call that waits for it. */
export async function runLoad<T>(port: CachePort, call: Call, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const { driver, counters } = port;
  const load = call.a as Load;
  const offered = call.b === 0;
  const context = new Context(port, key, load, o, o.signal);
  counters.loads++;
  let value: T;
  try {
    value = await settle(port, loader, context);
  } catch (error) {
    counters.loadErrors++;
    return staleInstead(port, call, load, error);
  }
  if (value === undefined) {
    driver.loadedNothing(call, load);
    return value;
  }
  let payload: string;
  try {
    payload = encodeValue(port.serializer, value);
  } catch (error) {
    driver.loadFailed(call, load, { error });
    throw error;
  }
  if (context.unstorable) {
    driver.loadFailed(call, load, { payload });
    return value;
  }
  const stored = offered ? call.next() : undefined;
  driver.loaded(call, load, payload);
  await stored;
  return value;
}

/** A loader failed: the caller gets the stale value that was kept for this (`staleIfError`), or the loader's error. */
async function staleInstead<T>(port: CachePort, call: Call, load: Load, error: unknown): Promise<T> {
  const decided = call.next();
  port.driver.loadFailed(call, load, { error });
  await decided;
  if (call.kind === Decision.Hit) return port.serializer.deserialize(call.a as string) as T;
  throw error;
}

/** Runs the loader for a stale value whose caller has been answered. Never rejects. */
export async function refresh<T>(port: CachePort, load: Load, key: string, loader: Loader<T>, o: CallOptions): Promise<void> {
  const { driver, counters } = port;
  const context = new Context(port, key, load, o, undefined);
  counters.refreshes++;
  try {
    const value = await settle(port, loader, context);
    if (value === undefined) return driver.loadedNothing(undefined, load);
    const payload = encodeValue(port.serializer, value);
    if (context.unstorable) driver.loadFailed(undefined, load, { payload });
    else driver.loaded(undefined, load, payload);
  } catch (error) {
    counters.refreshErrors++;
    driver.loadFailed(undefined, load, { error });
    refreshFailed(port.emitter, error, key, port.logger);
  }
}

/** Runs the loader beside the cache: nothing is read and nothing is stored. */
export async function loadUncached<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  port.counters.loads++;
  try {
    return await settle(port, loader, new Context(port, key, undefined, o, o.signal));
  } catch (error) {
    port.counters.loadErrors++;
    throw error;
  }
}
