/** `hawser doctor`: whether process, server, rights, latency and policies are fit for hawser. */
import type { Cell } from './output/report';
import type { Call, CliCommand } from './command';
import { check, type Check, type DoctorJson, type Level } from './doctor/checks';
import { processChecks } from './doctor/process';
import { CliError, EXIT } from './exit_codes';
import { addOutputOptions, wholeNumber } from './options';
import { emit } from './output/emit';
import type { Node } from './server/connect';
import { addServerOptions } from './server/server_options';

const CONNECT_MS = 5_000;

export const command: CliCommand = {
  define(command) {
    addServerOptions(command);
    command
      .option('--prefix <prefix>', 'check the rights on the keys of this repository', 'sc')
      .option('--command-timeout <ms>', "the application's cache.commandTimeoutMs", wholeNumber(1, 3_600_000), 250)
      .option('--bullmq', 'the server also has the queues of BullMQ')
      .option('--strict', 'exit with 1 for warnings too');
    addOutputOptions(command);
  },
  async run(call) {
    const { prefix } = call.options as { prefix: string };
    if (prefix === '' || prefix.includes('#')) throw new CliError('--prefix must be a text that is not empty and has no #');
    const checks = processChecks();
    let server: string | null = null;
    // Without a binary there is nothing to connect with.
    if (checks.every(({ level, name }) => level !== 'problem' || name !== 'binary')) {
      const found = await serversChecked(call, prefix);
      server = found.server;
      checks.push(...found.checks);
    }
    const data = jsonOf(server, checks);
    await emit(call, {
      data,
      report: () => ({
        title: `hawser doctor: ${summary(data)}`,
        sections: [{ kind: 'table', head: ['', 'check', 'server', 'found'], rows: checks.map((one) => [tone(one.level), one.name, one.node ?? '', one.text]) }],
      }),
    });
    return data.problems > 0 || (call.options.strict === true && data.warnings > 0) ? EXIT.findings : EXIT.fine;
  },
};

async function serversChecked(call: Call, prefix: string): Promise<{ server: string | null; checks: Check[] }> {
  // These load the binary.
  const [{ targetOf }, { openServers }, { serverChecks }, { rightsOf }, { clusterChecks }] = await Promise.all([
    import('./server/target.js'), import('./server/servers.js'), import('./doctor/server.js'), import('./doctor/rights.js'), import('./doctor/cluster.js'),
  ]);
  const target = targetOf(call);
  const { endpoint } = target;
  if (endpoint.memory) return { server: null, checks: [check('server', 'ok', `${target.source} is memory://: cache and bus run inside the process, and there is no server to check`)] };
  const options = { timeoutMs: CONNECT_MS, signal: call.context.signal };
  const server = { ...target, endpoint };
  const servers = await openServers(server, options);
  const isCluster = servers.topology === 'cluster';
  try {
    const checks = [check('server', 'ok', `${servers.place} answers (${servers.topology}, ${target.source})`)];
    for (const { node, reason } of servers.missing) checks.push(check('server', 'problem', reason, node));
    const expected = { commandTimeoutMs: Number(call.options.commandTimeout), bullMQ: call.options.bullmq === true, isCluster };
    const all = async (node: Node): Promise<Check[]> => [...(isCluster ? [check('server', 'ok', 'answers', node.name)] : []), ...(await serverChecks(node, server, expected)), ...(await rightsOf(node, prefix, isCluster))];
    const cluster = isCluster ? await clusterChecks(servers, server, options, all) : [];
    for (const node of servers.nodes) checks.push(...(await all(node)));
    return { server: servers.place, checks: [...checks, ...cluster] };
  } finally {
    servers.close();
  }
}

function jsonOf(server: string | null, checks: readonly Check[]): DoctorJson {
  const of = (level: Level): number => checks.filter((one) => one.level === level).length;
  return { schema: 'hawser.doctor/1', server, problems: of('problem'), warnings: of('warning'), checks };
}

function summary({ problems, warnings }: DoctorJson): string {
  const count = (number: number, what: string): string => `${number === 0 ? 'no' : number} ${what}${number === 1 ? '' : 's'}`;
  return `${count(problems, 'problem')}, ${count(warnings, 'warning')}`;
}

function tone(level: Level): Cell {
  const tones = { ok: 'good', info: 'dim', warning: 'warn', problem: 'bad' } as const;
  return { text: level, tone: tones[level] };
}
