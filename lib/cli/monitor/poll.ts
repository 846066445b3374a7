/** Reads the state of the servers again and again, for the live view. Lost connections come back by themselves and other masters are followed; all that is an event. */
import { within, type Node } from '../server/connect';
import type { Following } from '../server/following';
import { shown } from '../server/shown';
import { clientLines, connectionsOf } from '../inspect/clients';
import type { Count, SlowEntry } from '../inspect/data';
import { infoOf, numberOf, slowEntry, type Info, type SlowReply } from '../inspect/server_state';
import { messageOf } from '../exit_codes';

/** One look at all servers together. Rates are of the time since the look before. */
export interface Snapshot {
  /** ISO 8601. */
  readonly at: string;
  /** Servers that answered. */
  readonly up: number;
  readonly of: number;
  /** Their addresses, and whether each one answered. */
  readonly servers: readonly { readonly address: string; readonly isUp: boolean }[];
  readonly connections: number | null;
  readonly opsPerSecond: number | null;
  /** 0..100, of the reads since the look before; null: there were none. */
  readonly hitPercent: number | null;
  readonly usedMemoryBytes: number | null;
  readonly maxMemoryBytes: number | null;
  readonly evictedPerSecond: number | null;
  /** The longest round trip of an INFO. */
  readonly latencyMs: number | null;
  /** Commands that SLOWLOG has recorded since. */
  readonly slow: readonly SlowEntry[];
  /** The connections by name, as they were seen last. */
  readonly byName: readonly Count[];
  /** What servers refused; the first reason of each command. */
  readonly refused: readonly string[];
}

interface Totals {
  readonly at: number;
  readonly commands: number;
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
}

const SLOW_ENTRIES = 16;
/** CLIENT LIST is long where there are many connections: it is read less often. */
const LIST_EVERY = 5;
const PATIENCE_MS = 2_000;

const now = performance.now.bind(performance);

export class Poller {
  private readonly before = new Map<Node, Totals>();
  private readonly slowIds = new Map<Node, number>();
  private readonly runs = new Map<Node, string>();
  /** Of a Sentinel group: where its master is. */
  private readonly addresses = new Map<Node, string>();
  private readonly demoted = new Set<Node>();
  private readonly refused = new Map<string, string>();
  private byName: readonly Count[] = [];
  private turn = 0;

  /** `onEvent`: a connection was lost, or is back; another server is the master. */
  constructor(
    private readonly servers: Following,
    private readonly onEvent: (text: string) => void,
  ) {
    for (const node of servers.nodes) this.listen(node);
    servers.follow({
      added: (node) => {
        this.listen(node);
        onEvent(`${node.name} is a master now`);
      },
      removed: (node) => {
        for (const map of [this.before, this.slowIds, this.runs, this.addresses]) map.delete(node);
        onEvent(`${node.name} is no master any more`);
      },
    });
  }

  private listen(node: Node): void {
    const { name, redis } = node;
    let isLost = false;
    this.addresses.set(node, addressOf(node));
    redis.on('close', () => {
      if (!isLost && this.servers.nodes.includes(node)) this.onEvent(`lost the connection to ${name}, reconnecting`);
      isLost = true;
    });
    redis.on('ready', () => {
      const address = addressOf(node);
      if (isLost) this.onEvent(`connected to ${name} again`);
      if (address !== this.addresses.get(node) && this.servers.topology === 'sentinel') this.onEvent(`${address} is the master now`);
      this.addresses.set(node, address);
      isLost = false;
    });
  }

  async look(): Promise<Snapshot> {
    await this.servers.refresh();
    const { nodes, missing } = this.servers;
    const looks = await Promise.all(nodes.map((node) => this.infoOf(node)));
    const answers = looks.flatMap((look) => (look === undefined ? [] : [look]));
    const infos = answers.map(({ info }) => info);
    nodes.forEach((node, i) => this.recognise(node, looks[i]?.info));
    const rates = nodes.flatMap((node, i) => this.rateOf(node, looks[i]?.info) ?? []);
    const slow = (await Promise.all(nodes.map((node) => this.slowOf(node)))).flat();
    if (this.turn++ % LIST_EVERY === 0) await this.list();
    const sum = (values: readonly (number | null)[]): number | null => (values.every((value) => value === null) ? null : values.reduce<number>((all, value) => all + (value ?? 0), 0));
    const reads = rates.reduce((all, rate) => all + rate.hits + rate.misses, 0);
    return {
      at: new Date().toISOString(),
      up: answers.length,
      of: nodes.length + missing.length,
      servers: [...nodes.map((node, i) => ({ address: this.addresses.get(node) ?? node.name, isUp: looks[i] !== undefined })), ...missing.map(({ node }) => ({ address: node, isUp: false }))],
      connections: sum(infos.map((info) => numberOf(info, 'connected_clients'))),
      opsPerSecond: rates.length === 0 ? null : rates.reduce((all, rate) => all + rate.commands, 0),
      hitPercent: reads === 0 ? null : (rates.reduce((all, rate) => all + rate.hits, 0) / reads) * 100,
      usedMemoryBytes: sum(infos.map((info) => numberOf(info, 'used_memory'))),
      maxMemoryBytes: sum(infos.map((info) => numberOf(info, 'maxmemory'))),
      evictedPerSecond: rates.length === 0 ? null : rates.reduce((all, rate) => all + rate.evicted, 0),
      latencyMs: answers.length === 0 ? null : Math.max(...answers.map(({ ms }) => ms)),
      slow,
      byName: this.byName,
      refused: [...this.refused.values()],
    };
  }

