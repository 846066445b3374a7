/**
 * The connections for SSUBSCRIBE: one to each master whose slots have channels. When a slot moves or a connection is lost, its channels are
 * subscribed to where the slot is now.
 */
import { clearTimeout, setTimeout } from '../clock';
import { LIFE } from '../command/command_defaults';
import { Command } from '../command/command';
import type { Redis } from '../client/redis';
import { noop } from '../client/lifecycle';
import { AbortError } from '../observe/errors';
import type { ResolvedClusterOptions } from '../options/cluster_options';
import { Channels, whenConfirmed } from './channels';
import { slotOf } from './slot';
import { companionOf, forwardMessages } from './subscriber';

export interface ShardHost {
  readonly options: ResolvedClusterOptions;
  masterOf(slot: number): Redis | undefined;
  masters(): Redis[];
  keyOf(redis: Redis): string;
  /** Reads the map again. */
  refresh(): void;
  emit(event: string, ...args: unknown[]): void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;

interface SlotChannels {
  readonly channels: Channels;
  /** The connection that has them, or was asked for them. */
  on: Redis | undefined;
}

export class ShardSubscribers {
  private readonly connections = new Map<string, Redis>();
  private readonly slots = new Map<number, SlotChannels>();
  private isStarted = false;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined = undefined;
  /** How often a subscription was refused or lost. */
  private readonly attempts = new WeakMap<Command, number>();
  /** Subscriptions that are about to be sent once more. */
  private readonly waiting = new Map<NodeJS.Timeout, Command>();
  /** What connections are sent to take slots' channels over. If one fails, `restore` looks for the slot's place again. */
  private readonly restoring = new WeakSet<Command>();

  constructor(private readonly host: ShardHost) {}

  list(): Redis[] {
    return [...this.connections.values()];
  }

  start(): void {
    this.isStarted = true;
  }

  stop(): void {
    this.isStarted = false;
    clearTimeout(this.timer);
    this.timer = undefined;
    for (const [timer, command] of this.waiting) {
      clearTimeout(timer);
      command.deliverFailure({ code: 'E_CONN_CLOSED', node: '' });
    }
    this.waiting.clear();
    for (const key of [...this.connections.keys()]) this.drop(key);
    for (const slot of this.slots.values()) slot.on = undefined;
  }

  /** The slots may belong to others than before. */
  onMapped(): void {
    if (!this.isStarted) return;
    const masters = new Set(this.host.masters().map((redis) => this.host.keyOf(redis)));
    for (const key of [...this.connections.keys()]) if (!masters.has(key)) this.drop(key);
    if (this.host.options.shardedSubscribers) {
      for (const master of this.host.masters()) this.connectionTo(master);
      if (this.slots.size === 0) this.host.emit('subscribersReady');
    }
    this.restore();
  }

  /** The connection that takes the subscription of these channels, or why there is none. */
  take(command: Command, slot: number): Redis | Error {
    if (command.args.some((channel) => slotOf(channel) !== slot)) {
      return new AbortError('Possible CROSSSLOT error: All channels must hash to the same slot');
    }
    const master = slot < 0 ? this.host.masters()[0] : this.host.masterOf(slot);
    if (master === undefined) return new AbortError(`No sharded subscriber for slot: ${slot}`);
    const redis = this.connectionTo(master);
    whenConfirmed(command, (subscribes, channels) => {
      this.failures = 0;
      if (subscribes) this.slot(slot, redis).channels.add(channels);
      else this.remove(slot, channels);
    });
    if (slot < 0) for (const other of this.connections.values()) if (other !== redis) other.sunsubscribe().catch(noop);
    return redis;
  }

  private slot(slot: number, on: Redis): SlotChannels {
    let known = this.slots.get(slot);
    if (known === undefined) this.slots.set(slot, (known = { channels: new Channels(), on }));
    known.on = on;
    return known;
  }

  private remove(slot: number, channels: Parameters<Channels['remove']>[0]): void {
    if (slot < 0) return this.slots.clear();
    const known = this.slots.get(slot);
    known?.channels.remove(channels);
    if (known?.channels.size === 0) this.slots.delete(slot);
  }

  private connectionTo(master: Redis): Redis {
    const key = this.host.keyOf(master);
    const known = this.connections.get(key);
    if (known !== undefined) return known;
    const { redisOptions } = this.host.options;
    const redis = companionOf(master, 'ssubscriber', { enableReadyCheck: false, lazyConnect: redisOptions?.lazyConnect ?? true });
    this.connections.set(key, redis);
    redis[LIFE].setOwner({
      onRefused: (command, text) => /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING)\b/.test(text) && this.tryAgain(command),
      onHandedBack: (command) => {
        if (!this.isStarted || !this.tryAgain(command)) command.deliverFailure({ code: 'E_CONN_CLOSED', node: key });
      },
    });
    redis.on('error', (error) => this.host.emit('nodeError', error, key));
    redis.on('moved', () => this.onLost());
    redis.once('end', () => {
      if (this.connections.get(key) !== redis) return;
      this.drop(key);
      this.host.emit('-node', redis, key);
      for (const slot of this.slots.values()) if (slot.on === redis) slot.on = undefined;
      this.onLost();
    });
    forwardMessages(redis, () => this.connections.get(key) === redis, (event, ...args) => this.host.emit(event, ...args));
    this.host.emit('+subscriber');
    return redis;
  }

  private drop(key: string): void {
    const redis = this.connections.get(key);
    if (redis === undefined) return;
    this.connections.delete(key);
    for (const slot of this.slots.values()) if (slot.on === redis) slot.on = undefined;
    redis.disconnect();
    this.host.emit('-subscriber');
  }

  /** A server has taken a channel away, or a connection is lost: looks for the slots' new places. */
  private onLost(): void {
    if (!this.isStarted) return;
    this.host.refresh();
    this.restoreLater();
  }

  private restoreLater(): void {
    if (this.timer !== undefined) return;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.failures++, LONGEST_PAUSE_MS);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.restore();
    }, pause);
  }

  /** Subscribes to all channels that are not where their slot is. */
  private restore(): void {
    if (!this.isStarted) return;
    for (const [slot, known] of this.slots) {
      const master = this.host.masterOf(slot);
      if (master === undefined) {
        this.restoreLater();
        continue;
      }
      const redis = this.connectionTo(master);
      if (known.on === redis || known.channels.size === 0) continue;
      known.on = redis;
      const command = new Command('ssubscribe', known.channels.list());
      this.restoring.add(command);
      (redis.sendCommand(command) as Promise<unknown>).then(
        () => (this.failures = 0),
        () => {
          if (known.on === redis) known.on = undefined;
          this.onLost();
        },
      );
    }
  }

  /** Sends a subscription once more, after the map was read. False: it was sent often enough. */
  private tryAgain(command: Command): boolean {
    if (this.restoring.has(command)) return false;
    const attempt = (this.attempts.get(command) ?? 0) + 1;
    if (attempt > this.host.options.maxRedirections) return false;
    this.attempts.set(command, attempt);
    this.host.refresh();
    const timer = setTimeout(() => {
      this.waiting.delete(timer);
      const [channel] = command.args;
      const redis = this.take(command, channel === undefined ? -1 : slotOf(channel));
      if (redis instanceof Error) command.deliverError(redis);
      else redis.sendCommand(command, {});
    }, Math.min(FIRST_PAUSE_MS * attempt, LONGEST_PAUSE_MS));
    this.waiting.set(timer, command);
    return true;
  }
}
