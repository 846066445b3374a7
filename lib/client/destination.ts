/**
 * Where a client connects to: the server in its options, whose name may be looked up again; the one that Sentinels name; or a stream that
 * the application's own `Connector` opens.
 */
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { ask } from '../clock';
import type { ConnectorLike, ResolvedOptions } from '../options/options';
import { parseInfo } from './ready_check';
import { Rediscovery } from './rediscovery';
import { SentinelConnector } from './sentinel_connector';

/** The client's life. */
interface Life {
  readonly client: Pick<EventEmitter, 'emit'>;
  readonly link: { readonly isReferenced: boolean } | undefined;
  silentEmit(event: string, argument: unknown): unknown;
  /** Sentinels have announced another master. */
  onSwitch(): void;
}

export class Destination {
  /** The application's own connector, or that for Sentinel. */
  readonly connector: ConnectorLike | undefined = undefined;
  /** Opens a stream of the application's own connector, if there is one. */
  readonly openStream: (() => Promise<Socket>) | undefined = undefined;
  /** Finds the server, if `sentinels` are given. */
  readonly locate: (() => Promise<{ host: string; port: number }>) | undefined = undefined;
  /** Looks the server's name up again. Undefined if the address is not the client's own to look up. */
  readonly rediscovery: Rediscovery | undefined = undefined;
  private readonly sentinel: SentinelConnector | undefined = undefined;

  constructor(life: Life, options: ResolvedOptions, isMemory: boolean) {
    const { Connector } = options;
    if (Connector) {
      const connector = (this.connector = new Connector(options));
      this.openStream = () => connector.connect((event, error) => life.silentEmit(event, error));
    } else if (options.sentinels && !isMemory) {
      const sentinel = (this.connector = this.sentinel = new SentinelConnector(options));
      sentinel.emitter = life.client;
      sentinel.host = { isReferenced: () => life.link?.isReferenced ?? true, onSwitch: () => life.onSwitch() };
      this.locate = () => sentinel.locate((event, error) => life.silentEmit(event, error));
    } else {
      this.rediscovery = new Rediscovery();
    }
  }

  /** Whether to accept a server with this INFO reply. */
  accepts(info: string): boolean {
    const { connector } = this;
    return connector?.check === undefined || Boolean(ask(() => connector.check?.(parseInfo(info))));
  }

  /** The server that is looked for is not needed. */
  cancel(): void {
    this.sentinel?.cancel();
  }

  connected(): void {
    this.sentinel?.connected();
  }

  ready(): void {
    this.sentinel?.ready();
  }

  /** The next attempt is in `waitsMs`; null: there is none. */
  lost(waitsMs: number | null): void {
    this.sentinel?.lost(waitsMs);
  }

  /** Whether the search for a server keeps the process alive. */
  hold(isHeld: boolean): void {
    this.sentinel?.hold(isHeld);
  }

  /** Ends the application's stream. The link closes the connection to a server that Sentinel has found. */
  disconnect(): void {
    if (this.sentinel === undefined) this.connector?.disconnect();
  }

  /** There is no further attempt to connect, so no Sentinel is needed, also if the connector is the application's own. */
  close(): void {
    if (this.connector instanceof SentinelConnector) this.connector.close();
  }
}