  /** The reply; undefined if the server is not connected, refuses, or is silent. */
  private async ask<T>({ name, redis }: Node, command: string, ...args: (string | number)[]): Promise<T | undefined> {
    if (redis.status !== 'ready') return undefined;
    try {
      return (await within(redis.call(command, ...args), PATIENCE_MS)) as T;
    } catch (error) {
      const said = messageOf(error);
      if (/^(NOPERM|ERR|NOAUTH)/.test(said)) this.refused.set(`${name} ${command}`, `${name} refuses ${[command, args[0]].join(' ')}: ${shown(said)}`);
      return undefined;
    }
  }

  private async infoOf(node: Node): Promise<{ info: Info; ms: number } | undefined> {
    const began = now();
    const text = await this.ask<string>(node, 'INFO');
    return text === undefined ? undefined : { info: infoOf(text), ms: now() - began };
  }

  /** Notes whether it is the same server as before, and still a master. Counters of another one, or after a restart, are others. */
  private recognise(node: Node, info: Info | undefined): void {
    if (info === undefined) return;
    const run = info.run_id ?? '';
    if (this.runs.get(node) !== run) for (const map of [this.before, this.slowIds]) map.delete(node);
    this.runs.set(node, run);
    if (info.role === 'master') return void this.demoted.delete(node);
    // A cluster's map tells it.
    if (this.servers.topology === 'cluster') return;
    const isNews = !this.demoted.has(node);
    this.demoted.add(node);
    if (isNews) this.onEvent(`${this.addresses.get(node) ?? node.name} is a replica now`);
    // The Sentinels know who is the master.
    if (this.servers.topology === 'sentinel') node.redis.disconnect(true);
  }

  /** Per second since the look before. A server that was restarted begins again. */
  private rateOf(node: Node, info: Info | undefined): Totals | undefined {
    if (info === undefined) return void this.before.delete(node);
    const field = (name: string): number => numberOf(info, name) ?? 0;
    const total: Totals = { at: now(), commands: field('total_commands_processed'), hits: field('keyspace_hits'), misses: field('keyspace_misses'), evicted: field('evicted_keys') };
    const before = this.before.get(node);
    this.before.set(node, total);
    if (before === undefined || total.commands < before.commands) return undefined;
    const seconds = Math.max(total.at - before.at, 1) / 1_000;
    const rate = (name: keyof Totals): number => Math.max(total[name] - before[name], 0) / seconds;
    return { at: total.at, commands: rate('commands'), hits: rate('hits'), misses: rate('misses'), evicted: rate('evicted') };
  }

  private async slowOf(node: Node): Promise<SlowEntry[]> {
    const entries = await this.ask<SlowReply[]>(node, 'SLOWLOG', 'GET', SLOW_ENTRIES);
    if (entries === undefined) return [];
    const last = this.slowIds.get(node);
    this.slowIds.set(node, Math.max(-1, ...entries.map(([id]) => id)));
    return last === undefined ? [] : entries.filter(([id]) => id > last).map((entry) => slowEntry(node.name, entry));
  }

  private async list(): Promise<void> {
    const lists = await Promise.all(this.servers.nodes.map((node) => this.ask<string>(node, 'CLIENT', 'LIST')));
    const lines = lists.flatMap((text) => (text === undefined ? [] : clientLines(text)));
    if (lines.length > 0) this.byName = connectionsOf(lines).byName;
  }
}

/** Where the connection leads. */
function addressOf({ name, redis }: Node): string {
  const { remoteAddress, remotePort } = (redis.stream as typeof redis.stream | undefined) ?? {};
  return remotePort === undefined ? name : shown(`${remoteAddress?.replace(/^::ffff:/, '')}:${remotePort}`);
}
