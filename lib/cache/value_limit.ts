/**
 * How long a stored value may be. A server that refuses a value for its size cuts the connection that everybody uses, and the store inside this
 * process would have to throw everything else away for it: so a value that is too long is not sent at all.
 */
import { HawserError } from '../errors';
import type { Payload } from './bytes';

/** What holds now. */
export interface ValueLimit {
  /** In bytes of the stored text or value. */
  readonly bytes: number;
  /** The store's own limit, where it has to be asked for it. Never rejects. */
  readonly ask: (() => Promise<number>) | undefined;
}

/** No server refuses a shorter value: the least possible `proto-max-bulk-len`, less the longest header of an entry. */
export const HEADER_BYTES = 96 * 1024;
const ALWAYS_FITS = (1 << 20) - HEADER_BYTES;

/** A value that is too long. */
export interface Excess {
  readonly bytes: number;
  readonly limit: number;
}

/** How much too long a payload is; `undefined` where it fits. A promise only for long ones, whose store has to be asked. */
export function excessOf({ bytes: most, ask }: ValueLimit, payload: Payload): Excess | undefined | Promise<Excess | undefined> {
  // Cheap first: no character takes more than three bytes, and no byte more than one.
  const sure = Math.min(most, ask === undefined ? most : ALWAYS_FITS);
  if (payload.length * 3 <= sure) return undefined;
  const bytes = typeof payload === 'string' ? Buffer.byteLength(payload) : payload.length;
  if (bytes <= sure) return undefined;
  if (bytes > most || ask === undefined) return { bytes, limit: most };
  return ask().then((allowed) => (bytes > allowed ? { bytes, limit: allowed } : undefined));
}

export function tooLarge(operation: string, node: string, { bytes, limit }: Excess): HawserError {
  const message = `cache ${operation} at ${node}: a value of ${bytes} bytes is longer than what is stored, ${limit} bytes at most (cache.maxValueBytes)`;
  return new HawserError('E_TOO_LARGE', message, { command: operation, node });
}
