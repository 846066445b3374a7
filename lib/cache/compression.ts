/** The option `compression`: its checks, and its form in messages to the core. */
import { badOption } from '../errors';
import { checkNames } from './validate';

/** How values are compressed. */
export interface CompressionOptions {
  /** `'zstd'` makes values smaller, `'lz4'` is faster. */
  algorithm: 'zstd' | 'lz4';
  /** Shorter values, in bytes of their text, stay as they are. Default 1024. */
  minBytes?: number | undefined;
  /** The level of zstd, from 1 (fast, the default) to 19 (small, and slow). LZ4 has none. */
  level?: number | undefined;
}

/** The option `compression`: an algorithm for values of 1 kB and more, its details, or none. */
export type Compression = false | 'zstd' | 'lz4' | CompressionOptions;

const NAMES: ReadonlySet<string> = new Set(['algorithm', 'minBytes', 'level']);
const MIN_BYTES = 1024;
const LEVEL = 1;
const MAX_LEVEL = 19;
const MAX_MIN_BYTES = 2 ** 29;

/** Checks the option. `path` names it in errors. */
export function checkCompression(path: string, value: unknown): Compression {
  if (value === false || value === 'zstd' || value === 'lz4') return value;
  if (typeof value !== 'object' || value === null) badOption(path, "false, 'zstd', 'lz4' or an object", value);
  const { algorithm, minBytes, level } = checkNames(path, value, NAMES);
  if (algorithm !== 'zstd' && algorithm !== 'lz4') badOption(`${path}.algorithm`, "'zstd' or 'lz4'", algorithm);
  if (level !== undefined && algorithm === 'lz4') badOption(`${path}.level`, 'left out: LZ4 has no levels', level);
  return { algorithm, minBytes: checkCount(`${path}.minBytes`, minBytes, MAX_MIN_BYTES), level: checkCount(`${path}.level`, level, MAX_LEVEL) };
}

function checkCount(path: string, value: unknown, max: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number') badOption(path, `a whole number from 1 to ${max}`, value);
  if (!Number.isInteger(value) || value < 1 || value > max) badOption(path, `a whole number from 1 to ${max}`, value, RangeError);
  return value;
}

/** What a message to the core says about it, see `CallLetter.Set`; `''` for no compression. */
export function packingOf(compression: Compression): string {
  if (compression === false) return '';
  const { algorithm, minBytes = MIN_BYTES, level = LEVEL }: CompressionOptions = typeof compression === 'string' ? { algorithm: compression } : compression;
  return algorithm === 'zstd' ? `z${level}:${minBytes}` : `l0:${minBytes}`;
}
