/** The bytes of an entry: the length of its head, the head as JSON, the body. */

/** What belongs to an entry beside its body. Times are in seconds, `timestamp` in milliseconds since 1970. */
export interface Head {
  readonly tags: string[];
  readonly stale: number;
  readonly timestamp: number;
  readonly expire: number;
  readonly revalidate: number;
}

const LENGTH = 4;

export function encode(head: Head, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(LENGTH);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** `undefined` for anything that `encode` has not made. */
export function decode(value: unknown): { head: Head; body: Buffer } | undefined {
  if (!(value instanceof Uint8Array) || value.byteLength < LENGTH) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = LENGTH + bytes.readUInt32BE();
  if (end > bytes.length) return undefined;
  try {
    const head = JSON.parse(bytes.toString('utf8', LENGTH, end)) as Head;
    return Array.isArray(head.tags) && Number.isFinite(head.timestamp) ? { head, body: bytes.subarray(end) } : undefined;
  } catch {
    return undefined;
  }
}
