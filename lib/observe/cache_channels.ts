/**
 * The cache's diagnostics channels (`node:diagnostics_channel`). Operations with a duration are tracing channels, as `ioredis:command` is; an
 * eviction is a message. Nothing is built while nobody subscribes.
 */
import { channel, tracingChannel, type TracingChannel } from 'node:diagnostics_channel';
import type { CacheCallMessage, CacheEvictMessage, CacheLoadMessage, CacheOutcome } from './cache_messages';
import { hearing, type Instrument } from './instrument';

type Channel = TracingChannel<unknown, object>;
type Around<M> = <T>(instrument: Instrument, message: M, run: () => Promise<T>) => Promise<T>;

const isSubscribed = ({ start, end, asyncStart, asyncEnd, error }: Channel): boolean =>
  start.hasSubscribers || end.hasSubscribers || asyncStart.hasSubscribers || asyncEnd.hasSubscribers || error.hasSubscribers;

/** Operations of one kind, on a channel of their own. */
class Operations<M extends object> {
  private readonly channel: Channel;

  constructor(
    name: string,
    private readonly around: Around<M>,
  ) {
    this.channel = tracingChannel(name);
  }

  /** Whether somebody hears of them. */
  get areHeard(): boolean {
    return hearing.instrument !== undefined || isSubscribed(this.channel);
  }

  /** Runs an operation that somebody may hear of. */
  run<T>(message: M, run: () => Promise<T>): Promise<T> {
    const { instrument } = hearing;
    const traced = (): Promise<T> => (isSubscribed(this.channel) ? this.channel.tracePromise(run, message) : run());
    return instrument === undefined ? traced() : this.around(instrument, message, traced);
  }
}

const call: Around<CacheCallMessage> = (instrument, message, run) => instrument.call(message, run);

/** `getOrSet`, `getOrSetMany`. */
export const getOrSets = new Operations<CacheCallMessage>('hawser:cache:getOrSet', call);
/** `get`, `getMany`. */
export const gets = new Operations<CacheCallMessage>('hawser:cache:get', call);
/** `set`, `setWithTags`, `setMany`. */
export const sets = new Operations<CacheCallMessage>('hawser:cache:set', call);
/** Calls that delete or invalidate. */
export const invalidations = new Operations<CacheCallMessage>('hawser:cache:invalidate', call);
/** Loaders. */
export const loads = new Operations<CacheLoadMessage>('hawser:cache:load', (instrument, message, run) => instrument.load(message, run));

export type CallOperations = typeof getOrSets;

const evictions = channel('hawser:cache:evict');

/** A value had to make room. */
export function evicted(store: CacheEvictMessage['store'], repository: string | undefined, key?: string): void {
  if (!evictions.hasSubscribers) return;
  evictions.publish({ ...(repository === undefined ? {} : { repository }), store, ...(key === undefined ? {} : { key }) } satisfies CacheEvictMessage);
}

/** Takes down what the reads of one call come to. */
export class Outcomes {
  private readonly counts: Partial<Record<CacheOutcome, number>> = {};
  private last: CacheOutcome | undefined = undefined;

  /** A key has this outcome, in the place of another one that was noted before. */
  note(outcome: CacheOutcome, instead?: CacheOutcome): void {
    if (instead !== undefined && this.counts[instead] !== undefined) {
      this.counts[instead]--;
      if (this.counts[instead] === 0) delete this.counts[instead];
    }
    this.counts[outcome] = (this.counts[outcome] ?? 0) + 1;
    this.last = outcome;
  }

  /** Runs a read and puts into its message what it came to. */
  async into<T>(message: CacheCallMessage, isOne: boolean, run: () => Promise<T>): Promise<T> {
    message.outcomes = this.counts;
    try {
      const value = await run();
      if (isOne && this.last !== undefined) message.outcome = this.last;
      return value;
    } catch (error) {
      message.outcome = 'error';
      throw error;
    }
  }
}

/** A read that somebody may hear of. */
export function observedRead<T>(kind: CallOperations, operation: string, repository: string, keys: readonly string[], read: (outcomes: Outcomes) => Promise<T>, isOne = false): Promise<T> {
  const message: CacheCallMessage = { operation, repository, keys };
  const outcomes = new Outcomes();
  return kind.run(message, () => outcomes.into(message, isOne, () => read(outcomes)));
}
