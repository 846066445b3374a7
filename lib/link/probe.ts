/** The watchdog's second connection. It is made like the first one and to the same address, so that name resolution plays no part. */
import type { Socket } from 'node:net';
import { clearTimeout, setImmediate, setTimeout } from '../clock';
import { dial, type SocketOptions } from './socket';

/** A later answer proves as little as no answer. */
const PATIENCE_MS = 4000;

export interface ProbeEvents {
  /** All bytes that have arrived so far. Returns true if they are sufficient. */
  onReply(bytes: Buffer): boolean;
  /** There will be no answer. */
  onFailed(): void;
}

export class Probe {
  private readonly socket: Socket | undefined;
  private readonly timer: NodeJS.Timeout;
  private bytes: Buffer = Buffer.alloc(0);
  private isOver = false;

  /** Connects to the address of `first` and writes `request`. */
  constructor(
    first: Socket | undefined,
    options: SocketOptions,
    request: Buffer,
    private readonly events: ProbeEvents,
  ) {
    // Data that has arrived when the time is up counts, because this thread may have been busy.
    this.timer = setTimeout(() => setImmediate(() => this.fail()), PATIENCE_MS);
    this.timer.unref();
    this.socket = this.open(first, options, request);
  }

  private open(first: Socket | undefined, options: SocketOptions, request: Buffer): Socket | undefined {
    const address = addressOf(first, options);
    if (address === undefined) {
      setImmediate(() => this.fail());
      return undefined;
    }
    const socket = dial(options, address);
    socket.unref();
    socket.once(options.tls ? 'secureConnect' : 'connect', () => socket.write(request));
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', () => this.fail());
    socket.once('close', () => this.fail());
    return socket;
  }

  private receive(chunk: Buffer): void {
    if (this.isOver) return;
    this.bytes = Buffer.concat([this.bytes, chunk]);
    if (this.events.onReply(this.bytes)) this.stop();
  }

  private fail(): void {
    if (this.isOver) return;
    this.stop();
    this.events.onFailed();
  }

  /** The answer is no longer needed. */
  stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket?.destroy();
  }
}

function addressOf(first: Socket | undefined, options: SocketOptions): object | undefined {
  if (options.path) return {};
  const { remoteAddress: host, remotePort: port } = first ?? {};
  return host === undefined || port === undefined ? undefined : { host, port, family: 0, autoSelectFamily: false };
}
