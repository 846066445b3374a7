/** `subscribeInvalidations`: reads the server's stream and keeps the query cache current. */
import { badOption } from '../errors';
import { checkOptions, checkUrl, type Checked, type InvalidationOptions, type InvalidationState } from './options';
import type { ServerEvent } from './event_parser';
import { Invalidator } from './invalidator';
import { watchPage } from './page';
import type { QueryClientLike } from './query_client';
import { open } from './transports';

/** Ends the subscription when it is called. */
export interface InvalidationSubscription {
  (): void;
  readonly state: InvalidationState;
  /** The latest position in the stream, for the option `cursor` of a later subscription. */
  readonly cursor: string | undefined;
}

/** A connection that lived this long was a good one: the next attempt comes soon. */
const GOOD_MS = 5_000;
/** How long the server may take to confirm a connection. */
const READY_MS = 30_000;
const LONGEST_PAUSE_MS = 600_000;

/**
 * Invalidates the queries whose `meta.tags` carry a tag that was invalidated on the server, once per burst. `url` is where `invalidationStream` answers. Reconnects with a growing delay and
 * resumes where it was; if the server says that invalidations may be missing, it invalidates every query with tags. Returns a function that ends it. Throws TypeError or RangeError
 * that names the argument or option.
 *
 *     const unsubscribe = subscribeInvalidations(queryClient, '/api/invalidations');
 */
export function subscribeInvalidations(queryClient: QueryClientLike, url: string | URL, options: InvalidationOptions = {}): InvalidationSubscription {
  if (typeof (queryClient as Partial<QueryClientLike> | null | undefined)?.invalidateQueries !== 'function') badOption('queryClient', 'a QueryClient', queryClient);
  const subscription = new Subscription(queryClient, checkUrl(url), checkOptions(options));
  const end = (): void => subscription.close();
  Object.defineProperty(end, 'state', { get: () => subscription.state });
  Object.defineProperty(end, 'cursor', { get: () => subscription.cursor });
  return end as InvalidationSubscription;
}

type Timer = ReturnType<typeof setTimeout>;

class Subscription {
  state: InvalidationState = 'connecting';
  cursor: string | undefined;
  private readonly invalidator: Invalidator;
  private attempts = 0;
  private openedAt: number | undefined;
  private disconnect: () => void = () => undefined;
  private timer: Timer | undefined;
  private silenceMs = READY_MS;
  /** The page is hidden, so there is no attempt until it is shown. */
  private isLeft = false;
  private unwatch: () => void = () => undefined;
  private readonly onAbort = (): void => this.close();

  constructor(
    client: QueryClientLike,
    private readonly url: URL,
    private readonly options: Checked,
  ) {
    this.cursor = options.cursor;
    this.invalidator = new Invalidator(client, options, this.cursor === undefined);
    if (options.signal?.aborted === true) {
      this.close();
      return;
    }
    options.signal?.addEventListener('abort', this.onAbort);
    this.unwatch = watchPage(options.hiddenMs, {
      online: () => {
        if (this.state === 'waiting' && !this.isLeft) this.connect();
      },
      left: () => this.leave(),
      shown: () => this.comeBack(),
    });
    this.connect();
  }

  close(): void {
    if (this.state === 'closed') return;
    this.disconnect();
    clearTimeout(this.timer);
    this.invalidator.close();
    this.options.signal?.removeEventListener('abort', this.onAbort);
    this.unwatch();
    this.enter('closed');
  }

  /** Gives the server its place back. */
  private leave(): void {
    if (this.isLeft || this.state === 'closed') return;
    this.isLeft = true;
    this.disconnect();
    clearTimeout(this.timer);
    this.enter('waiting');
  }

  private comeBack(): void {
    if (!this.isLeft || this.state === 'closed') return;
    this.isLeft = false;
    this.attempts = 0;
    this.connect();
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.openedAt = undefined;
    this.silenceMs = READY_MS;
    this.enter('connecting');
    if (this.state === 'closed') return; // The application's listener may have ended it.
    const target = new URL(this.url);
    // A parameter works with both transports and needs no preflight request.
    if (this.cursor !== undefined) target.searchParams.set('lastEventId', this.cursor);
    else target.searchParams.set('age', String(this.invalidator.ageMs()));
    let isOver = false;
    const failed = (error: Error & { status?: number; retryAfterMs?: number }): void => {
      if (isOver) return;
      isOver = true;
      this.failed(error);
    };
    const close = open(target.href, this.options, {
      alive: () => {
        if (!isOver) this.watch(failed);
      },
      event: (event) => {
        if (!isOver) this.on(event);
      },
      failed,
    });
    this.disconnect = () => {
      isOver = true;
      close();
    };
    this.watch(failed);
  }

  /** A connection that says nothing for too long is given up. */
  private watch(failed: (error: Error) => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      failed(new Error(`the stream of invalidations was silent for ${this.silenceMs} ms`));
    }, this.silenceMs);
  }

  private failed(error: Error & { status?: number; retryAfterMs?: number }): void {
    this.disconnect();
    clearTimeout(this.timer);
    // The server does not know such a cursor, so what is missing is asked for by the age of the data.
    if (error.status === 400) this.cursor = undefined;
    if (this.openedAt !== undefined && Date.now() - this.openedAt >= GOOD_MS) this.attempts = 0;
    const { minDelayMs, maxDelayMs, onError } = this.options;
    const longest = Math.min(minDelayMs * 2 ** Math.min(this.attempts++, 20), maxDelayMs);
    const delay = Math.max(longest * (0.5 + Math.random() / 2), Math.min(error.retryAfterMs ?? 0, LONGEST_PAUSE_MS));
    this.timer = setTimeout(() => this.connect(), delay);
    this.enter('waiting');
    call(() => onError?.(error));
  }

  private on({ type, data, id }: ServerEvent): void {
    if (this.openedAt === undefined) this.opened();
    switch (type) {
      case 'ready':
        this.ready(data);
        break;
      case 'invalidate': {
        const { tags } = parse(data);
        if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) this.invalidator.tags(tags);
        else this.misread(type);
        break;
      }
      case 'reset':
        this.invalidator.everything();
        break;
    }
    if (id !== '') this.cursor = id;
  }

  private ready(data: string): void {
    const { heartbeatMs } = parse(data);
    if (typeof heartbeatMs === 'number' && heartbeatMs > 0) this.silenceMs = heartbeatMs * 2.5 + 2_000;
  }

  private opened(): void {
    this.openedAt = Date.now();
    this.enter('open');
  }

  /** What an event said is lost, so it may have been anything. */
  private misread(type: string): void {
    this.invalidator.everything();
    call(() => this.options.onError?.(new Error(`the stream of invalidations has an event ${type} whose data is not understood`)));
  }

  private enter(state: InvalidationState): void {
    if (this.state === state && state !== 'connecting') return;
    this.state = state;
    call(() => this.options.onState?.(state));
  }
}

function parse(data: string): { tags?: unknown; heartbeatMs?: unknown } {
  try {
    const parsed: unknown = JSON.parse(data);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

/** The application's callbacks disturb nothing here: what they throw is an uncaught error. */
export function call(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}
