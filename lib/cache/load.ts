/**
 * Runs loaders. A loader runs in its caller's async function, so it has the caller's async context and stack. Its caller gets the
 * loader's object, all others a separate value. Every outcome is reported to the engine.
 */
import { clearTimeout, setTimeout } from '../clock';
import { HawserError } from '../errors';
import { snapshot, type Payload } from './bytes';
import type { Call, Load } from './call';
import { Decision } from '../contract.generated';
import { Context, type LoaderContext } from './context';
import { decodeHit } from './decoding';
import { runLoader, type Limit } from './nesting';
import type { CallOptions } from './options';
import { kept, loadFailed, loaded, loadedNothing } from './outcomes';
import { payloadOf } from './payload';
import type { CachePort } from './port';
import { notStoredTooLarge, notStoredUntagged, refreshFailed, servedFallback } from './report';
import { excessOf, type Excess } from './value_limit';
import { stored } from './times';
import { LoadSignal } from './waiters';

export type { LoaderContext };

/** A function that returns a value that is not in the cache. Its exceptions reach the caller unchanged; `undefined` is not stored. */
export type Loader<T> = (context: LoaderContext) => PromiseLike<T> | T;

/** The limits that errors tell of. */
const limits = new WeakMap<object, number>();

/** A loader's time is over. */
export function loaderTimedOut(port: CachePort, ms: number): HawserError {
  port.counters.loaderTimeouts++;
  const error = new HawserError('E_LOADER_TIMEOUT', `cache ${JSON.stringify(port.prefix)}: a loader took longer than loaderTimeoutMs allows, ${ms} ms`);
  limits.set(error, ms);
  return error;
}

/** Whether a load failed because its caller allowed it less time than a caller with these options does. */
export function allowsMore(o: CallOptions, error: unknown): boolean {
  const ms = typeof error === 'object' && error !== null ? limits.get(error) : undefined;
  return ms !== undefined && (o.rules?.hardMs ?? Infinity) > ms;
}

/** The loader's outcome, after its tags have arrived. */
async function settle<T>(run: () => Promise<T>, context: Context): Promise<T> {
  try {
    return context.result(await run());
  } finally {
    await context.close();
  }
}

/** The time limit of a loader, if it has one. What it brings later counts as nothing. */
export function limitOf(port: CachePort, context: Pick<Context, 'expire'>, hardMs: number | undefined): Limit {
  if (hardMs === undefined) return (run) => run();
  return <T>(run: () => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = loaderTimedOut(port, hardMs);
        context.expire(error);
        reject(error);
      }, hardMs);
      void run()
        .then(resolve, reject)
        .finally(() => clearTimeout(timer));
    });
}

function runWith<T>(port: CachePort, loader: Loader<T>, context: Context, o: CallOptions): Promise<T> {
  return settle(() => runLoader(port, [context.key], () => loader(context), limitOf(port, context, o.rules?.hardMs)), context);
}

/** Runs the loader for the call that waits for it. */
export async function runLoad<T>(port: CachePort, call: Call, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const { driver, counters } = port;
  const { load, isOffered } = call;
  const signal = new LoadSignal((abort) => driver.watch(port.repo, [key], abort));
  const context = new Context(port, key, load, o, signal);
  counters.loads++;
  const running = runWith(port, loader, context, o);
  let decided: Promise<Call> | undefined;
  const softMs = o.rules?.softMs;
  if (softMs !== undefined) {
    decided = call.next();
    if (!(await isFirst(running, decided, softMs, () => driver.soften(call)))) return instead(port, call, load, key, running, context, o);
  }
  let value: T;
  try {
    value = await running;
  } catch (error) {
    counters.loadErrors++;
    // Callers that have joined it meanwhile must not fail because others have given up.
    if (signal.isAbandoned) loadFailed(driver, call, load);
    else return staleInstead(port, call, load, key, error, decided, o);
    throw error;
  }
  if (value === undefined) {
    loadedNothing(driver, call, load);
    return value;
  }
  if (!isOffered) decided = undefined;
  try {
    const told = offer(port, call, load, context, value, isOffered);
    if (told instanceof Promise ? await told : told) await stored(port, decided ?? call.next());
  } catch (error) {
    loadFailed(driver, call, load, { error });
    throw error;
  }
  return value;
}

/** Whether the loader settles before the engine has given its caller another value, which it is asked to do after `softMs`. */
export function isFirst(running: Promise<unknown>, decided: Promise<unknown>, softMs: number, soften: () => void): Promise<boolean> {
  const timer = setTimeout(soften, softMs);
  const done = (isLoader: boolean) => (): boolean => {
    clearTimeout(timer);
    return isLoader;
  };
  return Promise.race([running.then(done(true), done(true)), decided.then(done(false))]);
}

