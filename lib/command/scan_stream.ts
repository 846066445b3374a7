/** Streams the pages of SCAN, SSCAN, HSCAN and ZSCAN. */
import { Readable, type ReadableOptions } from 'node:stream';

/** Options of the scan streams, in addition to those of Node's readable streams. */
export interface ScanStreamOptions extends ReadableOptions {
  /** A glob pattern. It gets no `keyPrefix`. */
  match?: string;
  /** Returns only keys of this type. Only for SCAN. */
  type?: string;
  /** The approximate number of elements that the server examines for one page. Default: the server's, 10. */
  count?: number;
  /** Returns fields without their values. Only for HSCAN; Redis 7.4 and newer. */
  noValues?: boolean;
}

/** The options that the streams accept: `ScanStreamOptions`, and values that ioredis accepts but its types omit. */
export interface ScanOptions extends Omit<ScanStreamOptions, 'match' | 'count'> {
  /** Only keys that fit this glob. */
  match?: string | Buffer;
  /** How many keys the server looks at in each step. */
  count?: number | string;
}

interface Scanner {
  [command: string]: (args: unknown[], callback: (error: Error | null, reply?: [string | Buffer, unknown[]]) => void) => unknown;
}

/** Each `data` event is the array of one page. A page may be empty or repeat elements of an earlier page. */
export class ScanStream extends Readable {
  private cursor: string = '0';
  private isDrained = false;

  constructor(private readonly opt: ScanOptions & { command: string; redis: object; key?: string | Buffer }) {
    super({ ...opt, objectMode: true });
  }

  override _read(): void {
    if (this.isDrained) {
      this.push(null);
      return;
    }
    const { key, match, type, count, noValues, command, redis } = this.opt;
    const args: unknown[] = !key ? [this.cursor] : [key, this.cursor];
    // Empty options are ignored, as in ioredis.
    if (match) args.push('MATCH', match);
    if (type) args.push('TYPE', type);
    if (count) args.push('COUNT', String(count));
    if (noValues) args.push('NOVALUES');
    (redis as Scanner)[command]?.(args, (error, reply) => {
      if (error) {
        this.emit('error', error);
        return;
      }
      const [cursor, page] = reply as [string | Buffer, unknown[]];
      this.cursor = String(cursor);
      if (this.cursor === '0') this.isDrained = true;
      this.push(page);
    });
  }

  /** Stops after the current page. */
  close(): void {
    this.isDrained = true;
  }
}
