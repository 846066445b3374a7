/**
 * Node's own sockets, so that all of ioredis's socket options work. Bytes are read into one fixed buffer that the core has pinned.
 */
import { connect as netConnect, type LookupFunction, type NetConnectOpts, type Socket } from 'node:net';
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { HawserError } from '../errors';
import { shield } from '../names';
import { clearTimeout, MAX_TIMER_MS, setTimeout } from '../clock';

export interface SocketOptions {
  host: string;
  port: number;
  family?: number | undefined;
  path?: string | undefined;
  tls?: (ConnectionOptions & { profile?: string }) | undefined;
  connectTimeout?: number | undefined;
  /** Longest silence while a reply is due, in ms. */
  socketTimeout?: number | undefined;
  /** Delay before the first TCP keepalive probe, in ms. Ten probes, a second apart, detect a dead connection. */
  keepAlive?: number | undefined;
  /** Whether the watchdog chose `keepAlive`. */
  isKeepAliveOwn?: boolean;
  noDelay?: boolean | undefined;
  /** Which thread moves the bytes. */
  transport?: 'socket' | 'thread' | undefined;
  /** Resolves the host of each connection, in the place of `dns.lookup`. */
  lookup?: LookupFunction | undefined;
}

export interface SocketEvents {
  /** `bytes` new bytes are in the buffer that `openSocket` received. */
  onRead(bytes: number): void;
  onConnect(): void;
  onError(error: Error): void;
  onClose(): void;
}

/** `host:port`, or the path of a unix socket. */
export function nodeName(options: SocketOptions): string {
  return options.path ?? (String(options.host).includes(':') ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`);
}

function connectOptions(options: SocketOptions): NetConnectOpts {
  if (options.path !== undefined && options.path !== null) return { path: options.path };
  // Try every address of a name, unless the user chooses a family.
  const family = options.family ?? 0;
  const lookup = options.lookup === undefined ? {} : { lookup: options.lookup };
  return { host: options.host, family, autoSelectFamily: family === 0, ...lookup, ...((options.port as unknown) === null ? {} : { port: options.port }) } as NetConnectOpts;
}

/** Opens a connection. `onClose` is called exactly once, in every case. */
export function openSocket(options: SocketOptions, buffer: Buffer, events: SocketEvents): Socket | TLSSocket {
  const onread = {
    buffer,
    callback: (bytes: number): boolean => {
      events.onRead(bytes);
      return true;
    },
  };
  const socket = dial(options, { onread });
  watch(socket, options.tls ? 'secureConnect' : 'connect', options, events);
  return socket;
}

/** Node copies the options over defaults of its own, which an undefined value would replace. */
const NODES_COPIES = { except: ['rejectUnauthorized', 'ciphers', 'checkServerIdentity', 'minDHSize'] };

/** Starts a connection to the address in `options`, with `more` options for Node. */
export function dial(options: SocketOptions, more: object): Socket | TLSSocket {
  const { tls } = options;
  const target = shield({ ...(tls ? { ...servername(options), ...tls } : {}), ...connectOptions(options), ...more }, NODES_COPIES);
  return tls ? tlsConnect(target as ConnectionOptions) : netConnect(target);
}

/** The descriptor of a socket, which may be below a TLS layer; -1 if there is none. */
export function descriptorOf(stream: Socket | undefined): number {
  type Handle = { fd?: number; _parent?: Handle } | null | undefined;
  const handle = (stream as { _handle?: Handle } | undefined)?._handle;
  const fd = [handle?.fd, handle?._parent?.fd].find((number) => typeof number === 'number' && number >= 0);
  return fd ?? -1;
}

/** Whether the system ended the connection because the other side does not respond. */
export function isSilence(error: Error): boolean {
  return ['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH'].includes((error as NodeJS.ErrnoException).code ?? '');
}

/** Server name indication accepts only names. */
export function servername(options: SocketOptions): { servername?: string } {
  return options.path || /^[\d.]+$|:/.test(options.host) ? {} : { servername: options.host };
}

/** Wires the events of a socket that is (being) connected. */
export function watch(socket: Socket | TLSSocket, connectEvent: string, options: SocketOptions, events: SocketEvents): void {
  const timeout = options.connectTimeout ?? 0;
  const timer =
    timeout > 0
      ? setTimeout(() => {
          const error = Object.assign(new Error('connect ETIMEDOUT'), { errorno: 'ETIMEDOUT', code: 'ETIMEDOUT', syscall: 'connect' });
          events.onError(error);
          socket.destroy();
        }, Math.min(timeout, MAX_TIMER_MS))
      : undefined;
  socket.once(connectEvent, () => {
    clearTimeout(timer);
    // A user's stream may not be a socket.
    if (typeof options.keepAlive === 'number') socket.setKeepAlive?.(true, options.keepAlive);
    if (options.noDelay !== false && options.path === undefined) socket.setNoDelay?.(true);
    events.onConnect();
  });
  socket.on('error', (error: Error) => events.onError(error));
  socket.once('close', () => {
    clearTimeout(timer);
    events.onClose();
  });
}

/** Whether a `Connector` has returned a readable and writable stream. */
export function isStream(value: unknown): boolean {
  const { on, write, end } = (value ?? {}) as Partial<Socket>;
  return typeof on === 'function' && typeof write === 'function' && typeof end === 'function';
}

export const notAStream = (): HawserError =>
  new HawserError('E_BAD_OPTION', 'Connector.connect() must resolve a stream that is written to and read from, such as a net.Socket');
