/**
 * The end of the process: what was issued leaves, and the server gets to read it. A socket that is closed while replies are unread in it is
 * reset, and a server drops what it has not read yet of a connection that was reset. So replies are taken in, without the event loop, until
 * none is due or none has come for a while.
 */
import { readSync } from 'node:fs';
import type { Socket } from 'node:net';

/** Silence after which nothing more is waited for, in ms. */
const PATIENCE_MS = 20;
const clock = new Int32Array(new SharedArrayBuffer(4));

export interface Leaving {
  readonly socket: Socket | undefined;
  flush(): void;
  /** Whether replies are due that will come. */
  isAnswered(): boolean;
  /** Where bytes are read into, and what takes them in from there. */
  readonly room: Buffer;
  take(bytes: number): void;
}

/** For the process's `exit`: nothing asynchronous happens any more. */
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

/** Of a plain socket. What TLS has sent cannot be told apart without the event loop, and Windows has no descriptors. */
function descriptor(socket: Socket | undefined): number | undefined {
  if (socket === undefined || socket.destroyed || socket.connecting || 'encrypted' in socket) return undefined;
  const { fd } = (socket as unknown as { _handle?: { fd?: number } | null })._handle ?? {};
  return fd !== undefined && fd >= 0 ? fd : undefined;
}

/** Bytes read; 0 at the end of the stream or after an error; undefined when there is nothing now. */
function readNow(fd: number, room: Buffer): number | undefined {
  try {
    return readSync(fd, room);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EAGAIN' ? undefined : 0;
  }
}
