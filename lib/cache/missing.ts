/** Runs the loader of several keys, `missing`, and reports what it brings in the background. */
import { badOption } from '../errors';
import type { Load } from './call';
import type { Context } from './context';
import { broughtBehind, failedBehind, limitOf } from './load';
import type { ManyContext, ManyLoaderContext } from './many_context';
import { runLoader } from './nesting';
import type { CachePort } from './port';

/**
 * Loads the values of keys. Keys that are absent from its result resolve to `undefined`, and nothing is stored for them. A function that
 * declares a second parameter gets the context of the load.
 */
export type ManyLoader<T> = (
  keys: string[],
  context: ManyLoaderContext,
) => PromiseLike<Map<string, T> | Record<string, T>> | Map<string, T> | Record<string, T>;

/** One of the keys that one call of `missing` loads. */
export interface Part {
  readonly key: string;
  readonly context: Context;
  readonly load: Load;
}

/** Calls `missing` for the keys of its context. */
export async function runMissing<T>(port: CachePort, missing: ManyLoader<T>, context: ManyContext, hardMs: number | undefined): Promise<Map<string, T>> {
  const { keys } = context;
  try {
    return asMap(await runLoader<unknown>(port, keys, () => callMissing(missing, keys, context), limitOf(port, context, hardMs)));
  } finally {
    await context.close();
  }
}

/** Reports what `missing` brings for keys that nobody of its group waits for. Never rejects. */
export async function finishMissing(port: CachePort, parts: readonly Part[], running: Promise<Map<string, unknown>>, errors: 'loadErrors' | 'refreshErrors'): Promise<void> {
  let found: Map<string, unknown>;
  try {
    found = await running;
  } catch (error) {
    port.counters[errors]++;
    for (const { key, load } of parts) failedBehind(port, load, key, error);
    return;
  }
  for (const { key, load, context } of parts) await broughtBehind(port, load, key, context.result(found.get(key)), context);
}

function callMissing<T>(missing: ManyLoader<T>, keys: readonly string[], context: ManyLoaderContext): ReturnType<ManyLoader<T>> {
  // A function that declares only the keys may use a second argument for something else.
  if (missing.length < 2) return (missing as (keys: string[]) => ReturnType<ManyLoader<T>>)([...keys]);
  return missing([...keys], context);
}

/** Reads only own properties, because a key may be called `constructor`. A copy, because the loader may change its result later. */
function asMap<T>(found: unknown): Map<string, T> {
  if (found instanceof Map || Object.prototype.toString.call(found) === '[object Map]') return new Map(found as Map<string, T>);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) badOption('the result of missing', 'a Map or an object by key', found);
  return new Map(Object.entries(found as Record<string, T>));
}
