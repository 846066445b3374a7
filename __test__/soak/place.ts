/** One topology in a process of its own: servers, traffic, disturbances. Tells the parent how it goes, and the result at the end. */
import { RedisManager } from 'hawser';
import { pause, nowMs } from '../helpers/clock';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { Tally } from './tally';
import { topologies, type Topology } from './topologies';
import { Traffic } from './traffic';

const [kind, seconds, everySeconds, pauseMs, disturbSeconds] = [process.argv[2], ...process.argv.slice(3).map(Number)] as [string, number, number, number, number];

const tally = new Tally();
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function sample(): { rss: number; heap: number; external: number } {
  global.gc?.();
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
  return { rss, heap: heapUsed, external: external + arrayBuffers };
}

const tell = (message: object): boolean | undefined => process.send?.({ kind, ...message });

/** Repeats the disturbances in their order until the end. */
async function disturb(topology: Topology, traffic: Traffic, end: number): Promise<void> {
  const all = Object.entries(topology.disturbances);
  for (let round = 0; ; round++) {
    const wait = Math.min(disturbSeconds * 1000, end - nowMs());
    if (wait > 0) await pause(wait);
    if (nowMs() >= end) return;
    const [name, run] = all[round % all.length];
    try {
      await run(traffic.hold);
      tally.disturbed(name);
    } catch (error) {
      tally.isUnexpected(name, error);
    }
  }
}

async function report(end: number): Promise<void> {
  let before = tally.operations;
  let at = nowMs();
  while (nowMs() < end) {
    await pause(Math.max(1, Math.min(everySeconds * 1000, end - nowMs())));
    const now = nowMs();
    tell({ type: 'line', perSecond: ((tally.operations - before) * 1000) / (now - at), errors: tally.errors, memory: sample(), at: now });
    [before, at] = [tally.operations, now];
  }
}

const SIGNALS = ['exit', 'beforeExit', 'SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection'];

const tcpSockets = (): number => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
const processListeners = (): number => SIGNALS.reduce((sum, name) => sum + process.listenerCount(name), 0);

/** The connections that servers see, without those that MIGRATE keeps for its next call. Sentinels and helpers are in it. */
async function clientsOf(servers: RedisServer[]): Promise<number> {
  let count = 0;
  for (const server of servers) {
    for (const type of ['normal', 'pubsub']) {
      const lines = String(await server.command('CLIENT', 'LIST', 'TYPE', type)).trim().split('\n');
      count += lines.filter((line) => line !== '' && !line.includes(' cmd=restore')).length;
    }
  }
  return count;
}

/** Each PUBLISH runs at most once. Sentinels publish, too, so that a group's servers tell nothing. */
async function checkPublished(servers: RedisServer[], sent: number): Promise<void> {
  let ran = 0;
  for (const server of servers) ran += (await server.commandCalls()).publish ?? 0;
  if (ran > sent) tally.isWrong(`the servers ran PUBLISH ${ran} times, and it was called ${sent} times`);
}

/** Names what the closed clients have left behind. */
async function leftovers(servers: RedisServer[], before: { listeners: number; clients: number }): Promise<string[]> {
  const left: string[] = [];
  const goesBack = async (what: string, count: () => number | Promise<number>, allowed: number): Promise<void> => {
    await until(async () => (await count()) <= allowed, { deadlineMs: 5000 }).catch(async () => left.push(`${(await count()) - allowed} ${what}`));
  };
  await goesBack('sockets', tcpSockets, 0);
  await goesBack('listeners of the process', processListeners, before.listeners);
  await goesBack('clients at the servers', () => clientsOf(servers), before.clients);
  return left;
}

async function main(): Promise<void> {
  const topology = await topologies[kind]();
  try {
    const before = { listeners: processListeners(), clients: await clientsOf(topology.servers) };
    RedisManager.configure({ ...topology.manager, logger: silent });
    const clients = [topology.client(), topology.client()];
    for (const client of clients) client.on('error', () => undefined);
    const traffic = new Traffic(clients[0], clients[1], tally, pauseMs);
    await traffic.start();
    const end = nowMs() + seconds * 1000;
    await Promise.all([report(end), disturb(topology, traffic, end)]);
    await traffic.stop();
    if (kind === 'standalone' && tally.repeated > 0) tally.isWrong(`${tally.repeated} messages came twice from one server`);
    if (kind !== 'sentinel') await checkPublished(topology.servers, traffic.published);
    for (const client of clients) client.disconnect();
    await RedisManager.closeAll();
    const sum = (field: 'acknowledged' | 'open'): number => traffic.counters.reduce((all, counter) => all + counter[field], 0);
    tell({ type: 'result', ...tally, counts: { acknowledged: sum('acknowledged'), open: sum('open') }, left: await leftovers(topology.servers, before) });
  } finally {
    await topology.stop();
  }
}

process.on('disconnect', () => process.exit(1));
main().then(
  () => process.disconnect?.(),
  (error: Error) => {
    tell({ type: 'broken', error: error.stack ?? String(error) });
    process.disconnect?.();
  },
);
