/** SCAN and its like as a stream of reply pages. */
import { Readable, type ReadableOptions } from 'node:stream';

export interface ScanStreamOptions extends ReadableOptions {
  match?: string | Buffer;
  type?: string;
  count?: number | string;
  noValues?: boolean;
}

interface Scanner {
  [command: string]: (args: unknown[], callback: (error: Error | null, reply?: [string | Buffer, unknown[]]) => void) => unknown;
}

/** Each `data` is the array of one page, which may be empty or hold what an earlier page had. */
export class ScanStream extends Readable {
  private cursor: string = '0';
  private isDrained = false;

  constructor(private readonly opt: ScanStreamOptions & { command: string; redis: object; key?: string | Buffer }) {
    super({ ...opt, objectMode: true });
  }

  override _read(): void {
    if (this.isDrained) {
      this.push(null);
      return;
    }
    const { key, match, type, count, noValues, command, redis } = this.opt;
    const args: unknown[] = key === undefined ? [this.cursor] : [key, this.cursor];
    if (match !== undefined) args.push('MATCH', match);
    if (type !== undefined) args.push('TYPE', type);
    if (count !== undefined) args.push('COUNT', String(count));
    if (noValues === true) args.push('NOVALUES');
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
