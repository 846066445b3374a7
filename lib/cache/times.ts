/** How long the calls of a repository take: what Redis needs for its answers, what loaders need, and what callers wait for the loads of others. */
import type { Call } from './call';
import { Histogram } from './histogram';
import { elapsedMs, micros } from './micros';

/** Bounds for what Redis takes. */
const REDIS_MS = [0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 1000];
/** Bounds for what loaders take. */
const LOAD_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/** The distributions of one repository, or of all. */
export interface CacheTimes {
  /** From a read's call to Redis's answer. */
  readonly reads: Histogram;
  /** From a loader's value to Redis's answer that it is stored. */
  readonly stores: Histogram;
  /** From a write to Redis's answer. */
  readonly writes: Histogram;
  /** From an invalidation or a deletion to Redis's answer. */
  readonly invalidations: Histogram;
  /** Loaders, from start to end. */
  readonly loads: Histogram;
  /** Waits for the load of another caller. */
  readonly waits: Histogram;
}

const TIMES = ['reads', 'stores', 'writes', 'invalidations', 'loads', 'waits'] as const;

export function noTimes(): CacheTimes {
  const redis = (): Histogram => new Histogram(REDIS_MS);
  const loads = (): Histogram => new Histogram(LOAD_MS);
  return { reads: redis(), stores: redis(), writes: redis(), invalidations: redis(), loads: loads(), waits: loads() };
}

/** For repositories while metrics are switched off. */
export const UNTIMED = noTimes();

export function addTimes(to: CacheTimes, more: CacheTimes): void {
  for (const name of TIMES) to[name].add(more[name]);
}

export function resetTimes(times: CacheTimes): void {
  for (const name of TIMES) times[name].reset();
}

/** The port of a repository. */
interface Port {
  readonly registration: { readonly times: CacheTimes };
  readonly driver: { readonly decidedAt: number };
}

/** A call has its answer, which Redis or another's load has brought at `decidedAt`. What Redis took belongs to `redis`. */
export function answered({ registration: { times }, driver: { decidedAt } }: Port, call: Call, redis: Histogram): void {
  const { askedAt, waitedAt } = call;
  if (waitedAt === 0) return redis.observe(elapsedMs(askedAt, decidedAt));
  redis.observe(elapsedMs(askedAt, waitedAt));
  times.waits.observe(elapsedMs(waitedAt, decidedAt));
}

/** Waits for the decision about a value that was offered just now, and counts how long Redis took to store it. */
export async function stored({ registration, driver }: Port, decision: Promise<Call>): Promise<void> {
  const offeredAt = micros();
  const call = await decision;
  if (call.isStored) registration.times.stores.observe(elapsedMs(offeredAt, driver.decidedAt));
}
