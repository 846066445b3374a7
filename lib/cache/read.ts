/** One `getOrSet`, from its first decision to its value. */
import { AsyncResource } from 'node:async_hooks';
import { nextTick } from '../clock';
import type { Call, LoadOutcome } from './call';
import { loadUncached, refresh, runLoad, type Loader } from './load';
import { Decision, Hit } from '../contract.generated';
import { isNested, waitWithin } from './nesting';
import type { CallOptions } from './options';
import { warn, type CachePort } from './port';

/** Decoding can fail if this repository's serializer did not write the text. */
export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

export function decode(port: CachePort, call: Call): Decoded {
  try {
    return { ok: true, value: port.serializer.deserialize(call.a as string) };
  } catch (error) {
    warn(port, `an entry's value could not be read and counts as a miss: ${error instanceof Error ? error.name : 'an error'} from the serializer`);
    return { ok: false };
  }
}

/** Counts a read with a value. A caller that joined a load is a miss. */
export function countHit(port: CachePort, call: Call): void {
  if (call.hit === Hit.Fresh) port.counters.hits++;
  else if (call.hit === Hit.Stale) port.counters.stale++;
  else port.counters.misses++;
}

/** Reads a key, and loads it if the engine decides so. */
export function read<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  return isNested() ? waitWithin(port.emitter.prefix, [key], () => readKey(port, key, loader, o)) : readKey(port, key, loader, o);
}

async function readKey<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  if (o.signal !== undefined) return readUntilAborted(port, key, loader, o, o.signal);
  const call = port.driver.getOrSet(port.repo, key, o);
  await call.next();
  return answer(port, call, key, loader, o);
}

/** What a call's first decision means for its caller. */
async function answer<T>(port: CachePort, call: Call, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  if (call.kind === Decision.Hit) {
    const decoded = decode(port, call);
    if (!decoded.ok) return replaced(port, key, loader, o);
    countHit(port, call);
    if (call.isStaleHit) {
      // In the caller's async context and in a separate tick, because a loader must not run inside the engine's drain.
      call.onRefresh(AsyncResource.bind((load) => nextTick(() => void refresh(port, load, key, loader, o))));
    }
    return decoded.value as T;
  }
  port.counters.misses++;
  switch (call.kind) {
    case Decision.Load:
      return runLoad(port, call, key, loader, o);
    case Decision.Nothing:
      return undefined as T;
    case Decision.FailedWith:
      return joined(port, call.a as LoadOutcome | undefined, key, loader, o);
    default:
      // A read does not fail because of the cache.
      if (call.kind === Decision.Error) warn(port, call.error('getOrSet', port.driver.node).message);
      return loadUncached(port, key, loader, o);
  }
}

/** The joined load failed, or succeeded with a value that must not be stored. */
async function joined<T>(port: CachePort, outcome: LoadOutcome | undefined, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  if (outcome === undefined) return loadUncached(port, key, loader, o);
  if (outcome.payload !== undefined) return port.serializer.deserialize(outcome.payload) as T;
  throw outcome.error;
}

/** The stored value cannot be decoded, so the key is read once more as if there were no entry. The loaded value replaces it. */
async function replaced<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const call = await port.driver.getOrSet(port.repo, key, o, true).next();
  if (call.kind === Decision.Hit && !decode(port, call).ok) {
    port.counters.misses++;
    return loadUncached(port, key, loader, o);
  }
  return answer(port, call, key, loader, o);
}

/** Rejects with the signal's reason when it aborts. A load that has begun continues, for others and for the cache. */
function readUntilAborted<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    port.counters.misses++;
    return Promise.reject(signal.reason as Error);
  }
  const call = port.driver.getOrSet(port.repo, key, o);
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      if (call.phase === 'asked' || call.phase === 'waiting') {
        port.driver.cancel(call);
        port.counters.misses++;
      }
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    const value = call.next().then(() => answer(port, call, key, loader, o));
    void value.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
