/** The little of Postgres' protocol (version 3) that has to be understood to pass it on: https://www.postgresql.org/docs/current/protocol-message-formats.html */

export type Event = { kind: 'no encryption' } | { kind: 'start' } | { kind: 'end' } | { kind: 'turn'; messages: Buffer };

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
const [QUERY, SYNC, FUNCTION_CALL, TERMINATE] = [...'QSFX'].map((letter) => letter.charCodeAt(0));
const TYPE = 1;
const LENGTH = 4;

/** Cuts a client's bytes into turns: all messages up to one after which the server says that it is ready. */
export class Messages {
  private bytes: Buffer = Buffer.alloc(0);
  /** Where the next message begins. What is before it belongs to the turn. */
  private read = 0;
  private isStarted = false;

  *push(chunk: Buffer): Generator<Event> {
    this.bytes = this.bytes.length === 0 ? chunk : Buffer.concat([this.bytes, chunk]);
    for (;;) {
      const header = this.isStarted ? TYPE : 0;
      if (this.bytes.length < this.read + header + LENGTH) return;
      const end = this.read + header + this.bytes.readUInt32BE(this.read + header);
      if (this.bytes.length < end) return;
      const type = this.bytes[this.read];
      const code = this.isStarted ? 0 : this.bytes.readUInt32BE(LENGTH);
      this.read = end;
      if (!this.isStarted) {
        this.take();
        if (code === SSL_REQUEST || code === GSS_REQUEST) yield { kind: 'no encryption' };
        else if (code === CANCEL_REQUEST) return yield { kind: 'end' };
        else {
          this.isStarted = true;
          yield { kind: 'start' };
        }
      } else if (type === TERMINATE) return yield { kind: 'end' };
      else if (type === QUERY || type === SYNC || type === FUNCTION_CALL) yield { kind: 'turn', messages: this.take() };
    }
  }

  private take(): Buffer {
    const taken = this.bytes.subarray(0, this.read);
    this.bytes = this.bytes.subarray(this.read);
    this.read = 0;
    return taken;
  }
}

function message(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(TYPE + LENGTH);
  head.write(type);
  head.writeUInt32BE(body.length + LENGTH, TYPE);
  return Buffer.concat([head, body]);
}

const text = (value: string): Buffer => Buffer.from(`${value}\0`);
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const PARAMETERS = {
  server_version: '17.0',
  server_encoding: 'UTF8',
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  TimeZone: 'UTC',
  integer_datetimes: 'on',
  standard_conforming_strings: 'on',
};

/** The answer to a start: no password, these settings, ready. */
export const greeting = (): Buffer =>
  Buffer.concat([
    message('R', int32(0)),
    ...Object.entries(PARAMETERS).map(([name, value]) => message('S', text(name), text(value))),
    message('K', int32(1), int32(0)),
    message('Z', Buffer.from('I')),
  ]);

export const ROLLBACK = message('Q', text('rollback'));

/** The status in the last message, ReadyForQuery: `I` idle, `T` in a transaction, `E` in one that has failed. */
export function statusOf(reply: Uint8Array): string {
  return String.fromCharCode(reply[reply.length - 1] ?? 'I'.charCodeAt(0));
}
