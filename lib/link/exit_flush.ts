/**
 * The exit of the process: sends what was issued and lets the server read it. If a socket is closed with unread replies, the connection
 * is reset, and the server drops the commands that it has not read. So replies are read, without the event loop, until none is due or
 * none has arrived for a while.
 */
import { readSync } from 'node:fs';
import type { Socket } from 'node:net';

/** How long to wait in silence, in ms. */
const PATIENCE_MS = 20;
const clock = new Int32Array(new SharedArrayBuffer(4));

export interface Leaving {
  readonly socket: Socket | undefined;
  flush(): void;
  /** Whether replies are due that can arrive. */
  isAnswered(): boolean;
  /** The buffer for bytes, and the function that processes them. */
  readonly room: Buffer;
  take(bytes: number): void;
}

/** For the process's `exit` event, after which nothing asynchronous runs. */
export function leave(link: Leaving): void {
  link.flush();
  const fd = descriptor(link.socket);
  if (fd === undefined) return;
  let last = performance.now();
  while (!link.isAnswered()) {
    const bytes = readNow(fd, link.room);
    if (bytes === 0) return;
    if (bytes !== undefined) {
      link.take(bytes);
      last = performance.now();
    } else if (performance.now() - last > PATIENCE_MS) {
      return;
    } else {
      Atomics.wait(clock, 0, 0, 1);
    }
  }
}

/** The descriptor of a plain socket. TLS cannot be decoded without the event loop, and Windows has no descriptors. */
function descriptor(socket: Socket | undefined): number | undefined {
  if (socket === undefined || socket.destroyed || socket.connecting || 'encrypted' in socket) return undefined;
  const { fd } = (socket as unknown as { _handle?: { fd?: number } | null })._handle ?? {};
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

/** The number of bytes read; 0 at the end of the stream or after an error; undefined if there is nothing now. */
function readNow(fd: number, room: Buffer): number | undefined {
  try {
    return readSync(fd, room);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? undefined : 0;
  }
}
