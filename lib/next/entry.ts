/** The bytes of an entry: a head and a body. */
import { splitHead, withHead } from '../facade/headed';

/** What belongs to an entry beside its body. Times are in seconds, `timestamp` in milliseconds since 1970. */
export interface Head {
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

export const encode: (head: Head, body: Buffer) => Buffer = withHead;

/** `undefined` for anything that `encode` has not made. */
export function decode(value: unknown): { head: Head; body: Buffer } | undefined {
  return splitHead<Head>(value, ({ tags, timestamp }) => Array.isArray(tags) && Number.isFinite(timestamp));
}
