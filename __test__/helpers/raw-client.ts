/**
 * A small Redis client that is independent of hawser: one socket, replies in order, RESP2 and RESP3. With it a spec sees the server's side
 * without the code under test.
 */
import * as net from 'node:net';
import * as tls from 'node:tls';

/** A parsed reply. Bulk and simple strings are text, or Buffers on request. */
export type Reply = string | Buffer | number | bigint | boolean | null | Error | Reply[] | Map<Reply, Reply>;

export type RawTarget = ({ port: number; host?: string } | { path: string }) & { tls?: tls.ConnectionOptions };

interface Waiting {
  buffers: boolean;
  resolve(reply: Reply): void;
  reject(error: Error): void;
}

export class RawClient {
  /** RESP3 pushes, oldest first. */
  readonly pushes: Reply[] = [];
  private readonly replies: Buffer[] = [];
  private readonly waiting: Waiting[] = [];
  private chunks: Buffer[] = [];
  /** The bytes in `chunks`, and how many are needed before parsing again can help. */
  private held = 0;
  private needed = 1;
  private failure: Error | undefined;

  private constructor(readonly socket: net.Socket) {
    socket.on('data', (chunk: Buffer) => this.take(chunk));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('raw client: the connection was closed')));
    // An idle helper connection does not keep the process alive.
    socket.unref();
  }

  static connect(target: RawTarget): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const address = 'path' in target ? { path: target.path } : { host: target.host ?? '127.0.0.1', port: target.port };
      const socket = target.tls ? tls.connect({ ...address, ...target.tls }) : net.connect(address);
      socket.once('error', reject);
      socket.once(target.tls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(new RawClient(socket));
      });
    });
  }

  /** Sends one command; resolves with its reply as text, rejects with an error reply. */
  command(...args: (string | number | Buffer)[]): Promise<Reply> {
    this.write(encode(args));
    return this.read();
  }

  /** Like `command`, with strings as Buffers. */
  commandBuffer(...args: (string | number | Buffer)[]): Promise<Reply> {
    this.write(encode(args));
    return this.read(true);
  }

  /** Writes bytes unchanged. Each `read` takes one of the replies. */
  write(bytes: string | Buffer): void {
    if (!this.failure) this.socket.write(bytes);
  }

  /** The next reply without a caller: one of a `write`, or a message of a RESP2 subscription. */
  read(buffers = false): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.failure && this.replies.length === 0) return reject(this.failure);
      this.waiting.push({ buffers, resolve, reject });
      this.socket.ref();
      this.hand();
    });
  }

  close(): void {
    this.fail(new Error('raw client: closed'));
    this.socket.destroy();
  }

  private take(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.held += chunk.length;
    if (this.held < this.needed) return;
    let rest = this.chunks.length === 1 ? chunk : Buffer.concat(this.chunks);
    let end = 0;
    while (rest.length > 0 && (end = skip(rest, 0)) > 0) {
      const one = rest.subarray(0, end);
      rest = rest.subarray(end);
      if (one[0] === PUSH) this.pushes.push(parse(one, false));
      else this.replies.push(one);
    }
    this.chunks = [rest];
    this.held = rest.length;
    this.needed = rest.length === 0 ? 1 : -end;
    this.hand();
  }

  private hand(): void {
    while (this.waiting.length > 0 && this.replies.length > 0) {
      const { buffers, resolve, reject } = this.waiting.shift()!;
      const reply = parse(this.replies.shift()!, buffers);
      if (reply instanceof Error) reject(reply);
      else resolve(reply);
    }
    if (this.waiting.length === 0) this.socket.unref();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.failure);
  }
}

/** One command as RESP. */
export function encode(args: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Reads the first reply in `bytes`; `undefined` while it is incomplete. */
export function parseReply(bytes: Buffer, buffers = false): Reply | undefined {
  return skip(bytes, 0) < 0 ? undefined : parse(bytes, buffers);
}

const COUNTED = { '*': 1, '~': 1, '>': 1, '%': 2, '|': 2 } as Record<string, number>;
const BULK = '$!=';
const PUSH = 0x3e;

/** The end of the reply that starts at `at`; while it is incomplete, the least number of bytes needed, negated. */
function skip(bytes: Buffer, at: number): number {
  const line = bytes.indexOf('\r\n', at);
  if (line < 0) return -(bytes.length + 1);
  const kind = String.fromCharCode(bytes[at]);
  const count = Number(bytes.toString('latin1', at + 1, line));
  let next = line + 2;
  if (BULK.includes(kind)) {
    if (count >= 0) next += count + 2;
    return next <= bytes.length ? next : -next;
  }
  const per = COUNTED[kind];
  if (!per) return next;
  // An attribute ('|') is followed by the reply it belongs to.
  const items = count * per + (kind === '|' ? 1 : 0);
  for (let i = 0; i < items && next > 0; i++) next = next < bytes.length ? skip(bytes, next) : -(next + 1);
  return next;
}

function parse(bytes: Buffer, buffers: boolean): Reply {
  let at = 0;
  const one = (): Reply => {
    const line = bytes.indexOf('\r\n', at);
    const kind = String.fromCharCode(bytes[at]);
    const head = bytes.subarray(at + 1, line);
    const text = head.toString();
    at = line + 2;
    if (BULK.includes(kind)) {
      const length = Number(text);
      if (length < 0) return null;
      const body = bytes.subarray(at, at + length);
      at += length + 2;
      if (kind === '!') return new Error(body.toString());
      const value = kind === '=' ? body.subarray(4) : body;
      return buffers ? Buffer.from(value) : value.toString();
    }
    switch (kind) {
      case '+':
        return buffers ? Buffer.from(head) : text;
      case '-':
        return new Error(text);
      case ':':
        return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
      case '(':
        return BigInt(text);
      case ',':
        return text === 'inf' ? Infinity : text === '-inf' ? -Infinity : Number(text);
      case '#':
        return text === 't';
      case '_':
        return null;
      case '*':
      case '~':
      case '>':
        return Number(text) < 0 ? null : Array.from({ length: Number(text) }, one);
      case '%':
        return new Map(Array.from({ length: Number(text) }, () => [one(), one()] as const));
      case '|':
        for (let i = 0; i < Number(text) * 2; i++) one();
        return one();
      default:
        throw new Error(`raw client: not a reply: ${JSON.stringify(kind + text)}`);
    }
  };
  return one();
}
