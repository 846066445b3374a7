/** The state of one run of the report: what is measured so far, and what could not be. */
import type { Options, Part } from './options';
import type { ReportJson } from './result';
import { Server } from './servers';
import { Stack } from './stack';

/** More than any part takes. */
const PART_MINUTES = 20;

type Open = { -readonly [K in keyof ReportJson]?: ReportJson[K] };

export class Run {
  readonly found: Open = {};
  readonly failures: { part: string; message: string }[] = [];
  private readonly started = performance.now();

  constructor(readonly options: Options) {}

  /** A line of progress on standard error. Standard output belongs to the report. */
  readonly say = (text: string): void => {
    const seconds = Math.round((performance.now() - this.started) / 1000);
    process.stderr.write(`${String(seconds).padStart(5)} s  ${text}\n`);
  };

  get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }

  has(part: Part): boolean {
    return this.options.parts.has(part);
  }

  /** Runs one part. If it fails or does not end, the report says so and goes on with the next one. */
  async part(name: string, work: () => Promise<void>, minutes = PART_MINUTES): Promise<void> {
    this.say(name);
    let late: NodeJS.Timeout | undefined;
    const deadline = new Promise<never>((_resolve, reject) => {
      late = setTimeout(() => reject(new Error(`no end within ${minutes} minutes`)), minutes * 60_000);
    });
    try {
      await Promise.race([work(), deadline]);
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      this.failures.push({ part: name, message: `${error instanceof Error ? error.message : String(error)}${cause}` });
      this.say(`${name} failed: ${error instanceof Error ? error.stack : String(error)}${cause}`);
    } finally {
      clearTimeout(late);
    }
  }

  /** A stack on a Redis server of its own, for as long as `work` runs. */
  async onServer(after: boolean, args: readonly string[], work: (stack: Stack, server: Server) => Promise<void>): Promise<void> {
    const server = await Server.start(args);
    try {
      await this.onStack(after, server.url, {}, (stack) => work(stack, server));
    } finally {
      await server.stop();
    }
  }

  async onStack(after: boolean, redisUrl: string, more: { cluster?: boolean; env?: Record<string, string> }, work: (stack: Stack) => Promise<void>): Promise<void> {
    const { size, seed } = this.options;
    const { instances, companies, orders, pincodes } = size;
    const stack = await Stack.start({ redisUrl, instances, companies, orders, pincodes, seed, after, ...more });
    try {
      await work(stack);
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : String(error)}\nThe example's last lines:\n${stack.log.slice(-2_000)}`, { cause: error });
    } finally {
      await stack.stop();
    }
  }
}