/** The loader is too slow: its caller gets the value that is being replaced, and the load goes on in the background. */
async function instead<T>(port: CachePort, call: Call, load: Load, key: string, running: Promise<T>, context: Context, o: CallOptions): Promise<T> {
  const former = call.kind === Decision.Hit ? decodeHit(port, call) : undefined;
  port.counters.softTimeouts++;
  context.detach();
  const finished = finish(port, load, key, running, context, 'loadErrors');
  if (former?.ok === true) {
    o.outcomes?.note('fallback', 'miss');
    return former.value as T;
  }
  await finished;
  return running;
}

/**
 * Offers a value to the store. Returns whether the engine will decide on it. Throws what the serializer or `tagsFrom` throws. A promise only
 * for a long value.
 */
export function offer(port: CachePort, call: Call | undefined, load: Load, context: Context, value: unknown, isOffered: boolean): boolean | Promise<boolean> {
  const { driver } = port;
  if (isOffered && context.keepsFormer && !context.isSkipped && !context.unstorable) {
    kept(driver, call, load, context.resultOptions(value));
    return true;
  }
  let payload = payloadOf(port, value);
  if (!isOffered) {
    loaded(driver, call, load, payload);
    return false;
  }
  const options = context.resultOptions(value);
  const refusal = isUnstorable(port, context, payload);
  const tell = (isRefused: boolean): boolean => {
    if (isRefused) loadFailed(driver, call, load, { payload: snapshot(payload) });
    else loaded(driver, call, load, payload, port.packing, options);
    return !isRefused;
  };
  if (!(refusal instanceof Promise)) return tell(refusal);
  // The value is its caller's, who may change it meanwhile.
  payload = snapshot(payload);
  return refusal.then(tell);
}

/** Whether a value is returned only: its loader says so, a tag of it could not be put in place, or it is too long. */
function isUnstorable(port: CachePort, context: Context, payload: Payload): boolean | Promise<boolean> {
  if (context.isSkipped) return true;
  if (context.unstorable) {
    notStoredUntagged(port);
    return true;
  }
  return isTooLarge(port, payload);
}

/** Whether a value is too long to be stored. Only a long value has to wait for the server's limit. */
function isTooLarge(port: CachePort, payload: Payload): boolean | Promise<boolean> {
  const excess = excessOf(port.limit, payload);
  if (excess === undefined) return false;
  const noted = (found: Excess | undefined): boolean => {
    if (found !== undefined) notStoredTooLarge(port, found);
    return found !== undefined;
  };
  return excess instanceof Promise ? excess.then(noted) : noted(excess);
}

/** After a failed load, the caller gets the value that `staleIfError` kept, or the loader's error. */
async function staleInstead<T>(port: CachePort, call: Call, load: Load, key: string, error: unknown, asked: Promise<Call> | undefined, o: CallOptions): Promise<T> {
  const decided = asked ?? call.next();
  loadFailed(port.driver, call, load, { error });
  await decided;
  const fallback = call.kind === Decision.Hit ? decodeHit(port, call) : undefined;
  if (fallback?.ok !== true) throw error;
  servedFallback(port, error, key, o.outcomes);
  return fallback.value as T;
}

/** Runs the loader for a stale value that its caller has already received. Never rejects. */
export async function refresh<T>(port: CachePort, load: Load, key: string, loader: Loader<T>, o: CallOptions): Promise<void> {
  const limited = o.rules?.hardMs !== undefined;
  const context = new Context(port, key, load, o, limited ? new LoadSignal() : undefined);
  port.counters.refreshes++;
  await finish(port, load, key, runWith(port, loader, context, o), context, 'refreshErrors');
}

/** Reports what a loader brings that nobody waits for. Never rejects. */
async function finish(port: CachePort, load: Load, key: string, running: Promise<unknown>, context: Context, errors: 'loadErrors' | 'refreshErrors'): Promise<void> {
  let value: unknown;
  try {
    value = await running;
  } catch (error) {
    port.counters[errors]++;
    return failedBehind(port, load, key, error);
  }
  await broughtBehind(port, load, key, value, context);
}

/** A loader has brought a value that nobody waits for. Never rejects: one that cannot be stored is reported, and is no failure of its loader. */
export async function broughtBehind(port: CachePort, load: Load, key: string, value: unknown, context: Context): Promise<void> {
  try {
    if (value === undefined) loadedNothing(port.driver, undefined, load);
    else await offer(port, undefined, load, context, value, true);
  } catch (error) {
    failedBehind(port, load, key, error);
  }
}

/** A loader that nobody waits for has failed. */
export function failedBehind(port: CachePort, load: Load, key: string, error: unknown): void {
  loadFailed(port.driver, undefined, load, { error });
  refreshFailed(port, error, key);
}

/** Runs the loader without the cache: nothing is read and nothing is stored. */
export async function loadUncached<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  port.counters.loads++;
  try {
    return await runWith(port, loader, new Context(port, key, undefined, o, new LoadSignal(undefined, o.signal)), o);
  } catch (error) {
    port.counters.loadErrors++;
    throw error;
  }
}
