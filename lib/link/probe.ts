/** The second connection of the watchdog: made like the first one and to the same address, so that names play no part. */
import type { Socket } from 'node:net';
import { clearTimeout, setImmediate, setTimeout } from '../clock';
import { dial, type SocketOptions } from './socket';

/** An answer that comes later says no more than none. */
const PATIENCE_MS = 4000;

export interface ProbeEvents {
  /** All bytes that have arrived so far. True: they are all that was needed. */
  onReply(bytes: Buffer): boolean;
  /** There will be no answer. */
  onFailed(): void;
}

export class Probe {
  private readonly socket: Socket | undefined;
  private readonly timer: NodeJS.Timeout;
  private bytes: Buffer = Buffer.alloc(0);
  private isOver = false;

  /** Connects to where `first` is connected to and writes `request`. */
  constructor(
    first: Socket | undefined,
    options: SocketOptions,
    request: Buffer,
    private readonly events: ProbeEvents,
  ) {
    // What is there when time is up counts: this thread may have been busy.
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

  /** Nobody wants to know any more. */
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
