/** One `getOrSet`, from its first decision to its value. */
import { AsyncResource } from 'node:async_hooks';
import { onAbort } from '../abort';
import { nextTick } from '../clock';
import { UNDECIDED, type Call, type LoadOutcome } from './call';
import { Decision, Hit } from '../contract.generated';
import { decodeHit, decodeShared } from './decoding';
import { allowsMore, loadUncached, loaderTimedOut, refresh, runLoad, type Loader } from './load';
import { isNested, waitWithin } from './nesting';
import type { CallOptions } from './options';
import { warn, type CachePort } from './port';
import { answered } from './times';
import { waitLimits, type WaitLimits } from './wait_limits';
import type { Outcomes } from '../observe/cache_channels';
import type { CacheOutcome } from '../observe/cache_messages';

/** How often a caller starts again because the load that it joined was abandoned. */
export const ROUNDS_MAX = 5;

/** Counts a read with a value. A caller that joined a load is a miss. */
export function countHit(port: CachePort, call: Call, outcomes: Outcomes | undefined): void {
  if (call.isCounted) return;
  call.isCounted = true;
  const { counters } = port;
  answered(port, call, port.registration.times.reads);
  let outcome: CacheOutcome = 'remote_hit';
  if (call.hit === Hit.Fresh || call.hit === Hit.Early) {
    counters.hits++;
  } else if (call.hit === Hit.Stale) {
    counters.stale++;
    outcome = 'stale';
  } else {
    counters.misses++;
    if (!call.waitsElsewhere) counters.joins++;
    outcome = 'joined';
  }
  if (call.waitsElsewhere) counters.leaseWaits++;
  if (outcomes !== undefined) outcomes.note(outcome);
}

/** Counts a read without a value. */
export function countMiss(port: CachePort, call: Call, outcomes: Outcomes | undefined): void {
  if (call.isCounted) return;
  call.isCounted = true;
  const { counters } = port;
  counters.misses++;
  if (call.waitsElsewhere) counters.leaseWaits++;
  const outcome = outcomeOf(call);
  // Its caller has given up.
  if (outcome === undefined) return;
  // Without an answer of Redis there is no time that it took.
  if (outcome !== 'uncached' || call.waitedAt !== 0) answered(port, call, port.registration.times.reads);
  if (outcome === 'joined' && !call.waitsElsewhere) counters.joins++;
  outcomes?.note(outcome);
}

/** What a read without a value comes to. */
function outcomeOf(call: Call): CacheOutcome | undefined {
  switch (call.kind) {
    case UNDECIDED:
      return undefined;
    case Decision.Load:
      return call.isOffered ? 'miss' : 'uncached';
    case Decision.Nothing:
    case Decision.FailedWith:
      return 'joined';
    case Decision.Miss:
      return 'miss';
    default:
      return 'uncached';
  }
}

/** Reads a key, and loads it if the engine decides so. */
export function read<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  return isNested() ? waitWithin(port.prefix, [key], () => readKey(port, key, loader, o)) : readKey(port, key, loader, o);
}

async function readKey<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  if (o.signal !== undefined || o.rules?.softMs !== undefined || o.rules?.hardMs !== undefined) return readWithin(port, key, loader, o);
  const call = port.driver.getOrSet(port.repo, key, o, port.codec);
  await call.told();
  // A hit ends here: what an async function returns by another promise takes three more turns of the microtask queue.
  if (call.isLastHit) {
    const decoded = decodeHit(port, call);
    if (!decoded.ok) return again(port, call, key, loader, o, undefined, true);
    countHit(port, call, o.outcomes);
    return decoded.value as T;
  }
  return answer(port, call, key, loader, o);
}

/** The call that a caller waits for now, and how long it waits for the loaders of others. */
interface Standing {
  call: Call;
  wait: WaitLimits | undefined;
}

