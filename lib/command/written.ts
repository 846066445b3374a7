/** A command as RESP in a Buffer of its own, for applications that write it themselves. The link has its own encoder. */
import type { Meta } from './table';

export function written(meta: Meta, args: readonly (string | Buffer)[]): Buffer {
  const parts: Buffer[] = [meta.head(args.length)];
  for (const arg of args) {
    const bytes = typeof arg === 'string' ? Buffer.from(arg) : arg;
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}
