/**
 * Applications: programs that use a package, each in its own process, which must end on its own. Packages that require ioredis get hawser,
 * because the `overrides` in this folder's package.json copy it to `node_modules/ioredis`.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { runNode, type NodeResult } from '../helpers/process';
import { RedisServer } from '../helpers/redis-server';

/** Where the packages are: this folder, or another one that has other versions of them (`__test__/frameworks/ranges.spec.ts`). */
export const HERE = process.env.HAWSER_TEST_PACKAGES ?? __dirname;

/** The start of every program. */
const PRELUDE = `
  const port = Number(process.env.REDIS_PORT);
  const Redis = require('ioredis');
  const clients = [];
  const client = (options) => { const made = new Redis({ host: '127.0.0.1', port, ...options }); clients.push(made); return made; };
  const report = (value) => console.log(JSON.stringify(value));
  const { setTimeout: pause } = require('node:timers/promises');
  const until = async (condition) => {
    for (const end = Date.now() + 10000; ; await pause(5)) {
      const value = await condition();
      if (value) return value;
      if (Date.now() > end) throw new Error('not within ten seconds: ' + condition);
    }
  };
`;

/** Installs the packages and starts a server for the spec file. Each test begins with an empty server. */
export function withServer(args: string[] = []): { readonly server: RedisServer } {
  const context = {} as { server: RedisServer };
  beforeAll(async () => {
    if (HERE === __dirname) {
      const { code, stderr } = await runNode('scripts/setup.mjs', { args: ['--packages'], deadlineMs: 300_000 });
      if (code !== 0) throw new Error(stderr);
    }
    context.server = await RedisServer.start({ args });
  }, 310_000);
  afterAll(() => context.server?.stop());
  beforeEach(() => context.server.command('FLUSHALL'));
  return context;
}

/** Runs the body of an async function in a process, to its end, and returns what it reported. */
export async function application(server: RedisServer, body: string, deadlineMs = 20_000): Promise<unknown> {
  const result = await start(server, body, deadlineMs);
  if (result.timedOut || result.code !== 0 || result.stderr !== '') {
    throw new Error(`the application ended with ${result.timedOut ? 'its deadline' : result.code}\n${result.stdout}\n${result.stderr}`);
  }
  const lines = result.stdout.trim().split('\n').filter((line) => line !== '');
  const last = lines[lines.length - 1];
  return last === undefined ? undefined : (JSON.parse(last) as unknown);
}

/** A file instead of a snippet: forked processes inherit the arguments and would run a snippet again. */
async function start(server: RedisServer, body: string, deadlineMs: number): Promise<NodeResult> {
  const folder = path.join(HERE, 'node_modules', '.programs');
  const program = path.join(folder, `${process.pid}-${++started}.cjs`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(program, `${PRELUDE}\n(async () => {\n${body}\n  await Promise.all(clients.map((one) => one.quit()));\n})();`);
  try {
    return await runNode(program, { cwd: HERE, deadlineMs, env: { REDIS_PORT: String(server.port) } });
  } finally {
    rmSync(program);
  }
}

let started = 0;

/** A file of this folder, for packages that need a path. */
export const file = (name: string): string => JSON.stringify(path.join(__dirname, name));
