/**
 * Runs loaders. A loader runs in its caller's async function, so it has the caller's async context and stack. Its caller gets the
 * loader's object, all others a separate value. Every outcome is reported to the engine.
 */
import { HawserError } from '../errors';
import type { Call, Load } from './call';
import { Decision } from '../contract.generated';
import { decodeHit } from './decoding';
import { runLoader } from './nesting';
import type { CallOptions } from './options';
import { warnTagsOff, type CachePort } from './port';
import { notStoredTooLarge, notStoredUntagged, refreshFailed, servedFallback } from './report';
import { encodeValue } from './serializer';
import { checkTags, MAX_TAGS } from './validate';
import { excessOf, type Excess } from './value_limit';
import { LoadSignal } from './waiters';

/** The argument of a loader. */
export interface LoaderContext {
  /** The key, as the caller passed it. */
  readonly key: string;
  /**
   * Aborts when nobody in this process waits for the load any more, because all of its callers have given up (their own `signal`). It never
   * aborts because only one of several has. The loader may stop then; if it still returns a value, that is stored. Absent in a background
   * refresh, which nobody waits for.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Adds tags that only the loader knows to the tags of the call. Await it **before** you read the source, so that no invalidation during
   * the read is missed. It resolves even if Redis could not be reached; the value is then returned and not stored. Rejects with TypeError
   * or RangeError for invalid tags, and with HawserError `E_LOAD_OVER` after the loader has settled.
   */
  addTags: (tags: readonly string[]) => Promise<void>;
}

/** A function that returns a value that is not in the cache. Its exceptions reach the caller unchanged; `undefined` is not stored. */
export type Loader<T> = (context: LoaderContext) => PromiseLike<T> | T;

class Context implements LoaderContext {
  /** The value must not be stored, because one of its tags could not be. */
  unstorable = false;
  private over = false;
  private readonly all: Set<string>;
  private adding: Promise<void>[] = [];

  constructor(
    private readonly port: CachePort,
    readonly key: string,
    /** Absent if nothing is stored. */
    private readonly load: Load | undefined,
    options: CallOptions,
    private readonly ownSignal: LoadSignal | undefined,
  ) {
    this.all = new Set(options.tags);
  }

  get signal(): AbortSignal | undefined {
    return this.ownSignal?.signal;
  }

  /** A property, so that a loader may destructure its context: `({ addTags }) => ...`. */
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

  /** Call this after the loader has settled: refuses further tags and waits for those under way. */
  async close(): Promise<void> {
    this.over = true;
    this.ownSignal?.close();
    if (this.adding.length > 0) await Promise.all(this.adding);
  }
}

/** The loader's outcome, after its tags have arrived. */
async function settle<T>(port: CachePort, loader: Loader<T>, context: Context): Promise<T> {
  try {
    return await runLoader(port.prefix, [context.key], () => loader(context));
  } finally {
    await context.close();
  }
}

/** Runs the loader for the call that waits for it. */
export async function runLoad<T>(port: CachePort, call: Call, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const { driver, counters } = port;
  const { load, isOffered } = call;
  const signal = new LoadSignal((abort) => driver.watch(port.repo, [key], abort));
  const context = new Context(port, key, load, o, signal);
  counters.loads++;
  let value: T;
  try {
    value = await settle(port, loader, context);
  } catch (error) {
    counters.loadErrors++;
    // Callers that have joined it meanwhile must not fail because others have given up.
    if (signal.isAbandoned) driver.loadFailed(call, load);
    else return staleInstead(port, call, load, key, error);
    throw error;
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
  const refusal = isOffered && isUnstorable(port, context, payload);
  if (refusal !== false && (await refusal)) {
    driver.loadFailed(call, load, { payload });
    return value;
  }
  const stored = isOffered ? call.next() : undefined;
  driver.loaded(call, load, payload);
  await stored;
  return value;
}

/** Whether a value is returned only, because a tag of it could not be put in place or it is too long. */
function isUnstorable(port: CachePort, context: Context, payload: string): boolean | Promise<boolean> {
  if (context.unstorable) {
    notStoredUntagged(port);
    return true;
  }
  return isTooLarge(port, payload);
}

/** Whether a value is too long to be stored. Only a long value has to wait for the server's limit. */
export function isTooLarge(port: CachePort, payload: string): boolean | Promise<boolean> {
  const excess = excessOf(port.limit, payload);
  if (excess === undefined) return false;
  const noted = (found: Excess | undefined): boolean => {
    if (found !== undefined) notStoredTooLarge(port, found);
    return found !== undefined;
  };
  return excess instanceof Promise ? excess.then(noted) : noted(excess);
}

/** After a failed load, the caller gets the value that `staleIfError` kept, or the loader's error. */
async function staleInstead<T>(port: CachePort, call: Call, load: Load, key: string, error: unknown): Promise<T> {
  const decided = call.next();
  port.driver.loadFailed(call, load, { error });
  await decided;
  const fallback = call.kind === Decision.Hit ? decodeHit(port, call) : undefined;
  if (fallback?.ok !== true) throw error;
  servedFallback(port, error, key);
  return fallback.value as T;
}

/** Runs the loader for a stale value that its caller has already received. Never rejects. */
export async function refresh<T>(port: CachePort, load: Load, key: string, loader: Loader<T>, o: CallOptions): Promise<void> {
  const { driver, counters } = port;
  const context = new Context(port, key, load, o, undefined);
  counters.refreshes++;
  try {
    const value = await settle(port, loader, context);
    if (value === undefined) return driver.loadedNothing(undefined, load);
    const payload = encodeValue(port.serializer, value);
    if (await isUnstorable(port, context, payload)) driver.loadFailed(undefined, load, { payload });
    else driver.loaded(undefined, load, payload);
  } catch (error) {
    counters.refreshErrors++;
    driver.loadFailed(undefined, load, { error });
    refreshFailed(port, error, key);
  }
}

/** Runs the loader without the cache: nothing is read and nothing is stored. */
export async function loadUncached<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  port.counters.loads++;
  try {
    return await settle(port, loader, new Context(port, key, undefined, o, new LoadSignal(undefined, o.signal)));
  } catch (error) {
    port.counters.loadErrors++;
    throw error;
  }
}
