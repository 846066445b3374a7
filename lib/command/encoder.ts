/**
 * Encodes commands as RESP into a Buffer that the core has pinned. It copies strings up to 32 characters in a loop, longer ones with
 * `utf8Write`, and Buffers unchanged. Each argument is framed separately: if arguments were joined first, adjacent lone surrogates would
 * merge and the lengths would be wrong.
 */
import type { Meta } from './table';

interface Utf8Buffer extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
}

const SHORT = 32;
const START_BYTES = 1 << 17;

/** More than the bytes of `$<length>\r\n` and `\r\n` together. */
const FRAME = 32;

const NONE = Buffer.alloc(0) as Utf8Buffer;

export class Encoder {
  /** Allocated with the first command, because many clients are made and never used. */
  out = NONE;
  /** The offset of the next byte. */
  at = 0;

  /** Called after `out` was replaced by another Buffer. */
  protected onNewOut(): void {}

  /** Replaces `out` with a new Buffer, because an unfinished write still uses the old one. */
  protected renewOut(): void {
    this.out = Buffer.allocUnsafeSlow(START_BYTES) as Utf8Buffer;
    this.onNewOut();
  }

  protected grow(at: number, need: number): Utf8Buffer {
    const bigger = Buffer.allocUnsafeSlow(Math.max(START_BYTES, this.out.length * 2, at + need)) as Utf8Buffer;
    this.out.copy(bigger, 0, 0, at);
    this.out = bigger;
    this.onNewOut();
    return bigger;
  }

  encode(meta: Meta, args: readonly (string | Uint8Array)[]): void {
    const count = args.length;
    const head = meta.heads[count] ?? meta.head(count);
    const headLength = head.length;
    let out = this.out;
    let at = this.at;
    if (at + headLength + FRAME > out.length) out = this.grow(at, headLength + FRAME);
    for (let i = 0; i < headLength; i++) out[at + i] = head[i];
    at += headLength;
    for (let i = 0; i < count; i++) {
      const arg = args[i];
      const length = arg.length;
      if (typeof arg === 'string') {
        if (at + 3 * length + FRAME > out.length) out = this.grow(at, 3 * length + FRAME);
        at = writeString(out, at, arg, length);
      } else {
        if (at + length + FRAME > out.length) out = this.grow(at, length + FRAME);
        at = writeBytes(out, at, arg, length);
      }
    }
    this.at = at;
  }

  /** Begins a command of so many arguments, which `append` brings. */
  protected begin(meta: Meta, count: number): void {
    const head = meta.heads[count] ?? meta.head(count);
    const { at } = this;
    const out = at + head.length > this.out.length ? this.grow(at, head.length) : this.out;
    for (let i = 0; i < head.length; i++) out[at + i] = head[i];
    this.at = at + head.length;
  }

  /** Appends arguments of the command that was begun. */
  protected append(args: readonly (string | Uint8Array)[]): void {
    let { out, at } = this;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i];
      const { length } = arg;
      if (at + 3 * length + FRAME > out.length) out = this.grow(at, 3 * length + FRAME);
      at = typeof arg === 'string' ? writeString(out, at, arg, length) : writeBytes(out, at, arg, length);
    }
    this.at = at;
  }
}

/** Writes a text without a frame. Returns the offset behind it. `out` has room for three bytes for each unit. */
export function writeText(out: Utf8Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT) return at + out.utf8Write(text, at, 3 * length);
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return at + out.utf8Write(text, at, 3 * length);
    out[at + i] = code;
  }
  return at + length;
}

function writeString(out: Utf8Buffer, at: number, text: string, length: number): number {
  let start = writeLength(out, at, length);
  if (length <= SHORT) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      out[start + i] = code;
    }
    if (i === length) return writeEnd(out, start + length);
  }
  const written = out.utf8Write(text, start, 3 * length);
  if (written !== length) {
    // Not ASCII: the length may need a different number of digits.
    const moved = writeLength(out, at, written);
    if (moved !== start) {
      out.utf8Write(text, moved, 3 * length);
      start = moved;
    }
  }
  return writeEnd(out, start + written);
}

function writeBytes(out: Utf8Buffer, at: number, bytes: Uint8Array, length: number): number {
  const start = writeLength(out, at, length);
  if (length <= SHORT) for (let i = 0; i < length; i++) out[start + i] = bytes[i];
  else out.set(bytes, start);
  return writeEnd(out, start + length);
}

function writeEnd(out: Uint8Array, at: number): number {
  out[at] = 13;
  out[at + 1] = 10;
  return at + 2;
}

/** Writes `$<length>\r\n`. Returns the offset at which the argument starts. */
function writeLength(out: Uint8Array, at: number, length: number): number {
  out[at] = 36;
  if (length < 10) {
    out[at + 1] = 48 + length;
    return writeEnd(out, at + 2);
  }
  if (length < 100) {
    const tens = (length / 10) | 0;
    out[at + 1] = 48 + tens;
    out[at + 2] = 48 + length - 10 * tens;
    return writeEnd(out, at + 3);
  }
  const digits = String(length);
  for (let i = 0; i < digits.length; i++) out[at + 1 + i] = digits.charCodeAt(i);
  return writeEnd(out, at + 1 + digits.length);
}
