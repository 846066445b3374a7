/** The parts of the report in their order. */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { instanceKilled, redisFrozen, redisFull, redisKilled, under, type FaultResult } from './faults';
import type { Options } from './options';
import { jobsThrough } from './parts/jobs';
import { throughRestart } from './parts/restart';
import { revocations } from './parts/roles';
import { spaceOf } from './parts/space';
import { switches } from './parts/switches';
import { readBack } from './readback';
import { replay } from './replay';
import type { ReportJson } from './result';
import { ClusterServers, SentinelGroup, Server } from './servers';
import { Run } from './session';
import { measureSide, prepare, type Prepared } from './side';
import type { Stack } from './stack';
import { verdictsOf } from './verdicts';
import { SERVICES } from '../server/flags';

export async function measure(options: Options): Promise<ReportJson> {
  const run = new Run(options);
  const startedAt = new Date().toISOString();
  if (run.has('traffic')) {
    await run.part('before', () => side(run, false));
    await run.part('after', () => side(run, true));
  }
  if (run.has('restart') || run.has('queues') || run.has('faults') || run.has('readback')) await run.part('on a durable server', () => onDurableServer(run), 60);
  if (run.has('failover')) await run.part('queues through a failover', () => failover(run));
  if (run.has('switches')) await run.part('every service to the new code and back', () => rollout(run));
  if (run.has('cluster')) await run.part('cluster of 6 nodes', () => cluster(run));
  const { companies, orders, instances, requests } = options.size;
  const result = {
    schema: 'shipcrowd.report/1' as const,
    startedAt,
    seconds: run.seconds,
    quick: options.quick,
    seed: options.seed,
    size: { companies, orders, instances, requests },
    machine: { cpus: cpus().length, node: process.version, redis: redisVersion() },
    jobs: {},
    faults: [],
    ...run.found,
    failures: run.failures,
  };
  return { ...result, verdicts: verdictsOf(result) };
}

function side(run: Run, after: boolean): Promise<void> {
  const { size, seed } = run.options;
  const name = after ? 'after' : 'before';
  return run.onServer(after, [], async (stack, server) => {
    const prepared = await prepare(stack, [server.port], size, seed);
    run.found[name] = await measureSide(prepared, size, seed, (text) => run.say(`  ${name}: ${text}`), after ? run.found.before?.rush.perSecond : undefined);
    if (after && run.has('space')) await run.part('memory', async () => void (run.found.space = await spaceOf(prepared.target, prepared.steps, size.keys)));
  });
}

/** What must survive a restart needs a server that has its data on the disk. */
function onDurableServer(run: Run): Promise<void> {
  const { size, seed } = run.options;
  return run.onServer(true, Server.DURABLE, async (stack, server) => {
    const prepared = await prepare(stack, [server.port], size, seed);
    const { target } = prepared;
    if (run.has('restart')) await run.part('the cache through a restart', async () => void (run.found.restart = await throughRestart(target, server, 3)));
    if (run.has('queues')) {
      await run.part('queues through a restart', async () => {
        const restart = await jobsThrough(target, size.jobOrders, seed + 2, async () => {
          await server.kill('SIGTERM');
          await server.launch();
        });
        run.found.jobs = { ...run.found.jobs, restart };
      });
    }
    if (run.has('readback')) {
      await run.part('orders read back', async () => {
        run.found.readBack = await readBack(target.site, target.people, { instances: size.instances, seed: seed + 3, clients: 8, count: size.readBacks });
      });
    }
    if (run.has('faults')) await faults(run, stack, prepared, server);
  });
}

async function faults(run: Run, stack: Stack, { target }: Prepared, server: Server): Promise<void> {
  const { size, seed } = run.options;
  const results: FaultResult[] = [];
  run.found.faults = results;
  const all = [
    [redisKilled(server), size.fault],
    [redisFrozen(server), size.frozen],
    [instanceKilled(stack, size.instances), { ...size.fault, seconds: 0 }],
    [redisFull(server), size.fault],
  ] as const;
  for (const [index, [fault, lasting]] of all.entries()) {
    await run.part(fault.name, async () => void results.push(await under(fault, stack, target, lasting, seed + 10 * (index + 1))));
  }
}

async function failover(run: Run): Promise<void> {
  const { size, seed } = run.options;
  const group = await SentinelGroup.start(Server.DURABLE);
  try {
    await run.onStack(true, group.url, {}, async (stack) => {
      const { target } = await prepare(stack, [(await group.master()).port], size, seed);
      run.found.jobs = { ...run.found.jobs, failover: await jobsThrough(target, size.jobOrders, seed + 4, () => group.failover()) };
    });
  } finally {
    await group.stop();
  }
}

/** Each service alone. In a reduced size, those with state alone and the others together. */
function rollout(run: Run): Promise<void> {
  const { size, seed, quick } = run.options;
  const state = ['SESSIONS', 'RATE_LIMITS', 'QUEUES'];
  const groups = quick ? [...state.map((name) => [name]), SERVICES.filter((name) => !state.includes(name))] : SERVICES.map((name) => [name]);
  return run.onServer(false, [], async (stack, server) => {
    const { target } = await prepare(stack, [server.port], size, seed);
    run.found.switches = await switches(target, groups, seed + 6);
  });
}

async function cluster(run: Run): Promise<void> {
  const { size, seed } = run.options;
  const servers = await ClusterServers.start();
  try {
    await run.onStack(true, servers.url, { cluster: true, env: { REDIS_CLUSTER_NODES: servers.nodes } }, async (stack) => {
      const ports = servers.masters.map(({ port }) => port);
      const { target, viewer, steps } = await prepare(stack, ports, size, seed);
      const { site, people, instances } = target;
      const traffic = await replay(site, people, steps.slice(0, Math.ceil(steps.length / 10)), size.atOnce);
      const revoked = await revocations(site, people.admin, viewer, instances, size.rounds);
      const back = await readBack(site, people, { instances, seed: seed + 5, clients: 8, count: Math.ceil(size.readBacks / 10) });
      run.found.cluster = { traffic, revocations: revoked, readBack: back };
    });
  } finally {
    await servers.stop();
  }
}

function redisVersion(): string {
  try {
    return /v=(\S+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  } catch {
    return 'not installed';
  }
}
