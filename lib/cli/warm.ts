/** `hawser warm <module>`: runs the warm-up tasks that a module exports. */
import { RedisManager, warmCache, type WarmReport, type WarmTask } from '../facade';
import type { Call, CliCommand } from './command';
import { CliError, EXIT, messageOf } from './exit_codes';
import { loadModule } from './load_module';
import { addOutputOptions, wholeNumber } from './options';
import { emit } from './output/emit';
import { openServers } from './server/servers';
import { shown } from './server/shown';
import { managerTls, targetOf } from './server/target';
import { addServerOptions } from './server/server_options';
import { time } from './server/units';

/** What `hawser warm --json` prints. */
export interface WarmJson {
  readonly schema: 'hawser.warm/1';
  readonly module: string;
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Tasks that did not begin because the command was interrupted. */
  readonly skipped: number;
  readonly durationMs: number;
  readonly errors: readonly { task: string; error: string }[];
}

const CONNECT_MS = 5_000;
const MOST_ERRORS = 100;

export const command: CliCommand = {
  define(command) {
    command.argument('<module>', 'a module that exports tasks for warmCache: an array as default or `tasks`, or a function that returns one');
    addServerOptions(command);
    command.option('--concurrency <tasks>', 'run so many tasks at a time', wholeNumber(1, 10_000), 4);
    addOutputOptions(command);
  },
  async run(call) {
    const [name] = call.args as [string];
    await requireServer(call);
    const report = await warmed(call, await tasksOf(await loadModule(name, call.context), name));
    const data = jsonOf(name, report);
    await emit(call, { data, report: () => ({ title: `Warmed up by ${data.module}`, sections: [{ kind: 'text', lines: linesOf(data) }] }) });
    return data.failed + data.skipped === 0 ? EXIT.fine : EXIT.findings;
  },
};

/** Tasks that find no server only fail one after the other. The module's own hawser reads the variables, also if it is another copy of the package. */
async function requireServer(call: Call): Promise<void> {
  const target = targetOf(call);
  const isList = target.source === 'REDIS_CLUSTER_NODES';
  process.env[isList ? 'REDIS_CLUSTER_NODES' : 'REDIS_URL'] = target.urls.join(',');
  // They would count more than the URL.
  if (!isList) delete process.env.REDIS_CLUSTER_NODES;
  if (target.endpoint.memory) {
    call.context.stderr.write(`hawser warm: ${target.source} is memory://, which ends with this process: this only tries the tasks out\n`);
    return;
  }
  const server = { ...target, endpoint: target.endpoint };
  RedisManager.configure(managerTls(server));
  const servers = await openServers(server, { timeoutMs: CONNECT_MS, signal: call.context.signal });
  servers.close();
  if (servers.topology === 'cluster') process.env.REDIS_CLUSTER = 'true';
}

/** The module's tasks. A function is called, and what it returns may be a promise. */
async function tasksOf(exports: Record<string, unknown>, name: string): Promise<WarmTask[]> {
  let found = exports.tasks ?? exports.default;
  if (typeof found === 'function') {
    try {
      found = await (found as () => unknown)();
    } catch (error) {
      throw new CliError(`the function that ${name} exports failed: ${messageOf(error)}`);
    }
  }
  if (typeof (found as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] !== 'function' || typeof found === 'string') {
    throw new CliError(`${name} exports no warm-up tasks: export an array of functions (or of { name, run }) as default or as \`tasks\`, or a function that returns one`);
  }
  return [...(found as Iterable<WarmTask>)];
}

async function warmed({ context, options }: Call, tasks: readonly WarmTask[]): Promise<WarmReport> {
  try {
    return await warmCache(tasks, { concurrency: Number(options.concurrency), signal: context.signal });
  } finally {
    await RedisManager.closeAll();
  }
}

function jsonOf(module: string, { total, succeeded, failed, skipped, durationMs, errors }: WarmReport): WarmJson {
  return {
    schema: 'hawser.warm/1',
    module: shown(module),
    total,
    succeeded,
    failed,
    skipped,
    durationMs: Math.round(durationMs),
    errors: errors.slice(0, MOST_ERRORS).map(({ index, name, error }) => ({ task: shown(name ?? `task ${index}`), error: shown(messageOf(error), 300) })),
  };
}

function linesOf({ total, succeeded, failed, skipped, durationMs, errors }: WarmJson): (string | { text: string; tone: 'bad' })[] {
  const summary = `${succeeded} of ${total} tasks succeeded in ${time(durationMs / 1000)}${skipped > 0 ? `, ${skipped} did not begin` : ''}`;
  return [summary, ...errors.map(({ task, error }) => ({ text: `${task} failed: ${error}`, tone: 'bad' as const })), ...(failed > errors.length ? [`… ${failed - errors.length} more failed`] : [])];
}
