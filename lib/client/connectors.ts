/**
 * The connector classes that ioredis exports. Applications derive their own `Connector` from `AbstractConnector`. Sentinel's classes
 * exist so that code can import them.
 */
import type { Socket } from 'node:net';
import { HawserError } from '../errors';
import { clearTimeout, setTimeout } from '../clock';
import type { SentinelAddress, SentinelConnectionOptions } from '../options/sentinel_options';
import { logConnector } from '../observe/debug';

export type ErrorEmitter = (event: string, error: Error) => void;

/** The base class of a connector. `connect` opens a stream and stores it in `this.stream`. */
export abstract class AbstractConnector {
  firstError?: Error;
  protected connecting = false;
  declare protected stream: Socket;

  /** `disconnectTimeout`: how long a stream may stay open after `disconnect`, in ms. */
  constructor(private readonly disconnectTimeout: number) {}

  /** Whether to accept a server with this INFO reply. If not, the client disconnects and tries again. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis: subclasses declare the fields they know
  check(_info: any): boolean {
    return true;
  }

  abstract connect(emit: ErrorEmitter): Promise<Socket>;

  /** Ends the stream. */
  disconnect(): void {
    this.connecting = false;
    const { stream } = this;
    if ((stream as Socket | undefined) === undefined) return;
    const timer = setTimeout(() => {
      logConnector('stream %s:%s still open, destroying it', stream.remoteAddress, stream.remotePort);
      stream.destroy();
    }, this.disconnectTimeout);
    stream.on('close', () => clearTimeout(timer));
    stream.end();
  }
}

/** `redis.connector` of a client without a custom `Connector`: a view of its socket and options. */
export function standaloneView<Options>(client: { options: Options; stream: Socket | undefined; disconnect(): void }) {
  return {
    get options(): Options {
      return client.options;
    },
    get stream(): Socket | undefined {
      return client.stream;
    },
    check: (): boolean => true,
    connect: (): Promise<Socket> => Promise.reject(new HawserError('E_UNSUPPORTED', 'The client opens its sockets itself: use redis.connect()')),
    disconnect: (): void => client.disconnect(),
  };
}

/** Sentinel comes with a later version: the constructor throws `E_UNSUPPORTED`. */
export class SentinelConnector extends AbstractConnector {
  constructor(options: SentinelConnectionOptions) {
    super(options?.disconnectTimeout ?? 0);
    throw new HawserError('E_UNSUPPORTED', 'Sentinel is not supported by this version of hawser: give the address of the master');
  }

  connect(): Promise<Socket> {
    return Promise.reject(new HawserError('E_UNSUPPORTED', 'Sentinel is not supported by this version of hawser'));
  }
}

/** An iterator over a list of sentinels. */
export class SentinelIterator implements Iterator<Partial<SentinelAddress>> {
  private cursor = 0;
  private readonly sentinels: Partial<SentinelAddress>[];

  constructor(sentinels: Partial<SentinelAddress>[]) {
    this.sentinels = [...sentinels];
  }

  next(): { done: boolean; value: Partial<SentinelAddress> } {
    const done = this.cursor >= this.sentinels.length;
    return { done, value: (done ? undefined : this.sentinels[this.cursor++]) as Partial<SentinelAddress> };
  }

  /** Starts over. If `moveCurrentEndpointToFirst` is set, the current sentinel becomes the first. */
  reset(moveCurrentEndpointToFirst: boolean): void {
    if (moveCurrentEndpointToFirst && this.cursor > 1) this.sentinels.unshift(...this.sentinels.splice(this.cursor - 1));
    this.cursor = 0;
  }

  /** Appends a sentinel. Returns false if the list has it already. */
  add(sentinel: SentinelAddress): boolean {
    const name = addressOf(sentinel);
    if (this.sentinels.some((other) => addressOf(other) === name)) return false;
    this.sentinels.push(sentinel);
    return true;
  }

  toString(): string {
    return `${JSON.stringify(this.sentinels)} @${this.cursor}`;
  }
}

const addressOf = ({ host, port }: Partial<SentinelAddress>): string => `${host || '127.0.0.1'}:${port || 26379}`;
