/** One connection of a link, from its opening to its loss: Node's own socket, or a stream of the user's `Connector`. */
import type { Socket } from 'node:net';
import { isNativeError } from 'node:util/types';
import { clearTimeout, MAX_TIMER_MS, nextTick, setTimeout } from '../clock';
import type { NativeWire } from '../native';
import { secure, whyNotThread } from './secure';
import { isStream, notAStream, openSocket, servername, watch, type SocketEvents, type SocketOptions } from './socket';
import { ThreadSocket } from './thread_socket';

/** The link. After `onLost` or `onRefused`, the connection reports nothing more. */
export interface Owner {
  socket: Socket | undefined;
  readonly isReferenced: boolean;
  /** `bytes` new bytes are in the buffer that the link provided. */
  onRead(bytes: number): void;
  /** Bytes of a user's stream, which are not in that buffer. */
  onChunk(chunk: Buffer): void;
  /** The socket thread has read bytes. */
  onWire(wire: NativeWire): void;
  /** The socket thread cannot serve the connection, because of this option. */
  onNoThread(reason: string): void;
  onConnected(): void;
  onSocketError(error: Error): void;
  onLost(): void;
  /** The connection cannot even be tried: an invalid port or certificate, a Connector that returns no stream. */
  onRefused(error: Error): void;
}

/** Opens the connection in `options`, or the stream that `openStream` returns. Reads bytes into `room`. */
export function openConnection(owner: Owner, options: SocketOptions, room: Buffer, openStream?: () => Promise<Socket>): void {
  let isCurrent = true;
  const events = {
    onRead: (bytes: number): void => {
      if (isCurrent) owner.onRead(bytes);
    },
    onConnect: (): void => {
      if (isCurrent) owner.onConnected();
    },
    onError: (error: Error): void => {
      if (isCurrent) owner.onSocketError(error);
    },
    onClose: (): void => {
      if (!isCurrent) return;
      isCurrent = false;
      owner.onLost();
    },
  };
  // Later, so that the creator of the client can add listeners first.
  const refuse = (thrown: unknown): void =>
    nextTick(() => {
      if (!isCurrent) return;
      isCurrent = false;
      owner.onRefused(errorOf(thrown));
    });
  try {
    if (openStream !== undefined) return openOwn(owner, openStream(), options, events, refuse);
    owner.socket = usesThread(owner, options) ? openThreadSocket(owner, options, events) : openSocket(options, room, events);
  } catch (error) {
    return refuse(error);
  }
  if (!owner.isReferenced) owner.socket.unref();
}

/** Functions of the application (a Connector, `tls`) may throw anything. */
function errorOf(thrown: unknown): Error {
  return isNativeError(thrown) ? thrown : new Error('Connecting failed, and what was thrown is no error.', { cause: thrown });
}

function usesThread(owner: Owner, options: SocketOptions): boolean {
  if (options.transport !== 'thread') return false;
  const reason = whyNotThread(options);
  if (reason !== undefined) owner.onNoThread(reason);
  return reason === undefined;
}

function openThreadSocket(owner: Owner, options: SocketOptions, events: SocketEvents): Socket {
  const { tls } = options;
  const name = tls === undefined ? '' : (tls.servername ?? servername(options).servername ?? '');
  const socket = new ThreadSocket(options, tls === undefined ? undefined : secure({ ...options, tls }, name), owner) as unknown as Socket;
  watch(socket, tls === undefined ? 'connect' : 'secureConnect', options, events);
  return socket;
}

function openOwn(owner: Owner, opening: Promise<Socket>, options: SocketOptions, events: SocketEvents, refuse: (thrown: unknown) => void): void {
  const connectEvent = options.tls ? 'secureConnect' : 'connect';
  Promise.resolve(opening).then((stream) => {
    if (!isStream(stream)) return refuse(notAStream());
    owner.socket = stream;
    if (stream.destroyed) {
      events.onError(new Error('The stream of the Connector is closed.'));
      events.onClose();
      return;
    }
    stream.on('data', (chunk: Buffer) => {
      if (owner.socket === stream) owner.onChunk(chunk);
    });
    watch(stream, connectEvent, options, events);
    if (!owner.isReferenced) stream.unref?.();
    if (!stream.connecting) stream.emit(connectEvent);
  }, refuse);
}

/** Ends the connection: gracefully, with `timeout` ms for the other side, or at once. */
export function closeConnection(socket: Socket | undefined, isAtOnce: boolean, timeout: number): void {
  if (socket === undefined || socket.destroyed) return;
  if (isAtOnce || socket.connecting) {
    if (isAtOnce && !('encrypted' in socket) && typeof socket.resetAndDestroy === 'function') socket.resetAndDestroy();
    else socket.destroy();
    return;
  }
  socket.end();
  const timer = setTimeout(() => socket.destroy(), Math.min(timeout, MAX_TIMER_MS));
  socket.once('close', () => clearTimeout(timer));
}
