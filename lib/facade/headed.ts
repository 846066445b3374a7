/** Bytes with a head: its length, the head as JSON, the body. A body is not converted to text. */

const LENGTH = 4;

export function withHead(head: object, body: Buffer): Buffer {
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.allocUnsafe(LENGTH);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text, body]);
}

/** `undefined` for anything that `withHead` has not made, and for a head that is not `valid`. The body is a view of `value`. */
export function splitHead<Head>(value: unknown, valid: (head: Head) => boolean): { head: Head; body: Buffer } | undefined {
  if (!(value instanceof Uint8Array) || value.byteLength < LENGTH) return undefined;
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const end = LENGTH + bytes.readUInt32BE();
  if (end > bytes.length) return undefined;
  try {
    const head = JSON.parse(bytes.toString('utf8', LENGTH, end)) as Head;
    return valid(head) ? { head, body: bytes.subarray(end) } : undefined;
  } catch {
    return undefined;
  }
}
