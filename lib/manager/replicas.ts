/**
 * What an acknowledgement is worth: waits until replicas have what an invalidation deleted (`minReplicas`). WAIT blocks its connection and counts
 * only what that connection has written, so this is a connection of its own. It deletes the same keys again, which makes it
 * right whichever master the first deletion reached, writes one key that expires, and then waits.
 */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { LATE, within } from './budget';
import { closeClient } from './close';
import { onClose, openClient } from './connections';

/** How many keys one DEL names. */
const KEYS_PER_DEL = 500;
/** How long the written key lives. */
const MARK_MS = 1_000;
/** How much longer than WAIT the answer may take. */
const GRACE_MS = 1_000;
/** Attempts, if the connection is lost meanwhile. */
const ATTEMPTS = 2;

/** What to wait for. */
export interface Demand {
  /** Keys that were deleted. */
  readonly keys: readonly string[];
  /** A key that nothing else uses. */
  readonly mark: string;
  readonly minReplicas: number;
  readonly timeoutMs: number;
}

/** How many replicas have acknowledged; `undefined` if the server did not say. */
export type Acknowledged = number | undefined;

interface Waiter extends Demand {
  readonly settle: (acknowledged: Acknowledged) => void;
}

let redis: Redis | undefined;
let waiters: Waiter[] = [];
let isRunning = false;

onClose(async (timeoutMs) => {
  const client = redis;
  redis = undefined;
  if (client === undefined) return;
  // QUIT would wait behind WAIT.
  if (client[LIFE].link?.isBlocked() === true) client.disconnect();
  else await closeClient(client, timeoutMs);
});

/** Waits for replicas. Never rejects. Callers that come while others wait share the next round, so that none waits for more than two. */
export function acknowledge(demand: Demand): Promise<Acknowledged> {
  return new Promise((settle) => {
    waiters.push({ ...demand, settle });
    if (!isRunning) void run();
  });
}

async function run(): Promise<void> {
  isRunning = true;
  // Those of one tick share a round.
  await Promise.resolve();
  while (waiters.length > 0) {
    const round = waiters;
    waiters = [];
    const acknowledged = await attempts(round);
    for (const { settle } of round) settle(acknowledged);
  }
  isRunning = false;
}

async function attempts(round: readonly Waiter[]): Promise<Acknowledged> {
  const timeoutMs = Math.max(...round.map((waiter) => waiter.timeoutMs));
  for (let left = ATTEMPTS; left > 0; left--) {
    const outcome = await within(attempt(round, timeoutMs), timeoutMs + GRACE_MS);
    if (outcome === LATE) return undefined;
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

/** Undefined if something failed, or the connection is not the one that it was at the beginning. */
async function attempt(round: readonly Waiter[], timeoutMs: number): Promise<Acknowledged> {
  try {
    const client = connection();
    const keys = [...new Set(round.flatMap((waiter) => waiter.keys))];
    await client.ping();
    const before = client[LIFE].link?.gauge.reconnects;
    const deletions: Promise<unknown>[] = [];
    for (let at = 0; at < keys.length; at += KEYS_PER_DEL) deletions.push(client.del(keys.slice(at, at + KEYS_PER_DEL)));
    await Promise.all(deletions);
    const most = Math.max(...round.map((waiter) => waiter.minReplicas));
    const [, acknowledged] = await Promise.all([client.set(round[0].mark, '1', 'PX', MARK_MS), client.wait(most, timeoutMs)]);
    return client[LIFE].link?.gauge.reconnects === before ? acknowledged : undefined;
  } catch {
    return undefined;
  }
}

/** WAIT must not be sent again: on a new connection it would wait for nothing. */
function connection(): Redis {
  if (redis === undefined || redis.status === 'end' || redis[LIFE].isClosingByHand) redis = openClient('replicas') as Redis;
  return redis;
}
