/** SCAN and its like as a stream of reply pages. */
import { Readable, type ReadableOptions } from 'node:stream';

/** Options of the scan streams, besides those of Node's readable streams. */
export interface ScanStreamOptions extends ReadableOptions {
  /** A glob pattern; `keyPrefix` is not put before it. */
  match?: string;
  /** Only keys of this type. SCAN alone has it. */
  type?: string;
  /** About how many elements the server looks at for one page. Default: the server's, 10. */
  count?: number;
  /** HSCAN alone: fields without their values. Redis 7.4 and newer. */
  noValues?: boolean;
}

/** What the streams take: besides what `ScanStreamOptions` names, what ioredis takes and its types leave out. */
export interface ScanOptions extends Omit<ScanStreamOptions, 'match' | 'count'> {
  match?: string | Buffer;
  count?: number | string;
}

interface Scanner {
  [command: string]: (args: unknown[], callback: (error: Error | null, reply?: [string | Buffer, unknown[]]) => void) => unknown;
}

/** Each `data` is the array of one page, which may be empty or hold what an earlier page had. */
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
    // What is empty is none, as in ioredis.
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

  /** Stops after the page under way. */
  close(): void {
    this.isDrained = true;
  }
}
