/** Collects what `hawser inspect` shows. Reads only, within the asker's bounds. */
import type { Asker } from '../server/asker';
import { CLI_NAME, type Node } from '../server/connect';
import type { Servers } from '../server/servers';
import { clientLines, connectionsOf, type ClientLine } from './clients';
import type { HitRate, InspectJson, KeysJson, LatencyJson, MemoryJson, SlowEntry } from './data';
import { keysJson, weightsOf } from './keys';
import { repositoriesJson } from './repositories';
import { sampleKeys } from './sample';
import { commandsJson, databasesOf, infoOf, nodeJson, numberOf, slowEntry, type Info, type SlowReply } from './server_state';

const PINGS = 10;
const SLOW_ENTRIES = 64;
/** Slow commands that are shown. */
const SLOWEST = 20;
const COMMANDS = 200;
/** What is read of CONFIG. INFO tells the rest. */
const CONFIG = ['save', 'appendfsync', 'slowlog-log-slower-than', 'timeout'];

export interface CollectOptions {
  readonly perSecond: number;
  readonly seconds: number;
  readonly sample: number;
}

interface NodeState {
  readonly node: Node;
  readonly info: Info | undefined;
  readonly clients: ClientLine[] | undefined;
  readonly config: Record<string, string>;
  readonly slow: SlowEntry[];
}

const now = performance.now.bind(performance);

/** `sampleUntil`: when the walk through the keys has to end, so that time is left to look at some of them. */
export async function collect(servers: Servers, asker: Asker, options: CollectOptions, started: number): Promise<InspectJson> {
  const { nodes, missing, topology, place, db } = servers;
  for (const { node, reason } of missing) asker.refuse(node, 'connect', reason);
  const states = await Promise.all(nodes.map((node) => stateOf(asker, node)));
  const ping = await pings(asker, nodes);
  const sampleUntil = now() + (started + options.seconds * 1_000 - now()) / 2;
  const sample = await sampleKeys(asker, nodes, options.sample, () => asker.isLate || now() >= sampleUntil);
  const totals = await totalsOf(asker, states, db);
  const infos = states.flatMap(({ info }) => (info === undefined ? [] : [info]));
  const keys = await keysJson(asker, sample, totals, otherDatabases(infos, db));
  const hawser = await repositoriesJson(asker, sample, weightsOf(sample, totals));
  const commands = commandsJson(infos);
  return {
    schema: 'hawser.inspect/1',
    takenAt: new Date().toISOString(),
    topology,
    server: place,
    db,
    load: { commandsPerSecond: options.perSecond, seconds: options.seconds, commandsSent: asker.sent, durationMs: Math.round(now() - started) },
    refused: [...asker.refused.values()],
    unasked: [...asker.unasked].map(([command, times]) => ({ command, times })),
    notes: notesOf(states, keys, options.sample),
    nodes: states.map(({ node, info, config }) => nodeJson(node.name, info, db, config)),
    connections: connectionsOf(states.some(({ clients }) => clients !== undefined) ? states.flatMap(({ clients }) => clients ?? []) : undefined),
    hitRate: hitRateOf(infos),
    latency: { ping, usecPerCall: usecPerCall(commands) },
    memory: memoryOf(infos),
    keys,
    hawser,
    commands: commands.slice(0, COMMANDS),
    slow: {
      thresholdUsec: thresholdOf(states),
      entries: states.flatMap(({ slow }) => slow).sort((a, b) => b.usec - a.usec).slice(0, SLOWEST),
    },
  };
}

