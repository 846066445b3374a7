/** A kept response and its bytes. */
import { createHash } from 'node:crypto';
import { splitHead, withHead } from '../facade/headed';
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

export function encode({ body, ...head }: Stored): Buffer {
  return withHead(head, body);
}

/** `undefined` for anything that `encode` has not made. */
export function decode(value: unknown): Stored | undefined {
  const found = splitHead<Omit<Stored, 'body'>>(value, ({ status, headers }) => Number.isInteger(status) && Array.isArray(headers));
  return found && { ...found.head, body: found.body };
}

/** The fields with an `ETag`. A body that has none gets a weak one: the same content may have been sent in another coding. */
export function withETag(status: number, headers: readonly Field[], body: Buffer): readonly Field[] {
  if (status !== 200 || valueOf(headers, 'etag') !== undefined) return headers;
  return [...headers, ['etag', `W/"${createHash('sha1').update(body).digest('base64url')}"`]];
}
