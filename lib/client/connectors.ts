/**
 * The base class of connectors, as in ioredis. Applications derive their own `Connector` from it.
 */
import type { Socket } from 'node:net';
import { HawserError } from '../errors';
import { clearTimeout, setTimeout } from '../clock';
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

  /** Opens a stream to the server. `emit` passes on errors that do not end the attempt. */
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
