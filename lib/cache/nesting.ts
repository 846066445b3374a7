/**
 * Loads within loads. A loader that asks for the key which it is loading, directly or through other loaders, would wait for itself: the call is
 * rejected instead. Which load a call comes from is known by its async context, which is followed only while loaders run.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { HawserError } from '../errors';
import { loads } from '../observe/cache_channels';
import type { CachePort } from './port';

/** A running loader and the loads that it waits for. */
interface Running {
  /** The keys that it loads, each with its repository's prefix. */
  readonly names: readonly string[];
  /** The loader in whose async context it was started. */
  readonly parent: Running | undefined;
  /** The loads that calls of its context wait for, each with the number of calls. */
  readonly awaited: Map<string, number>;
  isOver: boolean;
}

const now = performance.now.bind(performance);

const contexts = new AsyncLocalStorage<Running>();
/** The loaders that run, by the names of their keys. */
const running = new Map<string, Set<Running>>();
let count = 0;

/** Neither a prefix nor a key can hide the border: a prefix has no `#`. */
const nameOf = (prefix: string, key: string): string => `${prefix}#${key}`;

/** Ends the wait for a loader when its time is over. */
export type Limit = <T>(run: () => Promise<T>) => Promise<T>;

/** Runs the loader of these keys of a repository, where it is seen and its time counts. A loader that never settles is forgotten when its time is over. */
export async function runLoader<T>(
  { prefix, registration }: Pick<CachePort, 'prefix' | 'registration'>,
  keys: readonly string[],
  loader: () => PromiseLike<T> | T,
  limit: Limit,
): Promise<T> {
  const began = now();
  const names = keys.map((key) => nameOf(prefix, key));
  const own: Running = { names, parent: count === 0 ? undefined : current(), awaited: new Map(), isOver: false };
  count++;
  for (const name of names) {
    const loaders = running.get(name);
    if (loaders === undefined) running.set(name, new Set([own]));
    else loaders.add(own);
  }
  try {
    const run = (): Promise<T> => contexts.run(own, () => limit(async () => loader()));
    return await (loads.areHeard ? loads.run({ repository: prefix, keys }, run) : run());
  } finally {
    registration.times.loads.observe(now() - began);
    end(own);
  }
}

function end(own: Running): void {
  own.isOver = true;
  for (const name of own.names) {
    const loaders = running.get(name);
    loaders?.delete(own);
    if (loaders?.size === 0) running.delete(name);
  }
  // Following contexts makes every promise of the process dearer.
  if (--count === 0) contexts.disable();
}

/** The loader that this code belongs to. What a loader has left running after it settled belongs to the loader around it, if there is one. */
function current(): Running | undefined {
  let loader = contexts.getStore();
  while (loader?.isOver === true) loader = loader.parent;
  return loader;
}

/** Whether the caller is a loader, so that `waitWithin` has to be asked. */
export function isNested(): boolean {
  return count > 0 && current() !== undefined;
}

/** A call of a loader for these keys. Throws HawserError `E_LOAD_CYCLE` where it would wait for itself. */
export async function waitWithin<T>(prefix: string, keys: readonly string[], call: () => Promise<T>): Promise<T> {
  const loader = current();
  if (loader === undefined) return call();
  const names = keys.map((key) => nameOf(prefix, key));
  if (names.some((name) => leadsBack(name, loader, new Set()))) throw cycle(prefix);
  for (const name of names) loader.awaited.set(name, (loader.awaited.get(name) ?? 0) + 1);
  try {
    return await call();
  } finally {
    for (const name of names) {
      const waits = (loader.awaited.get(name) ?? 1) - 1;
      if (waits > 0) loader.awaited.set(name, waits);
      else loader.awaited.delete(name);
    }
  }
}

/** Whether a load of `name` waits, itself or through others, for `loader` or one around it. */
function leadsBack(name: string, loader: Running, seen: Set<string>): boolean {
  if (seen.has(name)) return false;
  seen.add(name);
  for (const other of running.get(name) ?? []) {
    for (let around: Running | undefined = loader; around !== undefined; around = around.parent) if (around === other) return true;
    for (const next of other.awaited.keys()) if (leadsBack(next, loader, seen)) return true;
  }
  return false;
}

function cycle(prefix: string): HawserError {
  return new HawserError(
    'E_LOAD_CYCLE',
    `cache ${JSON.stringify(prefix)}: a loader asks for a key that waits for this very loader, directly or through other loaders. ` +
      'Read the key with get(), which waits for nobody, or load what both need under a key of its own',
  );
}
