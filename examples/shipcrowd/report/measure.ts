/** What servers and processes have used up to now, and what was used between two looks. */
import { readFileSync } from 'node:fs';
import { Admin } from './admin';
import type { Site } from './site';
import { sum } from './figures';

/** Counters that only grow. */
export interface Usage {
  /** Commands that Redis has run, those of scripts included and this program's own excluded. */
  readonly commands: number;
  /** Seconds. */
  readonly redisCpu: number;
  /** Seconds, of all instances; null where /proc is missing. */
  readonly nodeCpu: number | null;
  /** Queries that requests have sent to the database. */
  readonly queries: number;
  readonly byCommand: Readonly<Record<string, number>>;
}

export interface TierState {
  readonly name: string;
  readonly reads: number;
  /** 0 to 1; null without reads. */
  readonly hitRate: number | null;
  readonly target: number | null;
}

export interface Operations {
  readonly instance: number;
  readonly connections: { name: string; library: string; state: string }[];
  readonly tiers: TierState[];
  readonly queues: { name: string; waiting: number; active: number; completed: number; failed: number }[];
  readonly database: { queries: number };
  readonly jobs?: { outbox: number; runs: number; twice: number; repeated: number };
}

/** The operations page of every instance. `token` is an administrator's. */
export async function operations(site: Site, token: string): Promise<Operations[]> {
  const instances = await site.instances();
  return Promise.all(instances.map(({ instance }) => site.need<Operations>('/api/operations', { token, instance })));
}

export async function usage(ports: readonly number[], site: Site, token: string): Promise<Usage> {
  const [pages, instances] = [await operations(site, token), await site.instances()];
  const servers = await Promise.all(ports.map(serverUsage));
  const cpus = instances.map(({ pid }) => cpuSeconds(pid));
  const byCommand: Record<string, number> = {};
  for (const server of servers) for (const [name, calls] of Object.entries(server.byCommand)) byCommand[name] = (byCommand[name] ?? 0) + calls;
  return {
    commands: sum(Object.values(byCommand)),
    redisCpu: sum(servers.map(({ cpu }) => cpu)),
    nodeCpu: cpus.some((cpu) => cpu === null) ? null : sum(cpus.map(Number)),
    queries: sum(pages.map(({ database }) => database.queries)),
    byCommand,
  };
}

/** What was used between two looks. */
export function used(from: Usage, to: Usage): Usage {
  const byCommand = Object.entries(to.byCommand).map(([name, calls]) => [name, calls - (from.byCommand[name] ?? 0)] as const);
  return {
    commands: to.commands - from.commands,
    redisCpu: to.redisCpu - from.redisCpu,
    nodeCpu: from.nodeCpu === null || to.nodeCpu === null ? null : to.nodeCpu - from.nodeCpu,
    queries: to.queries - from.queries,
    byCommand: Object.fromEntries(byCommand.filter(([, calls]) => calls > 0)),
  };
}

/** Commands of administration, which the report sends itself. */
const OWN = new Set(['info', 'client|list', 'dbsize', 'ping']);

async function serverUsage(port: number): Promise<{ cpu: number; byCommand: Record<string, number> }> {
  const admin = await Admin.connect(port);
  try {
    const [stats, cpu] = [await admin.info('commandstats'), await admin.info('cpu')];
    const calls = Object.entries(stats).map(([name, line]) => [name.replace(/^cmdstat_/, ''), Number(/calls=(\d+)/.exec(line)?.[1] ?? 0)] as const);
    return { cpu: Number(cpu.used_cpu_sys) + Number(cpu.used_cpu_user), byCommand: Object.fromEntries(calls.filter(([name]) => !OWN.has(name))) };
  } finally {
    admin.close();
  }
}

/** User and system time of a process in seconds. */
export function cpuSeconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Clock ticks: 100 a second on Linux.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** Connections of one instance on average, by whose they are. */
export interface Connections {
  /** The application's own: named `hawser:...` or `shipcrowd:...`, without the streams. */
  readonly own: number;
  /** Of live invalidations for browsers, which the old code does not have. */
  readonly streams: number;
  /** Opened by BullMQ for queues and workers. */
  readonly queues: number;
  readonly byName: Readonly<Record<string, number>>;
}

export async function connections(ports: readonly number[], instances: number): Promise<Connections> {
  const names: string[] = [];
  for (const port of ports) {
    const admin = await Admin.connect(port);
    const own = Number(await admin.command('CLIENT', 'ID'));
    const list = String(await admin.command('CLIENT', 'LIST'));
    admin.close();
    for (const line of list.split('\n').filter(Boolean)) {
      const field = (name: string): string => new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
      if (Number(field('id')) === own || /[SM]/.test(field('flags'))) continue;
      names.push(field('name'));
    }
  }
  const byName: Record<string, number> = {};
  for (const name of names) byName[nameOf(name)] = (byName[nameOf(name)] ?? 0) + 1 / instances;
  const count = (kind: ReturnType<typeof kindOf>): number => names.filter((name) => kindOf(name) === kind).length / instances;
  return { own: count('own'), streams: count('stream'), queues: count('queue'), byName };
}

function kindOf(name: string): 'own' | 'stream' | 'queue' {
  if (name === 'hawser:stream') return 'stream';
  return /^(hawser|shipcrowd):/.test(name) ? 'own' : 'queue';
}

/** BullMQ's names contain the queue's. */
const nameOf = (name: string): string => (kindOf(name) === 'queue' ? 'BullMQ' : name);

/** Hit rates of all instances together, in percent; null for a tier without reads. */
export function hitRates(pages: readonly Operations[]): Record<string, number | null> {
  const tiers = pages.flatMap((page) => page.tiers);
  return Object.fromEntries(
    [...new Set(tiers.map(({ name }) => name))].map((name) => {
      const own = tiers.filter((tier) => tier.name === name);
      const reads = sum(own.map((tier) => tier.reads));
      return [name, reads === 0 ? null : (100 * sum(own.map((tier) => tier.reads * (tier.hitRate ?? 0)))) / reads];
    }),
  );
}

/** In MB (10^6 bytes), of all servers. */
export async function memory(ports: readonly number[]): Promise<number> {
  const bytes = await Promise.all(
    ports.map(async (port) => {
      const admin = await Admin.connect(port);
      const { used_memory: own } = await admin.info('memory');
      admin.close();
      return Number(own);
    }),
  );
  return sum(bytes) / 1e6;
}
