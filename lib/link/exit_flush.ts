/**
 * The links at the exit of the process: they send what was issued and let the servers read it. If a socket is closed with unread replies,
 * the connection is reset, and the server drops the commands that it has not read. So replies are read, without the event loop, as long
 * as `exit.ts` grants.
 */
import { readSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { NativeWire } from '../native';
import { ThreadSocket } from './thread_socket';
import { offExit, onExit, type ExitHook, type Look } from '../exit';

export interface ExitingLink {
  readonly socket: Socket | undefined;
  flush(): void;
  /** Whether replies are due that do not depend on a command that blocks. */
  awaitsReply(): boolean;
  /** The buffer for bytes. */
  readonly room: Buffer;
  /**
   * Processes the bytes in `room`, so many, or those that the socket thread has read, and writes what the core sends next; tells nobody. Returns
   * how many commands were answered.
   */
  takeAtExit(from: number | NativeWire): number;
}

/** A link that is waited for. */
interface Pending {
  link: ExitingLink;
  isDue: () => boolean;
  /** What has arrived; undefined if nothing has, 0 if nothing more will. */
  read: () => number | NativeWire | undefined;
}

/** Links that are not ended. */
const open = new Set<ExitingLink>();
/** Those whose replies can be read at the exit. */
let pending: Pending[] = [];

const hook: ExitHook = {
  flush() {
    for (const link of open) link.flush();
    pending = [];
    for (const link of open) {
      const entry = pendingOf(link);
      if (entry !== undefined) pending.push(entry);
    }
  },
  look(): Look | undefined {
    const sum: Look = { answered: 0, hasBytes: false };
    pending = pending.filter((entry) => entry.isDue() && take(entry, sum));
    return pending.length === 0 ? undefined : sum;
  },
};

function pendingOf(link: ExitingLink): Pending | undefined {
  const { socket } = link;
  if (socket instanceof ThreadSocket) return { link, isDue: () => link.awaitsReply() || socket.unwritten > 0, read: () => socket.arrived() };
  const fd = descriptor(socket);
  return fd === undefined ? undefined : { link, isDue: () => link.awaitsReply(), read: () => readNow(fd, link.room) };
}

/** From now on, what the link has queued arrives even if the process exits in the same tick. */
export function flushAtExit(link: ExitingLink): void {
  if (open.size === 0) onExit(hook);
  open.add(link);
}

/** The link has ended. */
export function forgetAtExit(link: ExitingLink): void {
  open.delete(link);
  if (open.size === 0) offExit(hook);
}

/** Reads once and adds to `sum`. False if nothing more can arrive. */
function take({ link, read }: Pending, sum: Look): boolean {
  const from = read();
  if (from === undefined) return true;
  if (from === 0) return false;
  try {
    sum.answered += link.takeAtExit(from);
  } catch {
    return false;
  }
  sum.hasBytes = true;
  return true;
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
