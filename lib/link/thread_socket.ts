/**
 * A connection whose bytes the socket thread moves (`transport: 'thread'`). Node's own socket makes the connection, so names, addresses,
 * timeouts and keepalive are Node's; then the thread gets another handle of it, and Node's stays idle until it is closed.
 */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { DetailedPeerCertificate } from 'node:tls';
import { WireFlag } from '../contract.generated';
import { native, type NativeWire } from '../native';
import type { Secure } from './secure';
import { descriptorOf, dial, type SocketOptions } from './socket';
import { wireError } from './wire_error';

const LABEL = 'HAWSER_WIRE';
const MOST_PORTIONS = 64;

/** What a `ThreadSocket` adds to Node's socket. */
export interface WireReader {
  /** The thread has read bytes: they are for `NativeLink.receiveWire`. */
  onWire(wire: NativeWire): void;
}

export class ThreadSocket extends Duplex {
  /** Whether the server's certificate is one to trust; without TLS undefined. */
  authorized: boolean | undefined = undefined;
  /** Only with TLS, as Node's. */
  declare readonly encrypted?: true;
  private readonly inner: Socket;
  private wire: NativeWire | undefined = undefined;
  private isOpen = false;
  private isReset = false;
  private isHeld = true;
  private written = 0;

  constructor(
    private readonly options: SocketOptions,
    private readonly secure: Secure | undefined,
    private readonly reader: WireReader,
  ) {
    super({ read: () => undefined });
    if (secure !== undefined) Object.defineProperty(this, 'encrypted', { value: true });
    this.inner = dial({ ...options, tls: undefined }, {});
    this.inner.pause();
    this.inner.once('connect', () => this.handOver());
    this.inner.on('error', (error: Error) => this.destroy(error));
    this.inner.once('close', () => this.destroy());
  }

  private handOver(): void {
    const { inner, secure, options } = this;
    if (this.destroyed) return;
    // A handshake is small writes, too.
    if (options.noDelay !== false && options.path === undefined) inner.setNoDelay(true);
    try {
      this.wire = new native.NativeWire(descriptorOf(inner), options.path !== undefined, secure?.settings, secure?.name ?? '', this.onNews, LABEL);
      this.wire.hold(this.isHeld);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** The thread calls: something has happened. */
  private readonly onNews = (): void => {
    const { wire } = this;
    if (wire === undefined || this.destroyed) return;
    const status = wire.status();
    if ((status & WireFlag.Open) !== 0 && !this.isOpen) this.open(wire);
    if ((status & WireFlag.Input) !== 0 && this.isOpen) this.reader.onWire(wire);
    if ((status & WireFlag.Over) !== 0) this.over(wire);
  };

  private open(wire: NativeWire): void {
    const { secure } = this;
    if (secure !== undefined) {
      const error = secure.check(wire.certificates());
      this.authorized = error === undefined;
      if (error !== undefined && secure.rejects) {
        this.destroy(error);
        return;
      }
    }
    this.isOpen = true;
    this.emit(this.openEvent);
  }

  private get openEvent(): 'connect' | 'secureConnect' {
    return this.secure === undefined ? 'connect' : 'secureConnect';
  }

  private over(wire: NativeWire): void {
    if (this.destroyed) return;
    const failure = wire.failure();
    const isHandshake = this.secure !== undefined && !this.isOpen;
    if (failure.length === 0 && !isHandshake) this.emit('end');
    this.destroy(failure.length === 0 && !isHandshake ? undefined : wireError(failure, isHandshake));
  }

  /** What has arrived is taken in now, without waiting for the event loop. */
  look(): void {
    if (this.destroyed || !this.isOpen) return;
    this.wire?.look();
    // One portion each time, and at most what the thread keeps: a server that goes on sending does not hold this thread.
    for (let portions = 0; portions < MOST_PORTIONS && (portions === 0 || this.arrived() !== undefined); portions++) this.onNews();
  }

  // ---- the exit of the process, when there is no event loop

  /** Bytes that are not written yet. */
  get unwritten(): number {
    return this.destroyed ? 0 : (this.wire?.unwritten() ?? 0);
  }

  /** The connection, if bytes have arrived on it. */
  arrived(): NativeWire | undefined {
    return !this.destroyed && this.isOpen && ((this.wire?.status() ?? 0) & WireFlag.Input) !== 0 ? this.wire : undefined;
  }

  // ---- the stream

  override write(chunk: unknown, ...rest: never[]): boolean {
    const { wire } = this;
    if (wire === undefined || !this.isOpen || rest.length > 0 || !Buffer.isBuffer(chunk) || !this.writable) return super.write(chunk, ...rest);
    wire.write(chunk);
    this.written += chunk.length;
    return true;
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (!this.isOpen) {
      // Before the server has shown who it is, nothing is written.
      this.once(this.openEvent, () => this._write(chunk, encoding, done));
      return;
    }
    this.wire?.write(chunk);
    this.written += chunk.length;
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.wire?.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { inner } = this;
    if (inner.closed) done(error);
    else inner.once('close', () => done(error));
    // The last handle that is closed resets the connection.
    if (this.isReset) inner.resetAndDestroy();
    else inner.destroy();
    this.wire?.close();
  }

  resetAndDestroy(): this {
    this.isReset = this.options.path === undefined && !this.inner.destroyed;
    return this.destroy();
  }

  // ---- as Node's socket

  get connecting(): boolean {
    return !this.isOpen && !this.destroyed;
  }
  get bytesRead(): number {
    return this.wire?.bytesRead() ?? 0;
  }
  get bytesWritten(): number {
    return this.written;
  }
  get remoteAddress(): string | undefined {
    return this.inner.remoteAddress;
  }
  get remotePort(): number | undefined {
    return this.inner.remotePort;
  }
  get remoteFamily(): string | undefined {
    return this.inner.remoteFamily;
  }
  get localAddress(): string | undefined {
    return this.inner.localAddress;
  }
  get localPort(): number | undefined {
    return this.inner.localPort;
  }
  /** @internal For `descriptorOf`. */
  get _handle(): unknown {
    return (this.inner as unknown as { _handle: unknown })._handle;
  }

  /** The server's certificate; an empty object without one. */
  getPeerCertificate(): Partial<DetailedPeerCertificate> {
    return this.secure?.certificate(this.wire?.certificates() ?? []) ?? {};
  }

  setKeepAlive(isOn?: boolean, delayMs?: number): this {
    this.inner.setKeepAlive(isOn, delayMs);
    return this;
  }
  setNoDelay(isOn?: boolean): this {
    this.inner.setNoDelay(isOn);
    return this;
  }
  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this.hold(true);
  }
  unref(): this {
    return this.hold(false);
  }

  private hold(holds: boolean): this {
    this.isHeld = holds;
    if (holds) this.inner.ref();
    else this.inner.unref();
    this.wire?.hold(holds);
    return this;
  }
}
