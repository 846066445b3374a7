/**
 * The connector for Sentinel. A `Redis` with `sentinels` has one and connects to the server that it finds; applications may also use it on
 * their own, or derive their `Connector` from it, as in ioredis.
 */
import type { EventEmitter } from 'node:events';
import { connect as netConnect, type Socket } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions } from 'node:tls';
import type { SentinelSettings } from '../contract.generated';
import { badOption } from '../errors';
import { CONNECTION_CLOSED_ERROR_MSG } from '../observe/errors';
import { define } from '../names';
import { showAs, withoutSecrets } from '../observe/secrets';
import { Finder } from '../sentinel/finder';
import { SentinelIterator } from '../sentinel/iterator';
import type { SentinelAddress, SentinelConnectionOptions } from '../options/sentinel_options';
import { sentinelConfig } from './config';
import { AbstractConnector, type ErrorEmitter } from './connectors';

type Address = { host: string; port: number };

/** What a client adds to its connector. @internal */
export interface SentinelHost {
  /** Whether it keeps the process alive. */
  isReferenced(): boolean;
  /** Another server is the master: leave the one in use, or do not wait any longer. */
  onSwitch(): void;
}

const noop = (): void => {};

/** The `Connector` of a client with `sentinels`: asks them for the server that has the role, and connects to it. */
export class SentinelConnector extends AbstractConnector {
  /** Gets the events `failoverSubscribed` and `sentinelReconnecting`. */
  emitter: Pick<EventEmitter, 'emit'> | null = null;
  /** The Sentinels that are known. */
  protected sentinelIterator: SentinelIterator;
  /** @internal */ host: SentinelHost | undefined = undefined;
  private readonly finder: Finder;
  private emit: ErrorEmitter = noop;

  /** Throws if there is no Sentinel, or no `name`. */
  constructor(protected readonly options: SentinelConnectionOptions) {
    super(options.disconnectTimeout ?? 0);
    const { sentinels, name } = options;
    if (!sentinels?.length) throw new Error('Requires at least one sentinel to connect to.');
    if (!name) throw new Error('Requires the name of master.');
    this.sentinelIterator = new SentinelIterator(sentinels);
    this.finder = this.makeFinder(settingsOf(options, sentinels, String(name)));
  }

  private makeFinder(settings: SentinelSettings): Finder {
    const { options } = this;
    return new Finder(settings, {
      configOf: (sentinel) => sentinelConfig(options, sentinel),
      isReferenced: () => this.host?.isReferenced() ?? true,
      reach: (announced) => this.reach(announced),
      choose: (replicas) => (options.preferredSlaves as (replicas: unknown[]) => unknown)(replicas),
      // They are methods of the options, as in ioredis.
      retryStrategy: () => options.sentinelRetryStrategy?.bind(options),
      reconnectStrategy: () => options.sentinelReconnectStrategy?.bind(options),
      onBad: (error) => this.emit('sentinelError', error),
      onFailing: (error) => this.emit('error', error),
      onLearned: (sentinel) => this.sentinelIterator.add(sentinel),
      onSwitch: () => (this.host === undefined ? this.disconnect() : this.host.onSwitch()),
      onReconnecting: () => this.emitter?.emit('sentinelReconnecting'),
      onListening: () => this.emitter?.emit('failoverSubscribed'),
    });
  }

  /** `natMap`. */
  private reach(announced: Address): Address {
    const { natMap } = this.options;
    const key = `${announced.host}:${announced.port}`;
    const mapped = typeof natMap === 'function' ? natMap(key) : Object.hasOwn(natMap ?? {}, key) ? natMap?.[key] : undefined;
    return mapped ?? announced;
  }

  /** Finds a server and opens a stream to it. `emit` gets `sentinelError` events, and `error` events when no Sentinel was of use. */
  async connect(emit: ErrorEmitter): Promise<Socket> {
    this.connecting = true;
    const address = await this.locate(emit);
    if (!this.connecting) throw new Error(CONNECTION_CLOSED_ERROR_MSG);
    const { tls, enableTLSForSentinelMode } = this.options;
    const isSecure = Boolean(enableTLSForSentinelMode && tls);
    const stream = isSecure ? tlsConnect({ ...address, ...tls } as ConnectionOptions) : netConnect(address);
    this.stream = stream;
    stream.once(isSecure ? 'secureConnect' : 'connect', () => this.finder.connected());
    stream.once('error', (error: Error) => (this.firstError = error));
    stream.once('close', () => this.finder.lost(null));
    return stream;
  }

  /** Whether a server with this INFO reply has the role that is wanted. */
  override check(info: { role?: string }): boolean {
    const isAccepted = this.finder.accepts(info.role);
    if (isAccepted && this.host === undefined) this.finder.ready();
    return isAccepted;
  }

  /** Ends the stream, the search, and the connections to Sentinels. */
  override disconnect(): void {
    super.disconnect();
    this.finder.close();
  }

  // ---- for the client that owns the connector and opens the connection itself

  /** @internal */
  locate(emit: ErrorEmitter): Promise<Address> {
    this.emit = emit;
    return this.finder.find();
  }

  /** @internal The server is no longer needed. */
  cancel(): void {
    this.finder.cancel();
  }

  /** @internal Whether the search keeps the process alive. */
  hold(isHeld: boolean): void {
    this.finder.hold(isHeld);
  }

  /** @internal */
  connected(): void {
    this.finder.connected();
  }

  /** @internal */
  ready(): void {
    this.finder.ready();
  }

  /** @internal The next attempt is in `waitsMs`; null: there is none. */
  lost(waitsMs: number | null): void {
    this.finder.lost(waitsMs);
  }

  /** @internal Nothing more is needed until `locate`. */
  close(): void {
    this.finder.close();
  }
}

const DEFAULT_PORT = 26379;
const DEFAULT_MOST = 10;

function settingsOf(options: SentinelConnectionOptions, sentinels: Partial<SentinelAddress>[], name: string): SentinelSettings {
  const { role, updateSentinels, failoverDetector, sentinelMaxConnections: most, preferredSlaves } = options;
  const preferred = typeof preferredSlaves === 'object' ? [preferredSlaves].flat() : [];
  return {
    name,
    role: role === 'slave' ? 'slave' : 'master',
    sentinels: sentinels.map(startOf),
    learns: Boolean(updateSentinels),
    watches: Boolean(failoverDetector),
    maxWatched: typeof most === 'number' && most > 0 ? Math.min(Math.floor(most), 1000) : DEFAULT_MOST,
    preferred: preferred.map(({ ip, port, prio }) => ({ ip: String(ip), port: String(port), prio: Number(prio ?? 1) || 0 })),
    chooses: typeof preferredSlaves === 'function',
  };
}

function startOf({ host, port, family }: Partial<SentinelAddress>, index: number): SentinelSettings['sentinels'][number] {
  const number = Number(port || DEFAULT_PORT);
  if (!Number.isInteger(number) || number < 1 || number > 65535) badOption(`sentinels[${index}].port`, 'a port from 1 to 65535', port, RangeError);
  return { host: String(host || 'localhost'), port: number, family: family === 4 || family === 6 ? family : null };
}

const viewOf = (connector: SentinelConnector): object => ({ options: (connector as unknown as { options: object }).options });
showAs(SentinelConnector.prototype, viewOf);
define(SentinelConnector.prototype, 'toJSON', function (this: SentinelConnector) {
  return withoutSecrets(viewOf(this));
});
