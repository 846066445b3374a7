/** The invalidation bus between instances of an application. It uses the manager's subscriber and publisher connections. */
import { EventEmitter } from 'node:events';
import { emitLater } from '../guard';
import { turn } from '../turns';
import { checkFunction, checkNames, checkText } from '../cache/validate';
import { withinBudget } from '../manager/budget';
import { whenSubscribedAgain } from '../manager/cluster';
import { noop } from '../client/lifecycle';
import { client, logger, onClose, settings, type Client } from '../manager/connections';
import { withoutArguments } from '../observe/tracing';
import { checkMessage, copyOf, parseMessage, type CacheInvalidationMessage } from './message';

export type { CacheInvalidationMessage };

/** Options of `PubSubService.initialize`. */
export interface PubSubOptions {
  /** The channel, which must be the same in all instances. Default `shipcrowd:cache:invalidation`. */
  channel?: string;
}

/** Events of the bus and the arguments of their listeners. */
export interface PubSubEvents {
  /** A listener threw, or its promise rejected. */
  listenerError: [error: unknown, info: { id: string; message: CacheInvalidationMessage }];
  /** The channel received text that is not a message of the bus. */
  badMessage: [info: { reason: string }];
  /**
   * Messages may be missing, so drop what they could be about. `id`: this listener still worked on `MAX_PENDING` messages, and newer ones were
   * not given to it, `dropped` so far. Without an id: the connection was lost, or the server cut a subscriber that was too slow, and is back.
   */
  gap: [info: { id?: string; dropped?: number }];
}

/** Gets each message of the bus. What it returns is awaited; what it throws is logged. */
export type InvalidationListener = (message: CacheInvalidationMessage) => unknown;

const DEFAULT_CHANNEL = 'shipcrowd:cache:invalidation';
const OPTIONS: ReadonlySet<string> = new Set(['channel']);

interface Subscription {
  readonly channel: string;
  /** Absent on `memory://`. */
  readonly redis: Client | undefined;
  isOver: boolean;
  /** Settles with Redis's answer. */
  readonly ready: Promise<void>;
  /** Reports interruptions from now on. */
  watch(): void;
  stop(): void;
}

/** The time budget of each call of the bus. */
export const BUS_TIMEOUT_MS = 5_000;

/** Messages that one listener may be working on: more are dropped. */
export const MAX_PENDING = 10_000;

/** A listener, and what it has not finished. */
interface Listening {
  readonly callback: InvalidationListener;
  pending: number;
  /** Messages dropped since it was last idle enough. */
  dropped: number;
}

let channel = DEFAULT_CHANNEL;
let subscription: Subscription | undefined;
/** One that Redis has not confirmed. */
let pending: Subscription | undefined;
const listeners = new Map<string, Listening>();
const events = new EventEmitter<PubSubEvents>();

onClose(() => {
  for (const open of takeOpen()) {
    open.isOver = true;
    open.stop();
  }
});

function takeOpen(): Subscription[] {
  const open = [subscription, pending].filter((each) => each !== undefined);
  subscription = pending = undefined;
  return open;
}

/**
 * Tells the other instances of an application which of their in-memory data to drop. (A `CacheRepository` needs no bus, because its
 * entries are shared.) Messages are the JSON `{ type, target, source? }` on the channel `shipcrowd:cache:invalidation`. A message reaches
 * all instances that are connected when it is published, including the publisher's own.
 *
 *     PubSubService.onInvalidation('permissions', ({ target }) => permissions.drop(target));
 *     await PubSubService.initialize();
 *     await PubSubService.publish({ type: 'tags', target: ['company:1:orders'], source: 'OrderService' });
 *
 * On `memory://` messages stay inside the process.
 */
export class PubSubService {
  /**
   * Subscribes. Calling it again does nothing, unless the subscriber's client was replaced or the channel differs. After a reconnect, the
   * client subscribes again on its own. `RedisManager.closeAll` ends the subscription and keeps the listeners; call `initialize` again
   * afterwards. Rejects with a HawserError if Redis does not confirm within 5,000 ms or within a request's retries; the former channel then
   * stays in use, if there is one, and you may call it again.
   */
  static async initialize(options: PubSubOptions = {}): Promise<void> {
    const { channel: named } = checkNames('pubsub', options, OPTIONS);
    if (named !== undefined) checkText('pubsub.channel', named);
    const wanted = named ?? channel;
    const redis = settings().endpoint.memory ? undefined : client('subscriber');
    const isWanted = (open: Subscription | undefined): boolean => open !== undefined && open.channel === wanted && open.redis === redis;
    channel = wanted;
    if (isWanted(pending)) return pending?.ready;
    if (pending !== undefined) leave(pending).catch(noop);
    pending = undefined;
    if (isWanted(subscription)) return;
    if (subscription !== undefined && subscription.redis !== redis) {
      // Its client has ended.
      subscription.stop();
      subscription = undefined;
    }
    await subscribe(redis);
  }

  /** Ends the subscription. Listeners stay registered. Rejects with a HawserError if Redis does not confirm within 5,000 ms. */
  static async close(): Promise<void> {
    await Promise.all(takeOpen().map((open) => leave(open, 'bus close')));
  }

