/** Faults while the backend runs: Redis killed, frozen or full, an instance killed. Users go on reading and writing meanwhile. */
import type { InstanceState } from './site';
import { percentile } from './figures';
import type { Target } from './parts/loads';
import { readBack, type ReadBack } from './readback';
import type { Server } from './servers';
import type { Stack } from './stack';
import { Dice } from './dice';
import { trafficOf } from './traffic';
import { pause, until } from './wait';

export interface Fault {
  readonly name: string;
  begin(): Promise<unknown> | void;
  end(): Promise<unknown> | void;
}

/** How long a fault lasts: both must have passed. */
export interface Lasting {
  readonly seconds: number;
  /** Reads that are answered while it lasts. */
  readonly answers: number;
}

export interface FaultResult {
  readonly name: string;
  readonly seconds: number;
  /** Reads of pages, lists, prices and dashboards, during the fault and after it. */
  readonly reads: number;
  /** Reads with an error or without an answer. */
  readonly failed: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly slowest: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly writes: ReadBack;
  /** From the end of the fault until everything is healthy, in seconds. */
  readonly healed: number;
  readonly timeline: Timeline;
}

/** How readers fared, from half a second to the next. Times in seconds from the first read on. */
export interface Timeline {
  readonly from: number;
  readonly to: number;
  readonly buckets: readonly { readonly at: number; readonly reads: number; readonly failed: number; readonly slowestMs: number }[];
}

export function redisKilled(server: Server): Fault {
  return { name: 'Redis killed and back', begin: () => server.kill('SIGKILL'), end: () => server.launch() };
}

export function redisFrozen(server: Server): Fault {
  return { name: 'Redis frozen', begin: () => server.freeze(), end: () => server.thaw() };
}

/** The server refuses every write that needs memory. */
export function redisFull(server: Server): Fault {
  return {
    name: 'Redis full (noeviction)',
    begin: async () => {
      await server.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await server.command('CONFIG', 'SET', 'maxmemory', 1);
    },
    end: () => server.command('CONFIG', 'SET', 'maxmemory', 0),
  };
}

export function instanceKilled(stack: Stack, number: number): Fault {
  let old: InstanceState | undefined;
  return {
    name: 'one instance killed',
    begin: async () => {
      old = (await stack.site.instances()).find(({ instance }) => instance === number);
      if (old === undefined) throw new Error(`there is no instance ${number}`);
      process.kill(old.pid, 'SIGKILL');
    },
    end: () => until(async () => (await stack.site.instances()).some(({ instance, pid }) => instance === number && pid !== old?.pid), 'a successor of the killed instance'),
  };
}

/** Runs users through a fault: some beforehand, some during it, some until everything is well. */
export async function under(fault: Fault, stack: Stack, target: Target, lasting: Lasting, seed: number): Promise<FaultResult> {
  const { site, instances } = target;
  let isOver = false;
  const reads: Read[] = [];
  const origin = performance.now();
  // Where the browser's part is built, its page must stay up as well.
  const hasPage = (await site.call('/')).status === 200;
  const readers = Promise.all(Array.from({ length: 4 }, (_, index) => reader(target, { seed: seed + index, hasPage, reads, isOver: () => isOver })));
  const writers = readBack(site, target.people, { instances, seed: seed + 100, clients: 4, isOver: () => isOver });
  try {
    await until(() => reads.length >= 20, 'reads before the fault');
    const [began, answered] = [performance.now(), reads.length];
    const since = (time: number): number => (time - origin) / 1000;
    await fault.begin();
    await pause(lasting.seconds * 1000);
    await until(() => reads.length >= answered + lasting.answers, 'reads during the fault', 120_000);
    const seconds = (performance.now() - began) / 1000;
    await fault.end();
    const ended = performance.now();
    await stack.allUp();
    await until(async () => (await site.call('/api/health/redis')).status === 200, 'the backend to be healthy', 60_000, 20);
    const healed = (performance.now() - ended) / 1000;
    const after = reads.length;
    await until(() => reads.length >= after + 100, 'reads after the fault', 120_000);
    isOver = true;
    await readers;
    const timeline = { from: since(began), to: since(ended), buckets: bucketsOf(reads.map((read) => ({ ...read, at: since(read.at) }))) };
    return { name: fault.name, seconds, healed, ...summary(reads), writes: await writers, timeline };
  } finally {
    isOver = true;
    await Promise.allSettled([readers, writers]);
  }
}

interface Read {
  status: number;
  ms: number;
  /** When the answer came. */
  at: number;
}

interface Reading {
  seed: number;
  hasPage: boolean;
  reads: Read[];
  isOver(): boolean;
}

/** A user who only reads, one thing after the other, through whichever instance the balancer chooses. */
async function reader({ site, people }: Target, { seed, hasPage, reads, isOver }: Reading): Promise<void> {
  const steps = trafficOf(seed, people.facts, 2_000).filter(({ method, kind }) => method === 'GET' && kind !== 'wallet');
  const dice = new Dice(seed);
  for (let at = 0; !isOver(); at = (at + 1) % steps.length) {
    const isPage = hasPage && dice.next() < 0.1;
    const { path, user } = steps[at];
    const { status, ms } = await (isPage ? site.call('/') : site.call(path, { token: people.sellers[user].token }));
    reads.push({ status, ms, at: performance.now() });
    if (isFailure(status)) await pause(10);
  }
}

function summary(reads: readonly Read[]): Pick<FaultResult, 'reads' | 'failed' | 'p50' | 'slowest' | 'statuses'> {
  const statuses: Record<string, number> = {};
  for (const { status } of reads) statuses[status] = (statuses[status] ?? 0) + 1;
  const failed = reads.filter(({ status }) => isFailure(status)).length;
  const times = reads.map(({ ms }) => ms);
  return { reads: reads.length, failed, p50: percentile(times, 0.5), slowest: percentile(times, 1), statuses };
}

/** Orders of the facts exist, and users have the permissions, so that everything else than 200 is wrong. */
const isFailure = (status: number): boolean => status !== 200;
const BUCKET_SECONDS = 0.5;

function bucketsOf(reads: readonly Read[]): Timeline['buckets'] {
  const buckets: { at: number; reads: number; failed: number; slowestMs: number }[] = [];
  for (const { at, ms, status } of reads) {
    const index = Math.floor(at / BUCKET_SECONDS);
    while (buckets.length <= index) buckets.push({ at: buckets.length * BUCKET_SECONDS, reads: 0, failed: 0, slowestMs: 0 });
    const bucket = buckets[index];
    bucket.reads++;
    bucket.slowestMs = Math.max(bucket.slowestMs, ms);
    if (isFailure(status)) bucket.failed++;
  }
  return buckets;
}
