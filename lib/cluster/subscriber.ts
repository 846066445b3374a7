/**
 * The connection for SUBSCRIBE and PSUBSCRIBE: one to any node, made with the first subscription. If it is lost, another node takes over
 * and gets the subscriptions.
 */
import { clearTimeout, setTimeout } from '../clock';
import { Command } from '../command/command';
import { LIFE } from '../command/command_defaults';
import { Redis } from '../client/redis';
import { noop } from '../client/lifecycle';
import type { ClientOptions } from '../options/options';
import { Channels, whenConfirmed, type Channel } from './channels';

/** The names of the connections that a cluster opens besides those of its nodes. */
export function connectionName(component: string, own: unknown): string {
  const prefix = `ioredis-cluster(${component})`;
  return own ? `${prefix}:${String(own)}` : prefix;
}

const MESSAGES = ['message', 'messageBuffer', 'pmessage', 'pmessageBuffer', 'smessage', 'smessageBuffer'];
/** After a failure the next one is tried at once, then at growing distances. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** A subscription that was lost as often as this is given up. */
const MOST_ATTEMPTS = 16;

/** Passes the messages of `redis` on while it is the current connection: its successor gets what arrives on a former one as well. */
export function forwardMessages(redis: Redis, isCurrent: () => boolean, emit: (event: string, ...args: unknown[]) => void): void {
  for (const event of MESSAGES) {
    redis.on(event, (...args: unknown[]) => {
      if (isCurrent()) emit(event, ...args);
    });
  }
}

/** A connection to the same node as `redis`, for another purpose: it does not reconnect, and its commands come ready made. */
export function companionOf(redis: Redis, component: string, options: object = {}): Redis {
  const { options: own } = redis;
  return new Redis({
    ...own,
    connectionName: connectionName(component, own.connectionName),
    keyPrefix: '',
    enableAutoPipelining: false,
    enableOfflineQueue: true,
    lazyConnect: true,
    readOnly: false,
    retryStrategy: null,
    scripts: undefined,
    ...options,
  } as ClientOptions<'legacy'>);
}

export interface SubscriberHost {
  /** A node to connect to, if there is one; not `former`, if there is another. */
  sample(former: string | undefined): Redis | undefined;
  keyOf(redis: Redis): string;
  emit(event: string, ...args: unknown[]): void;
}

function fail(command: Command): void {
  command.deliverFailure({ code: 'E_CONN_CLOSED', node: '' });
}

export class Subscriber {
  /** Called when a connection has taken over the subscriptions of a former one. Messages that were published in between have not arrived. */
  onRestored: (() => void) | undefined = undefined;
  private readonly attempts = new WeakMap<Command, number>();
  private redis: Redis | undefined = undefined;
  private key: string | undefined = undefined;
  private isStarted = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined = undefined;
  private readonly channels = new Channels();
  private readonly patterns = new Channels();
  /** Subscriptions that a connection took with it before they were confirmed. */
  private lost: Command[] = [];
  /** What a connection is sent to take over the subscriptions of the former one. The next one is sent its own. */
  private readonly restoring = new WeakSet<Command>();

  constructor(private readonly host: SubscriberHost) {}

  /** The connection, if there is a node to connect to. */
  get connection(): Redis | undefined {
    return this.redis;
  }

  start(): void {
    this.isStarted = true;
    this.select();
  }

  stop(): void {
    this.isStarted = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    this.drop();
    for (const command of this.lost.splice(0)) fail(command);
  }

  /** A node was added. */
  onNode(): void {
    if (this.isStarted && this.redis === undefined && this.timer === undefined) this.select();
  }

  /** A node has left. */
  onNodeGone(key: string): void {
    if (this.isStarted && this.redis !== undefined && key === this.key) this.select();
  }

  /** The connection that takes this subscription; undefined if there is no node. */
  take(command: Command): Redis | undefined {
    if (this.redis === undefined) return undefined;
    const set = command.meta.lower.startsWith('p') ? this.patterns : this.channels;
    whenConfirmed(command, (subscribes, channels) => {
      if (subscribes) set.add(channels);
      else set.remove(channels);
    });
    return this.redis;
  }

  private drop(): void {
    const { redis } = this;
    this.redis = undefined;
    this.key = undefined;
    redis?.disconnect();
  }

  private select(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const former = this.key;
    this.drop();
    const node = this.host.sample(former);
    if (node === undefined) return;
    const redis = companionOf(node, 'subscriber', { enableReadyCheck: true });
    this.redis = redis;
    this.key = this.host.keyOf(node);
    redis[LIFE].setOwner({
      onRefused: () => false,
      onHandedBack: (command) => this.onHandedBack(command, redis),
    });
    // The node's own connection tells of its failures.
    redis.on('error', noop);
    redis.once('ready', () => (this.failures = 0));
    redis.once('end', () => {
      if (this.redis === redis) this.replace();
    });
    forwardMessages(redis, () => this.redis === redis, (event, ...args) => this.host.emit(event, ...args));
    this.restore(redis);
    for (const command of this.lost.splice(0)) this.take(command)?.sendCommand(command, {});
  }

  private restore(redis: Redis): void {
    if (this.channels.size === 0 && this.patterns.size === 0) return;
    const subscribe = (name: string, channels: Channel[]): Promise<unknown> | undefined => {
      if (channels.length === 0) return undefined;
      const command = new Command(name, channels);
      this.restoring.add(command);
      return redis.sendCommand(command) as Promise<unknown>;
    };
    Promise.all([subscribe('subscribe', this.channels.list()), subscribe('psubscribe', this.patterns.list())])
      .then(() => this.onRestored?.())
      .catch(noop);
  }

  /** The next connection gets it. */
  private onHandedBack(command: Command, redis: Redis): void {
    if (this.restoring.has(command)) return fail(command);
    const attempts = (this.attempts.get(command) ?? 0) + 1;
    this.attempts.set(command, attempts);
    if (!this.isStarted || attempts > MOST_ATTEMPTS || command.meta.lower === 'quit') return fail(command);
    if (this.redis === undefined || this.redis === redis) this.lost.push(command);
    else this.take(command)?.sendCommand(command, {});
  }

  private replace(): void {
    if (!this.isStarted) return;
    if (this.failures++ === 0) return this.select();
    this.timer = setTimeout(() => this.select(), Math.min(FIRST_PAUSE_MS * 2 ** this.failures, LONGEST_PAUSE_MS));
  }
}
