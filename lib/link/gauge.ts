/**
 * What a link measures of itself, for `RedisManager.stats()`. A sample is the time from a write to the reply of its last command. Only one batch in
 * a few is timed, so that commands pay nothing. Bytes are counted by Node's sockets.
 */
import type { Socket } from 'node:net';
import { replyCode } from '../observe/errors';
import { mask32 } from './in_flight';

/** One batch in so many is timed: two looks at the clock for each would be a per cent of a batch of ten commands. A power of two. */
const EVERY = 8;
/** How many of the last samples are kept. */
const SAMPLES = 512;
/** Instead of a command's number: whichever reply comes next. */
const NEXT_REPLY = -1;

const now = performance.now.bind(performance);

/** The last error of a connection. */
export interface ConnectionFault {
  /** A system's code (`ECONNREFUSED`) or one of hawser's. */
  code: string;
  /** Of what a server answered only the error's code. */
  message: string;
  /** ISO 8601. */
  at: string;
}

/** Percentiles of the time from a write to its reply, in milliseconds, over the last 512 samples at most. */
export interface Latency {
  p50: number;
  p95: number;
  p99: number;
  max: number;
  /** The number of samples that these are from. */
  samples: number;
}

export class Gauge {
  /** A sample is under way, so no other one begins. */
  isTiming = false;
  /** Nothing was due when the last replies had come. */
  isQuiet = false;
  lastError: ConnectionFault | undefined = undefined;
  private batches = 0;
  /** How often the link has become ready. */
  private connections = 0;
  private timed = NEXT_REPLY;
  private startedAt = 0;
  private taken = 0;
  private recent: Float64Array | undefined = undefined;
  private lost: Socket | undefined = undefined;
  private bytesRead = 0;
  private bytesWritten = 0;

  // ---- samples

  /** Whether the batch that is written now is to be timed. */
  isNext(): boolean {
    return (this.batches++ & (EVERY - 1)) === 0 && !this.isTiming;
  }

  /** Commands were written, of which this is the last. */
  startCommand(id: number): void {
    this.isTiming = true;
    this.timed = id;
    this.startedAt = now();
  }

  /** The core has written its own commands while nothing was due. */
  startOwn(): void {
    this.startCommand(NEXT_REPLY);
  }

  /** Replies have come; `oldest` is the first command without one. */
  onReplies(oldest: number): void {
    if (this.timed !== NEXT_REPLY && mask32(oldest - this.timed - 1) >= 0x8000_0000) return;
    this.isTiming = false;
    this.recent ??= new Float64Array(SAMPLES);
    this.recent[this.taken++ % SAMPLES] = now() - this.startedAt;
  }

  /** Undefined without a sample. */
  latency(): Latency | undefined {
    const samples = Math.min(this.taken, SAMPLES);
    if (this.recent === undefined || samples === 0) return undefined;
    const sorted = this.recent.slice(0, samples).sort();
    const at = (share: number): number => Math.round(sorted[Math.min(Math.ceil(share * samples), samples) - 1] * 1000) / 1000;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1), samples };
  }

  // ---- the connection

  onReady(): void {
    this.connections++;
  }

  get reconnects(): number {
    return Math.max(this.connections - 1, 0);
  }

  onLost(socket: Socket | undefined): void {
    this.isTiming = this.isQuiet = false;
    // An attempt may end before it has a socket.
    if (socket === this.lost) return;
    this.bytesRead += socket?.bytesRead ?? 0;
    this.bytesWritten += socket?.bytesWritten ?? 0;
    this.lost = socket;
  }

  onError(code: string, message: string): void {
    const said = code === 'E_REPLY' ? `the server answered ${replyCode(message)}` : message || code;
    this.lastError = { code, message: said, at: new Date().toISOString() };
  }

  /** Bytes of all connections, the one in use included. */
  bytes(socket: Socket | undefined): { read: number; written: number } {
    const current = socket === this.lost ? undefined : socket;
    return { read: this.bytesRead + (current?.bytesRead ?? 0), written: this.bytesWritten + (current?.bytesWritten ?? 0) };
  }
}
