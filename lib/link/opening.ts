/** What a connection needs before its socket is opened: the address of a server that has yet to be found, credentials, TLS options. */
import type { ConnectionOptions } from 'node:tls';
import type { Credentials } from '../options/credentials';
import { askCredentials, askTls, type Asks } from './asks';

export interface Address {
  host: string;
  port: number;
}

export interface OpeningEvents {
  /** Finds the server, if it is not the one in the options. */
  locate?: (() => Promise<Address>) | undefined;
  /** The server that is looked for is not needed. */
  stopLocating?: (() => void) | undefined;
  onLocated(address: Address): void;
  onOpen(credentials: Credentials | undefined, tls: ConnectionOptions | undefined): void;
  /** There is no server to connect to. */
  onRefused(error: Error): void;
  /** The application's functions have failed; the next attempt asks them again. */
  onUnprepared(error: Error): void;
}

export class Opening {
  private isOver = false;
  private isLocating = false;

  constructor(
    private readonly asks: Asks | undefined,
    private readonly events: OpeningEvents,
  ) {}

  start(): void {
    const { locate } = this.events;
    if (locate === undefined) return this.ask();
    this.isLocating = true;
    locate().then(
      (address) => {
        if (this.isOver) return;
        this.isLocating = false;
        this.events.onLocated(address);
        this.ask();
      },
      (error: Error) => this.end(() => this.events.onRefused(error)),
    );
  }

  private ask(): void {
    const { asks } = this;
    if (asks === undefined) return this.end(() => this.events.onOpen(undefined, undefined));
    const { credentials, tls, limitMs } = asks;
    Promise.all([
      credentials === undefined ? undefined : askCredentials(credentials, limitMs),
      tls === undefined ? undefined : askTls(tls, limitMs),
    ]).then(
      ([login, secure]) => this.end(() => this.events.onOpen(login, secure)),
      (error: Error) => this.end(() => this.events.onUnprepared(error)),
    );
  }

  private end(then: () => void): void {
    if (this.isOver) return;
    this.isOver = true;
    then();
  }

  /** The connection is not needed any more. */
  stop(): void {
    this.isOver = true;
    if (this.isLocating) this.events.stopLocating?.();
  }
}