  /**
   * Publishes a message. Resolves when Redis has accepted it. Rejects with a TypeError if `message` is invalid, otherwise with a
   * HawserError, at the latest after 5,000 ms. If the error's `maybeExecuted` is true, the message may still go out.
   */
  static async publish(message: CacheInvalidationMessage): Promise<void> {
    checkMessage(message);
    const text = JSON.stringify(message);
    if (settings().endpoint.memory) {
      await turn();
      if (subscription !== undefined) receive(text);
      return;
    }
    const redis = client('publisher');
    await withinBudget('bus publish', redis, redis.publish(channel, text), BUS_TIMEOUT_MS);
  }

  /** Registers a listener under an id. It replaces an earlier listener with the same id. */
  static onInvalidation(id: string, callback: InvalidationListener): void {
    checkText('id', id);
    checkFunction('callback', callback);
    listeners.set(id, { callback, pending: 0, dropped: 0 });
  }

  /** Removes a listener. Returns whether there was one. */
  static offInvalidation(id: string): boolean {
    return listeners.delete(id);
  }

  /** Listens to events of the bus: `listenerError`, `badMessage`, `gap`. */
  static on<E extends keyof PubSubEvents>(event: E, listener: (...args: PubSubEvents[E]) => void): void {
    events.on(event, listener as never);
  }

  /** Stops listening to an event of the bus. */
  static off<E extends keyof PubSubEvents>(event: E, listener: (...args: PubSubEvents[E]) => void): void {
    events.off(event, listener as never);
  }
}

/** Until Redis has confirmed another channel, the former one is listened to. It stays if the change fails. */
async function subscribe(redis: Client | undefined): Promise<void> {
  const next = listen(redis, channel);
  pending = next;
  try {
    await next.ready;
  } catch (error) {
    // Redis may carry it out later.
    leave(next).catch(noop);
    if (pending === next) {
      pending = undefined;
      if (subscription !== undefined) channel = subscription.channel;
    }
    throw error;
  }
  if (pending !== next) return;
  const former = subscription;
  subscription = next;
  pending = undefined;
  const left = former === undefined ? undefined : leave(former);
  // From here on another connection is an interruption.
  next.watch();
  await left;
}

/** Subscribes to a channel. */
function listen(redis: Client | undefined, own: string): Subscription {
  const onMessage = (from: string, text: string): void => {
    if (from === own) receive(text);
  };
  let unwatch = noop;
  redis?.on('message', onMessage);
  const subscribed = redis === undefined ? Promise.resolve() : withinBudget('bus initialize', redis, redis.subscribe(own), BUS_TIMEOUT_MS);
  return {
    channel: own,
    redis,
    isOver: false,
    ready: subscribed.then(noop),
    watch: () => {
      if (redis !== undefined) unwatch = whenSubscribedAgain(redis, onGap);
    },
    stop: () => {
      redis?.off('message', onMessage);
      unwatch();
    },
  };
}

/** Ends a subscription, if it is not over. */
async function leave(former: Subscription, operation = 'bus initialize'): Promise<void> {
  const { redis, isOver } = former;
  if (isOver) return;
  former.isOver = true;
  former.stop();
  if (redis !== undefined) await withinBudget(operation, redis, redis.unsubscribe(former.channel), BUS_TIMEOUT_MS);
}

function receive(text: string): void {
  let message: CacheInvalidationMessage;
  try {
    message = parseMessage(text);
  } catch (error) {
    const reason = (error as Error).message;
    logger().warn(`[hawser] bus: a message was dropped: ${reason}`);
    emitLater(events, 'badMessage', { reason });
    return;
  }
  for (const [id, listener] of [...listeners]) give(id, listener, message);
}

/** Each listener runs in its own microtask, so that neither a throw nor a rejection reaches the other listeners or the connection. */
function give(id: string, listener: Listening, message: CacheInvalidationMessage): void {
  if (listener.pending >= MAX_PENDING) return drop(id, listener);
  const own = copyOf(message);
  listener.pending++;
  void Promise.resolve()
    .then(() => listener.callback(own))
    .catch((error: unknown) => {
      logger().error(`[hawser] bus: the listener ${JSON.stringify(id)} failed:`, withoutArguments(error));
      emitLater(events, 'listenerError', error, { id, message });
    })
    .then(() => {
      listener.pending--;
      if (listener.dropped === 0 || listener.pending > MAX_PENDING / 2) return;
      logger().warn(`[hawser] bus: the listener ${JSON.stringify(id)} was too slow, and ${listener.dropped} messages were dropped`);
      emitLater(events, 'gap', { id, dropped: listener.dropped });
      listener.dropped = 0;
    });
}

/** Says at once that it drops, and how many when the listener has caught up. */
function drop(id: string, listener: Listening): void {
  if (listener.dropped++ > 0) return;
  logger().warn(`[hawser] bus: the listener ${JSON.stringify(id)} works on ${MAX_PENDING} messages; newer ones are dropped until it has caught up`);
  emitLater(events, 'gap', { id, dropped: 1 });
}

/** The subscription is back, and what was published meanwhile is gone. */
function onGap(): void {
  logger().info('[hawser] bus: the subscription was interrupted; messages may be missing');
  emitLater(events, 'gap', {});
}
