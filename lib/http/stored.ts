/** A kept response and its bytes: the length of the head, the head as JSON, the body. A body is not converted to text. */
import { createHash } from 'node:crypto';
import { valueOf, type Field } from './headers';

/** A kept response. */
export interface Stored {
  readonly status: number;
  readonly headers: readonly Field[];
  readonly body: Buffer;
  /** When it was complete, in milliseconds since 1970. */
  readonly at: number;
  /** How long it is fresh, in milliseconds. */
  readonly fresh: number;
  /** Tags that its handler gave it. */
  readonly tags: readonly string[];
}

const LENGTH = 4;

export function encode({ body, ...head }: Stored): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(LENGTH);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** `undefined` for anything that `encode` has not made. */
export function decode(value: unknown): Stored | undefined {
  if (!(value instanceof Uint8Array) || value.byteLength < LENGTH) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = LENGTH + bytes.readUInt32BE();
  if (end > bytes.length) return undefined;
  try {
    const head = JSON.parse(bytes.toString('utf8', LENGTH, end)) as Omit<Stored, 'body'>;
    return Number.isInteger(head.status) && Array.isArray(head.headers) ? { ...head, body: bytes.subarray(end) } : undefined;
  } catch {
    return undefined;
  }
}

/** The fields with an `ETag`. A body that has none gets a weak one: the same content may have been sent in another coding. */
export function withETag(status: number, headers: readonly Field[], body: Buffer): readonly Field[] {
  if (status !== 200 || valueOf(headers, 'etag') !== undefined) return headers;
  return [...headers, ['etag', `W/"${createHash('sha1').update(body).digest('base64url')}"`]];
}