/** What a call's first decision means for its caller. */
async function answer<T>(port: CachePort, call: Call, key: string, loader: Loader<T>, o: CallOptions, standing?: Standing): Promise<T> {
  if (call.kind === Decision.Hit) {
    const decoded = decodeHit(port, call);
    if (!decoded.ok) return again(port, call, key, loader, o, standing, true);
    countHit(port, call, o.outcomes);
    if (call.mayRefresh) {
      // In the caller's async context and in a separate tick, because a loader must not run inside the engine's drain.
      call.onRefresh(AsyncResource.bind((load) => nextTick(() => void refresh(port, load, key, loader, o))));
    }
    return decoded.value as T;
  }
  countMiss(port, call, o.outcomes);
  switch (call.kind) {
    case Decision.Load:
      return runLoad(port, call, key, loader, o);
    case Decision.Nothing:
      return undefined as T;
    case Decision.FailedWith: {
      const { outcome } = call;
      // The load was abandoned: all callers that it ran for have given up.
      if (outcome === undefined) return again(port, call, key, loader, o, standing);
      if (outcome.payload === undefined && allowsMore(o, outcome.error)) return again(port, call, key, loader, o, standing);
      return joined(port, outcome, key, loader, o);
    }
    default:
      // A read does not fail because of the cache.
      if (call.kind === Decision.Error) warn(port, call.error('getOrSet', port.driver.node).message);
      return loadUncached(port, key, loader, o);
  }
}

/** The joined load failed, or succeeded with a value that must not be stored. */
async function joined<T>(port: CachePort, outcome: LoadOutcome, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  if (outcome.payload === undefined) throw outcome.error;
  const decoded = decodeShared(port, outcome.payload);
  return decoded.ok ? (decoded.value as T) : loadUncached(port, key, loader, o);
}

/** Starts again. `replaces`: the stored value could not be decoded and counts as missing; the loaded value replaces it. */
async function again<T>(port: CachePort, former: Call, key: string, loader: Loader<T>, o: CallOptions, standing?: Standing, replaces = false): Promise<T> {
  if (o.signal?.aborted === true) throw o.signal.reason;
  if (former.rounds >= ROUNDS_MAX || (replaces && former.isReplacing)) {
    countMiss(port, former, o.outcomes);
    return loadUncached(port, key, loader, o);
  }
  const call = port.driver.getOrSet(port.repo, key, o, port.codec, replaces);
  call.rounds = former.rounds + 1;
  call.isCounted = former.isCounted;
  call.isReplacing = replaces;
  call.onWaiting = former.onWaiting;
  if (standing !== undefined) standing.call = call;
  await call.next();
  standing?.wait?.end();
  return answer(port, call, key, loader, o, standing);
}

/**
 * Rejects with the signal's reason when it aborts, and when the call has waited too long for the loader of another one. A load that has begun
 * continues, for others and for the cache.
 */
function readWithin<T>(port: CachePort, key: string, loader: Loader<T>, o: CallOptions): Promise<T> {
  const { signal, rules } = o;
  if (signal?.aborted === true) {
    port.counters.misses++;
    return Promise.reject(signal.reason as Error);
  }
  const standing: Standing = { call: port.driver.getOrSet(port.repo, key, o, port.codec), wait: undefined };
  return new Promise<T>((resolve, reject) => {
    const giveUp = (reason: Error): void => {
      const { call } = standing;
      if (call.phase === 'asked' || call.phase === 'waiting') countMiss(port, call, o.outcomes);
      port.driver.abandon(call, reason);
      reject(reason);
    };
    const release = signal === undefined ? undefined : onAbort(signal, () => giveUp(signal.reason as Error));
    const wait = waitLimits(rules, () => port.driver.soften(standing.call), (ms) => giveUp(loaderTimedOut(port, ms)));
    standing.wait = wait;
    standing.call.onWaiting = wait?.begin;
    const value = standing.call.next().then((call) => {
      wait?.end();
      return answer(port, call, key, loader, o, standing);
    });
    void value.then(resolve, reject).finally(() => {
      wait?.end();
      release?.();
    });
  });
}
