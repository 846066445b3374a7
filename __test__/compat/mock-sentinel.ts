/**
 * Sentinels and servers without data, for specs that shape what Sentinel answers. Where three real Sentinels can do it, use those
 * (`helpers/redis-sentinel.ts`).
 *
 *     const group = await MockGroup.start({ sentinels: 2 });
 *     group.sentinels[0].handler = () => null;            // it hangs
 */
import { array, bulk, MockServer, usual, type Handler, type MockConnection, type Received } from './mock-server';

/** A reply as JavaScript has it. */
type Value = string | number | null | Value[] | Error;

export function encode(value: Value): string {
  if (value === null) return '$-1\r\n';
  if (typeof value === 'number') return `:${value}\r\n`;
  if (value instanceof Error) return `-${value.message}\r\n`;
  return Array.isArray(value) ? array(...value.map(encode)) : bulk(value);
}

/** The fields of a replica or a Sentinel. */
export const row = (port: number, flags: string): Value => ['ip', '127.0.0.1', 'port', String(port), 'flags', flags];

/** The text of `received` from `sentinel` on, or undefined: another command. */
export function question({ name, args }: Received): string | undefined {
  return name.toLowerCase() === 'sentinel' ? args.join(' ') : undefined;
}

/** A server that says which role it has; `values` answers GET. */
export function roleHandler(role: string, name: string): Handler {
  return (command) => {
    if (command.name.toLowerCase() === 'info') return bulk(`role:${role}\r\nloading:0\r\n`);
    return command.name.toLowerCase() === 'get' ? bulk(name) : undefined;
  };
}

export class MockSentinel {
  /** What it answers; `undefined`: the master, no other Sentinel, the replicas. */
  answer: (question: string, connection: MockConnection) => Value | undefined = () => undefined;
  /** Answers nothing, to no command. */
  hangs = false;
  master: number | undefined;
  replicas: Value[] = [];
  others: Value[] = [];
  private readonly subscribers = new Map<MockConnection, 2 | 3>();
  private readonly protocols = new Map<number, 2 | 3>();

  private constructor(readonly server: MockServer) {
    server.handler = (command, connection) => this.handle(command, connection);
  }

  static async start(): Promise<MockSentinel> {
    return new MockSentinel(await MockServer.start());
  }

  get address(): { host: string; port: number } {
    return { host: '127.0.0.1', port: this.server.port };
  }

  /** Connections that listen to it. */
  get listening(): number {
    return [...this.subscribers.keys()].filter((connection) => !connection.closed).length;
  }

  /** What it was asked, without the handshakes. */
  get questions(): string[] {
    return this.server.received.map(question).filter((text) => text !== undefined);
  }

  /** Tells all that listen. */
  announce(text: string): void {
    for (const [connection, protocol] of this.subscribers) {
      connection.write(`${protocol === 3 ? '>' : '*'}3\r\n${bulk('message')}${bulk('+switch-master')}${bulk(text)}`);
    }
  }

  private handle(command: Received, connection: MockConnection): string | null {
    if (this.hangs) return null;
    const name = command.name.toLowerCase();
    if (name === 'hello') this.protocols.set(connection.number, 3);
    if (name === 'subscribe') {
      const protocol = this.protocols.get(connection.number) ?? 2;
      this.subscribers.set(connection, protocol);
      return `${protocol === 3 ? '>' : '*'}3\r\n${bulk('subscribe')}${bulk('+switch-master')}:1\r\n`;
    }
    const asked = question(command);
    if (asked === undefined) return usual(command);
    const answer = this.answer(asked, connection);
    return encode(answer === undefined ? this.known(asked) : answer);
  }

  private known(asked: string): Value {
    if (asked.startsWith('get-master-addr-by-name')) return this.master === undefined ? null : ['127.0.0.1', String(this.master)];
    return asked.startsWith('slaves') ? this.replicas : this.others;
  }
}
