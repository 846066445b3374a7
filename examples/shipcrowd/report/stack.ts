/** The example itself, started as its users start it: balancer, instances and database are processes of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import * as path from 'node:path';
import { freePort } from './servers';
import { Site, type InstanceState } from './site';
import { until } from './wait';

export interface StackOptions {
  /** Where `run.mjs` is. Default: the example that this file is part of. */
  readonly root?: string;
  readonly redisUrl: string;
  readonly cluster?: boolean;
  readonly instances: number;
  readonly companies: number;
  readonly orders: number;
  readonly pincodes: number;
  readonly seed: number;
  /** `REDIS_MANAGER_ENABLED`. */
  readonly after: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** The example's folder. The compiled report is in build/report of it. */
export const EXAMPLE = path.basename(path.join(__dirname, '..')) === 'build' ? path.join(__dirname, '..', '..') : path.join(__dirname, '..');

export class Stack {
  readonly site: Site;
  private output = '';

  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    readonly options: StackOptions,
  ) {
    this.site = new Site(`http://127.0.0.1:${port}`);
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (this.output = (this.output + text).slice(-20_000)));
  }

  /** Resolves when every instance serves. */
  static async start(options: StackOptions): Promise<Stack> {
    const root = options.root ?? EXAMPLE;
    const port = await freePort();
    const numbers = { port, instances: options.instances, companies: options.companies, orders: options.orders, pincodes: options.pincodes, seed: options.seed };
    const args = ['--redis', options.redisUrl, ...(options.cluster ? ['--cluster'] : []), ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)])];
    const env = { ...process.env, REDIS_MANAGER_ENABLED: String(options.after), RATE_LIMIT_PER_MINUTE: '100000000', DATABASE_URL: '', ...options.env };
    // A process group of its own: Ctrl+C reaches this process alone, which stops the stack in order.
    const child = spawn(process.execPath, [path.join(root, 'run.mjs'), ...args], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const stack = new Stack(child, port, options);
    process.on('exit', stack.reap);
    try {
      await until(() => stack.hasEnded() || stack.isUp(), 'the example to serve', 300_000, 100);
      if (stack.hasEnded()) throw new Error(`run.mjs ended with ${child.exitCode ?? child.signalCode}`);
      return stack;
    } catch (error) {
      await stack.stop();
      throw new Error(`the example did not start:\n${stack.output}`, { cause: error });
    }
  }

  /** The end of what its processes print. */
  get log(): string {
    return this.output;
  }

  /** Resolves when all instances serve, for example after one was killed. */
  async allUp(deadlineMs = 60_000): Promise<InstanceState[]> {
    await until(() => this.isUp(), 'all instances to serve', deadlineMs);
    return this.site.instances();
  }

  async stop(): Promise<void> {
    this.site.close();
    const { child } = this;
    if (!this.hasEnded()) {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const hard = setTimeout(this.reap, 20_000);
      await gone;
      clearTimeout(hard);
    }
    process.off('exit', this.reap);
  }

  private hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  private async isUp(): Promise<boolean> {
    const instances = await this.site.instances();
    return instances.length === this.options.instances && instances.every(({ state }) => state === 'up');
  }

  private readonly reap = (): void => {
    try {
      if (this.child.pid !== undefined) process.kill(-this.child.pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  };
}
