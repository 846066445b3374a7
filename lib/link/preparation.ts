/**
 * What the application provides for each connection of a link: the address of a server that it finds, credentials, TLS options. It is
 * asked before a socket is opened, and again for credentials while the connection lives.
 */
import type { Credentials } from '../options/credentials';
import type { Asks } from './asks';
import type { LinkClient } from './link_client';
import { Opening, type Address } from './opening';
import { Renewal, type RenewalEvents } from './renewal';
import type { SocketOptions } from './socket';

/** The link. */
export interface Prepared {
  onLocated(address: Address): void;
  /** The next handshake, or the living connection, has these. */
  authenticate(credentials: Credentials): void;
  /** The socket can be opened, with these TLS options if there are any. */
  onPrepared(tls: SocketOptions['tls']): void;
  /** The attempt to connect fails; the next one asks again. */
  onUnprepared(error: Error): void;
  /** There is no server to connect to. */
  giveUp(error: Error): void;
  /** Carries out what the core asks for. */
  goOn(): void;
}

export class Preparation implements RenewalEvents {
  private asks: Asks | undefined = undefined;
  /** The connection whose socket is not opened yet. */
  private opening: Opening | undefined = undefined;
  private readonly renewal = new Renewal(this);

  constructor(
    private readonly client: LinkClient,
    private readonly link: Prepared,
  ) {}

  /** The options have been read: what the next connection asks for. */
  follow(asks: Asks | undefined): void {
    this.asks = asks;
  }

  get bringsTls(): boolean {
    return this.asks?.tls !== undefined;
  }

  /** Prepares a connection. Where there is nothing to ask for, it is prepared at once. */
  start(): void {
    const { asks, client, link } = this;
    if (client.locate === undefined && asks === undefined) return link.onPrepared(undefined);
    this.opening = new Opening(asks, {
      locate: client.locate?.bind(client),
      stopLocating: () => client.stopLocating?.(),
      onLocated: (address) => link.onLocated(address),
      onOpen: (credentials, tls) => this.finish(credentials, tls),
      onRefused: (error) => {
        this.opening = undefined;
        link.giveUp(error);
      },
      onUnprepared: (error) => {
        this.opening = undefined;
        link.onUnprepared(error);
      },
    });
    this.opening.start();
  }

  private finish(credentials: Credentials | undefined, tls: SocketOptions['tls']): void {
    const { asks, link } = this;
    this.opening = undefined;
    if (credentials !== undefined) {
      link.authenticate(credentials);
      if (asks !== undefined) this.renewal.start(asks, credentials);
    }
    link.onPrepared(tls);
  }

  /** The connection is not needed any more. Returns whether its socket had yet to be opened. */
  stop(): boolean {
    if (this.opening === undefined) return false;
    this.opening.stop();
    this.opening = undefined;
    return true;
  }

  /** The server has refused the last credentials. */
  refused(error: Error): void {
    this.renewal.refused(error);
  }

  /** The connection is gone. */
  lost(): void {
    this.renewal.stop();
  }

  // ---- reports of the renewal

  onRenewed(credentials: Credentials): void {
    this.link.authenticate(credentials);
    this.link.goOn();
  }

  onError(error: Error): void {
    this.client.onRenewalFailed(error);
  }

  retryDelay(failures: number): number {
    return this.client.renewalDelay(failures);
  }
}
