/**
 * examples/shipcrowd as it runs: the balancer, its instances, the database. It is installed from the packed file, in a folder outside the repository.
 *
 *     const { server, stack } = stackOnRedis(['--instances', '2']);
 */
import * as path from 'node:path';
import { QUICK } from '../../examples/shipcrowd/report/options';
import { NodeProcess, runNode } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

/** The reduced size, whose shape is that of the full one. It is the report's, so that data is generated once for all specs. */
const { companies, orders, pincodes } = QUICK;
const SIZE = Object.entries({ companies, orders, pincodes, port: 0 }).flatMap(([name, value]) => [`--${name}`, String(value)]);
const STARTED_MS = 90_000;
/** Variables that are set to nothing count as not set. */
const NOTHING = Object.fromEntries(
  ['REDIS_URL', 'REDIS_CLUSTER', 'REDIS_CLUSTER_NODES', 'REDIS_MANAGER_ENABLED', 'REDIS_MANAGER_ORDERS', 'DATABASE_URL', 'PORT', 'INSTANCES', 'COMPANIES', 'SEED', 'JWT_SECRET', 'RATE_LIMIT_PER_MINUTE'].map((name) => [name, '']),
);

export interface Answer<T = any> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Asked {
  token?: string;
  /** The number of the instance. Default: the balancer's choice. */
  instance?: number;
  body?: unknown;
  method?: string;
  /** More headers. */
  headers?: Record<string, string>;
}

/** Installs and builds the example if anything has changed. Returns its folder. */
export async function installExample(): Promise<string> {
  const { code, stdout, stderr } = await runNode('scripts/setup.mjs', { args: ['--example'], deadlineMs: 300_000 });
  if (code !== 0) throw new Error(stderr);
  return stdout.trim().split('\n').pop()!;
}

export class Stack {
  url = '';
  /** When everything was up, as `Date.now()`. */
  readyAt = 0;
  private process: NodeProcess | undefined;

  async start(args: string[], env: Record<string, string | undefined> = {}): Promise<void> {
    const folder = await installExample();
    this.process = new NodeProcess(path.join(folder, 'run.mjs'), {
      args: [...SIZE, ...args],
      cwd: folder,
      deadlineMs: 600_000,
      env: { HAWSER_EXAMPLE_BUILD: 'no', ...NOTHING, DATA_FOLDER: path.join(folder, '.data'), ...env },
    });
    const ready = await this.process.line(/^ready /, { deadlineMs: STARTED_MS });
    this.url = ready.split(' ')[1];
    this.readyAt = Date.now();
  }

  /** Ends all of its processes. */
  async stop(): Promise<void> {
    const { code, stderr, timedOut } = (await this.process?.kill('SIGTERM')) ?? { code: 0, stderr: '', timedOut: false };
    if (code !== 0 || timedOut) throw new Error(`the example ended with ${code}: ${stderr}`);
  }

  get output(): string {
    return `${this.process?.stdout}\n${this.process?.stderr}`;
  }

  async ask<T = any>(place: string, { token, instance, body, method, headers }: Asked = {}): Promise<Answer<T>> {
    const response = await fetch(this.url + place, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(instance !== undefined && { 'x-instance': String(instance) }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : text) as T };
  }

  /** Signs in and returns the token. */
  async signIn(role: string, company: string | null = 'c1', instance?: number): Promise<string> {
    const { status, body } = await this.ask('/api/auth/login', { body: { email: `${role}@${company ?? 'shipcrowd'}.example` }, instance });
    if (status !== 200) throw new Error(`sign-in: ${status} ${JSON.stringify(body)}`);
    return (body as { token: string }).token;
  }

  async instances(): Promise<{ instance: number; state: string; flags: Record<string, string>; pid: number }[]> {
    return (await this.ask('/balancer/instances')).body;
  }

  /** Restarts an instance with other flags and waits until it is up. */
  async switchTo(instance: number, flags: object, token: string): Promise<void> {
    const { pid } = (await this.instances())[instance - 1];
    const { status, body } = await this.ask(`/balancer/instances/${instance}/flags`, { method: 'PUT', body: flags, token });
    if (status !== 202) throw new Error(`flags: ${status} ${JSON.stringify(body)}`);
    await until(async () => (await this.instances())[instance - 1].state === 'up' && (await this.instances())[instance - 1].pid !== pid, { deadlineMs: 60_000, everyMs: 50 });
  }
}

/** An example for all tests of the file. */
export function stackForAll(args: () => string[], env: Record<string, string | undefined> = {}): Stack {
  const stack = new Stack();
  beforeAll(() => stack.start(args(), env), 400_000);
  afterAll(() => stack.stop(), 30_000);
  return stack;
}

/** A server, and an example on it, for all tests of the file. BullMQ needs a server that evicts nothing. */
export function stackOnRedis(args: string[] = [], serverArgs: string[] = [], env: Record<string, string | undefined> = {}): { server: RedisServer; stack: Stack } {
  const server = RedisServer.unstarted({ args: ['--maxmemory-policy', 'noeviction', ...serverArgs] });
  beforeAll(() => server.begin());
  const stack = stackForAll(() => ['--redis', server.url, ...args], env);
  // After the example, which lets its jobs end and waits for a server that is away.
  afterAll(() => server.stop());
  return { server, stack };
}

/** Two pincodes that exist in every size: the first of the first state, and one of a later city of it. */
export const FROM = '110000';
export const NEAR = '110001';

export const ORDER = { customer: 'Test Customer', from: FROM, to: NEAR, weightGrams: 700, value: 1200, paymentMode: 'prepaid' };
