/** A connection to a Redis server for the report itself: one command at a time, with none of the libraries that are measured. */
import * as net from 'node:net';

export type Reply = string | number | null | Reply[];

export class Admin {
  private received = Buffer.alloc(0);
  private readonly waiting: { resolve(reply: Reply): void; reject(error: Error): void }[] = [];
  private ended: Error | undefined;

  private constructor(private readonly socket: net.Socket) {
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.on('error', (error) => this.end(error));
    socket.on('close', () => this.end(new Error('the connection to Redis has ended')));
  }

  static connect(port: number, host = '127.0.0.1'): Promise<Admin> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Admin(socket));
      });
    });
  }

  /** Runs one command on a connection of its own. */
  static async once(port: number, ...args: (string | number)[]): Promise<Reply> {
    const admin = await Admin.connect(port);
    try {
      return await admin.command(...args);
    } finally {
      admin.close();
    }
  }

  command(...args: (string | number)[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.ended) return reject(this.ended);
      this.waiting.push({ resolve, reject });
      this.socket.write(`*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`).join('')}`);
    });
  }

  /** `INFO`, as a record. */
  async info(section = 'everything'): Promise<Record<string, string>> {
    const lines = String(await this.command('INFO', section)).split('\r\n');
    return Object.fromEntries(lines.filter((line) => line.includes(':')).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
  }

  close(): void {
    this.socket.destroy();
  }

  private receive(chunk: Buffer): void {
    this.received = Buffer.concat([this.received, chunk]);
    for (let parsed = parse(this.received, 0); parsed !== undefined; parsed = parse(this.received, 0)) {
      this.received = this.received.subarray(parsed.end);
      const waiting = this.waiting.shift();
      if (parsed.value instanceof Error) waiting?.reject(parsed.value);
      else waiting?.resolve(parsed.value);
    }
  }

  private end(error: Error): void {
    this.ended ??= error;
    for (const { reject } of this.waiting.splice(0)) reject(this.ended);
  }
}

interface Parsed {
  value: Reply | Error;
  end: number;
}

/** The reply that starts at `at`, or undefined if it is not complete. */
function parse(bytes: Buffer, at: number): Parsed | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', at + 1, lineEnd);
  const after = lineEnd + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: line, end: after };
    case '-':
      return { value: new Error(line), end: after };
    case ':':
      return { value: Number(line), end: after };
    case '$':
      return bulk(bytes, Number(line), after);
    case '*':
      return list(bytes, Number(line), after);
    default:
      return { value: new Error(`unknown reply: ${line}`), end: after };
  }
}

function bulk(bytes: Buffer, length: number, from: number): Parsed | undefined {
  if (length < 0) return { value: null, end: from };
  if (bytes.length < from + length + 2) return undefined;
  return { value: bytes.toString('utf8', from, from + length), end: from + length + 2 };
}

function list(bytes: Buffer, length: number, from: number): Parsed | undefined {
  if (length < 0) return { value: null, end: from };
  const values: Reply[] = [];
  let end = from;
  for (let i = 0; i < length; i++) {
    const one = parse(bytes, end);
    if (one === undefined) return undefined;
    if (!(one.value instanceof Error)) values.push(one.value);
    end = one.end;
  }
  return { value: values, end };
}
