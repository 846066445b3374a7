/** Arguments as they are sent: texts and Buffers, keys with their prefix. */
import { keyIndexes, type Meta } from './table';

/** Arguments as texts and Buffers, in place. */
export function stringify(args: unknown[]): void {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (typeof arg !== 'string' && !(arg instanceof Uint8Array)) args[i] = toArgument(arg);
  }
}

function toArgument(arg: unknown): string {
  if (arg === null || arg === undefined) return '';
  // 1e21 would be written in exponential form, which Redis does not accept as an integer.
  if (typeof arg === 'number' && Number.isInteger(arg) && !Number.isSafeInteger(arg)) return BigInt(arg).toString();
  return String(arg);
}

/** Puts the prefix before each argument that is a key. */
export function prefixKeys(args: (string | Buffer)[], meta: Meta, prefix: string | Buffer): void {
  if (meta.hasOneKey) {
    if (args.length > 0) args[0] = prefixed(prefix, args[0]);
    return;
  }
  for (const index of keyIndexes(meta.lower, args)) {
    if (index < args.length) args[index] = prefixed(prefix, args[index]);
  }
}

function prefixed(prefix: string | Buffer, key: string | Buffer): string | Buffer {
  if (typeof prefix === 'string' && typeof key === 'string') return prefix + key;
  return Buffer.concat([Buffer.from(prefix as string), Buffer.from(key as string)]);
}
