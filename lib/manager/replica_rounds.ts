/**
 * Waits until the replicas of one master have what was deleted there. WAIT blocks its connection and counts only what that connection has written, so
 * this is a connection of its own. It deletes the same keys again, which makes it right whichever master the first deletion reached, writes a key
 * that expires, and then waits: a replica that has acknowledged this key has everything before it, whichever connection it came by.
 */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import { HawserError } from '../errors';
import { ReplyError } from '../observe/errors';
import { LATE, within } from './budget';
import { closeClient } from './close';

/** How long the written key lives. */
const MARK_MS = 1_000;
/** How much longer than WAIT the answer may take. */
export const GRACE_MS = 1_000;

/** What to wait for. */
export interface Task {
  /** Keys that were deleted. Those of one list are deleted by one DEL. */
  readonly deletions: readonly (readonly string[])[];
  /** A key that nothing else uses. */
  readonly mark: string;
  /** The slot of these keys is on its way to this master. */
  readonly asking: boolean;
  readonly minReplicas: number;
  readonly timeoutMs: number;
}

export interface Outcome {
  /** How many replicas have it; undefined if the server did not say. */
  readonly acknowledged: number | undefined;
  /** Keys that belong elsewhere, with the server's error. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

interface Waiter extends Task {
  readonly settle: (outcome: Outcome) => void;
}

const NOWHERE: ReadonlyMap<string, string> = new Map();
const UNKNOWN: Outcome = { acknowledged: undefined, elsewhere: NOWHERE };
const REDIRECT = /^(MOVED|ASK) /;

export class ReplicaRounds {
  private redis: Redis | undefined;
  private waiters: Waiter[] = [];
  private isRunning = false;
  private isClosed = false;

  constructor(
    private readonly open: () => Redis,
    /** Attempts, if the connection is lost meanwhile. */
    private readonly attempts: number,
  ) {}

  /** Whether somebody waits. */
  get isBusy(): boolean {
    return this.isRunning;
  }

  /** `host:port` of the master; undefined without a connection. */
  get node(): string | undefined {
    return this.redis?.[LIFE].link?.node;
  }

  /** Never rejects. Callers that come while others wait share the next round, so that none waits for more than two. */
  wait(task: Task): Promise<Outcome> {
    return new Promise((settle) => {
      this.waiters.push({ ...task, settle });
      if (!this.isRunning) void this.run();
    });
  }

  /** Who waits learns nothing more, and no other connection is opened. */
  async close(timeoutMs: number): Promise<void> {
    const { redis } = this;
    this.isClosed = true;
    this.redis = undefined;
    if (redis === undefined) return;
    // QUIT would wait behind WAIT.
    if (redis[LIFE].link?.isBlocked() === true) redis.disconnect();
    else await closeClient(redis, timeoutMs);
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    // Those of one tick share a round.
    await Promise.resolve();
    while (this.waiters.length > 0) {
      const round = this.waiters;
      this.waiters = [];
      const outcomes = await this.tryRound(round);
      round.forEach(({ settle }, i) => settle(outcomes?.[i] ?? UNKNOWN));
    }
    this.isRunning = false;
  }

  private async tryRound(round: readonly Waiter[]): Promise<readonly Outcome[] | undefined> {
    const timeoutMs = Math.max(...round.map((waiter) => waiter.timeoutMs));
    for (let left = this.attempts; left > 0; left--) {
      const outcomes = await within(this.attempt(round, timeoutMs), timeoutMs + GRACE_MS);
      if (outcomes === LATE) return undefined;
      if (outcomes !== undefined) return outcomes;
    }
    return undefined;
  }

  /** Undefined if something failed, or the connection is not the one that it was at the beginning. */
  private async attempt(round: readonly Waiter[], timeoutMs: number): Promise<readonly Outcome[] | undefined> {
    try {
      const redis = this.connection();
      await redis.ping();
      const before = redis[LIFE].link?.gauge.reconnects;
      const elsewhere = await Promise.all(round.map((waiter) => deleteAll(redis, waiter)));
      const marks = new Map<string, Promise<boolean>>();
      for (const { mark, asking } of round) if (!marks.has(mark)) marks.set(mark, write(redis, mark, asking));
      const most = Math.max(...round.map((waiter) => waiter.minReplicas));
      const [acknowledged, ...written] = await Promise.all([redis.wait(most, timeoutMs), ...marks.values()]);
      if (redis[LIFE].link?.gauge.reconnects !== before) return undefined;
      const names = [...marks.keys()];
      return round.map(({ mark }, i) => ({ acknowledged: written[names.indexOf(mark)] ? acknowledged : undefined, elsewhere: elsewhere[i] }));
    } catch {
      return undefined;
    }
  }

  private connection(): Redis {
    if (this.isClosed) throw new HawserError('E_CONN_CLOSED', 'RedisManager.closeAll was called');
    const { redis } = this;
    if (redis === undefined || redis.status === 'end' || redis[LIFE].isClosingByHand) return (this.redis = this.open());
    return redis;
  }
}

/** Resolves with what belongs elsewhere; rejects with any other failure. */
async function deleteAll(redis: Redis, { deletions, asking }: Task): Promise<ReadonlyMap<string, string>> {
  const elsewhere = new Map<string, string>();
  const one = async (keys: readonly string[]): Promise<void> => {
    const text = await redirectOf(() => redis.del([...keys]), redis, asking);
    if (text !== undefined) for (const key of keys) elsewhere.set(key, text);
  };
  await Promise.all(deletions.map(one));
  return elsewhere;
}

/** Writes the mark. False if it belongs elsewhere: what was deleted is then not known to be at the replicas. */
async function write(redis: Redis, mark: string, asking: boolean): Promise<boolean> {
  return (await redirectOf(() => redis.set(mark, '1', 'PX', MARK_MS), redis, asking)) === undefined;
}

/** Sends a command; resolves with the redirect that it gets, if it does. */
async function redirectOf(send: () => Promise<unknown>, redis: Redis, asking: boolean): Promise<string | undefined> {
  // For the next command alone.
  const asked = asking ? redis.asking() : undefined;
  try {
    await Promise.all([asked, send()]);
    return undefined;
  } catch (error) {
    if (error instanceof ReplyError && REDIRECT.test(error.message)) return error.message;
    throw error;
  }
}