async function stateOf(asker: Asker, node: Node): Promise<NodeState> {
  // First of all, so that the statistics do not contain what follows.
  const info = await asker.ask<string>(node, ['INFO', 'all']);
  const clients = await asker.ask<string>(node, ['CLIENT', 'LIST']);
  const slow = await asker.ask<SlowReply[]>(node, ['SLOWLOG', 'GET', SLOW_ENTRIES]);
  const config: Record<string, string> = {};
  for (const name of CONFIG) {
    const reply = await asker.ask<string[]>(node, ['CONFIG', 'GET', name]);
    if (reply?.[1] !== undefined) config[name] = reply[1];
  }
  return {
    node,
    info: info === undefined ? undefined : infoOf(info),
    clients: clients === undefined ? undefined : clientLines(clients),
    config,
    slow: (slow ?? []).filter(([, , , , , name]) => name !== CLI_NAME).map((entry) => slowEntry(node.name, entry)),
  };
}

/** Round trips, one after the other, to all servers in turns. */
async function pings(asker: Asker, nodes: readonly Node[]): Promise<LatencyJson['ping']> {
  const times: number[] = [];
  for (let i = 0; i < PINGS * nodes.length && !asker.isLate; i++) {
    const took = await asker.time(nodes[i % nodes.length], ['PING']);
    if (took === undefined) continue;
    times.push(took);
  }
  if (times.length === 0) return null;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(share * times.length))];
  return { count: times.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
}

async function totalsOf(asker: Asker, states: readonly NodeState[], db: number): Promise<Map<Node, number>> {
  const totals = new Map<Node, number>();
  for (const { node, info } of states) {
    const keys = (await asker.ask<number>(node, ['DBSIZE'])) ?? (info === undefined ? undefined : databasesOf(info).get(db));
    if (keys !== undefined) totals.set(node, keys);
  }
  return totals;
}

function otherDatabases(infos: readonly Info[], own: number): { db: number; keys: number }[] {
  const sums = new Map<number, number>();
  for (const info of infos) for (const [db, keys] of databasesOf(info)) if (db !== own) sums.set(db, (sums.get(db) ?? 0) + keys);
  return [...sums].map(([db, keys]) => ({ db, keys })).sort((a, b) => a.db - b.db);
}

function hitRateOf(infos: readonly Info[]): HitRate {
  const hits = sum(infos, 'keyspace_hits') ?? 0;
  const misses = sum(infos, 'keyspace_misses') ?? 0;
  return { hits, misses, percent: hits + misses === 0 ? null : (hits / (hits + misses)) * 100 };
}

function memoryOf(infos: readonly Info[]): MemoryJson {
  return {
    usedBytes: sum(infos, 'used_memory'),
    peakBytes: sum(infos, 'used_memory_peak'),
    maxBytes: sum(infos, 'maxmemory'),
    fragmentation: infos.length === 0 ? null : Math.max(...infos.map((info) => numberOf(info, 'mem_fragmentation_ratio') ?? 0)),
  };
}

function sum(infos: readonly Info[], name: string): number | null {
  const values = infos.flatMap((info) => numberOf(info, name) ?? []);
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

function usecPerCall(commands: readonly { calls: number; totalSeconds: number }[]): number | null {
  const calls = commands.reduce((total, one) => total + one.calls, 0);
  return calls === 0 ? null : (commands.reduce((total, one) => total + one.totalSeconds, 0) * 1e6) / calls;
}

function thresholdOf(states: readonly NodeState[]): number | null {
  const values = states.flatMap(({ config }) => (config['slowlog-log-slower-than'] === undefined ? [] : Number(config['slowlog-log-slower-than'])));
  return values.length === 0 ? null : Math.min(...values);
}

function notesOf(states: readonly NodeState[], { isComplete, sampled }: KeysJson, wanted: number): string[] {
  const notes: string[] = [];
  if (!isComplete) notes.push('Counts and memory of key patterns are extrapolated from a sample.');
  if (!isComplete && sampled < wanted) notes.push(`The sample has ${sampled} keys and not ${wanted}: the time was over (--seconds, --budget), or a server did not go on.`);
  const lines = states.flatMap(({ clients }) => clients ?? []);
  if (lines.length > 0 && !lines.some((line) => 'lib-name' in line)) notes.push('The server does not record which library a connection uses (Redis does from 7.2 on).');
  return notes;
}
