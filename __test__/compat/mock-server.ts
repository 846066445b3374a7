/**
 * A small RESP server for specs that must see or shape the bytes: it sends what a real server would not send, and records what a client
 * writes. Use a real redis-server if it can do the same.
 *
 *     const server = await MockServer.start(({ name }) => (name === 'get' ? '$1\r\na\r\n' : undefined));
 *     server.received // [{ connection: 1, name: 'hello', args: ['3'], text: 'hello 3' }, ...]
 */
import * as net from 'node:net';

/** One command as it arrived, with its spelling unchanged. */
export interface Received {
  /** The number of its connection, from 1. */
  connection: number;
  name: string;
  args: string[];
  /** Name and arguments, separated by spaces. */
  text: string;
}

/** Raw reply bytes; `null`: no reply; `undefined`: the reply of `usual`. */
export type Handler = (command: Received, connection: MockConnection) => string | Buffer | null | undefined;

/** The answers of a server without data, which are enough for the handshake of a client. */
export function usual({ name }: Received): string {
  return name.toLowerCase() === 'info' ? bulk('redis_version:7.0.0\r\nloading:0\r\n') : '+OK\r\n';
}

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
export const array = (...items: string[]): string => `*${items.length}\r\n${items.join('')}`;

export class MockConnection {
  closed = false;
  private held: Buffer = Buffer.alloc(0);

  constructor(
    private readonly server: MockServer,
    readonly number: number,
    private readonly socket: net.Socket,
  ) {
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
    socket.on('data', (chunk: Buffer) => this.take(chunk));
  }

  /** Sends bytes in one write. */
  write(bytes: string | Buffer): void {
    if (!this.closed) this.socket.write(bytes);
  }

  /** An orderly end. */
  end(): void {
    this.socket.end();
  }

  /** The client sees ECONNRESET. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private take(chunk: Buffer): void {
    this.held = Buffer.concat([this.held, chunk]);
    const replies: Buffer[] = [];
    for (let parts = this.next(); parts !== undefined; parts = this.next()) {
      const [name = '', ...args] = parts;
      const received: Received = { connection: this.number, name, args, text: parts.join(' ') };
      this.server.received.push(received);
      const answer = this.server.handler(received, this);
      const bytes = answer === undefined ? usual(received) : answer;
      if (bytes !== null) replies.push(Buffer.from(bytes));
    }
    // One write for the commands of one read, as servers do.
    if (replies.length > 0) this.write(Buffer.concat(replies));
  }

  /** Takes the first command from the received bytes; `undefined` while it is incomplete. */
  private next(): string[] | undefined {
    let at = 0;
    const number = (mark: string): number | undefined => {
      const line = this.held.indexOf('\r\n', at);
      if (line < 0) return undefined;
      if (this.held.toString('latin1', at, at + 1) !== mark) throw new Error(`mock server: not a command: ${JSON.stringify(this.held.toString('latin1', at))}`);
      const value = Number(this.held.toString('latin1', at + 1, line));
      at = line + 2;
      return value;
    };
    const count = number('*');
    if (count === undefined) return undefined;
    const parts: string[] = [];
    for (let i = 0; i < count; i++) {
      const length = number('$');
      if (length === undefined || this.held.length < at + length + 2) return undefined;
      parts.push(this.held.toString('utf8', at, at + length));
      at += length + 2;
    }
    this.held = this.held.subarray(at);
    return parts;
  }
}

export class MockServer {
  readonly host = '127.0.0.1';
  /** Every command so far, in the order of its arrival. */
  readonly received: Received[] = [];
  /** Every connection so far; the first has the number 1. */
  readonly connections: MockConnection[] = [];

  private constructor(
    private readonly listener: net.Server,
    public handler: Handler,
  ) {
    listener.on('connection', (socket) => this.connections.push(new MockConnection(this, this.connections.length + 1, socket)));
    listener.unref();
  }

  /** Listens on a free port of 127.0.0.1. */
  static start(handler: Handler = () => undefined): Promise<MockServer> {
    return new Promise((resolve, reject) => {
      const listener = net.createServer();
      listener.once('error', reject);
      listener.listen(0, '127.0.0.1', () => resolve(new MockServer(listener, handler)));
    });
  }

  get port(): number {
    return (this.listener.address() as net.AddressInfo).port;
  }

  /** The commands of a connection as text, or those of all connections with its number before each: `1 hello 3`. */
  texts(connection?: number): string[] {
    if (connection === undefined) return this.received.map((command) => `${command.connection} ${command.text}`);
    return this.received.filter((command) => command.connection === connection).map(({ text }) => text);
  }

  /** Ends all connections and stops listening. */
  stop(): Promise<void> {
    for (const connection of this.connections) if (!connection.closed) connection.reset();
    return new Promise((resolve) => this.listener.close(() => resolve()));
  }
}
