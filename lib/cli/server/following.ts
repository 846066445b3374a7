/**
 * Keeps the servers of a command that runs long current. A cluster's map is read again now and then: connections to new masters are opened, and those to servers
 * that are masters no more are closed. The master of a Sentinel group is followed by its client.
 */
import { messageOf } from '../exit_codes';
import { clusterMap, nameOf, prevailing, type ClusterMap } from './cluster_map';
import { connect, within, type Address, type ConnectOptions, type Node } from './connect';
import { byName, type Servers } from './servers';
import { shown } from './shown';
import type { ServerTarget } from './target';

/** Who hears of changes. The servers that are there at the start are no change. */
export interface Follower {
  added(node: Node): void;
  /** Its connection ends right after. */
  removed(node: Node): void;
}

const EVERY_MS = 1_000;
const PATIENCE_MS = 2_000;
/** Servers that are asked at a time when no master answers. */
const MOST_ASKED = 6;

const now = performance.now.bind(performance);

export class Following implements Servers {
  readonly topology: Servers['topology'];
  readonly place: string;
  readonly db: number;
  nodes: readonly Node[];
  missing: Servers['missing'];
  map: ClusterMap | undefined;
  private readonly followers = new Set<Follower>();
  /** All servers that were ever named, for the time when no master answers. */
  private readonly known = new Map<string, Address>();
  private readAt = now();
  private reading: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly servers: Servers,
    private readonly target: ServerTarget,
    private readonly options: ConnectOptions,
  ) {
    this.topology = servers.topology;
    this.place = servers.place;
    this.db = servers.db;
    this.nodes = servers.nodes;
    this.missing = servers.missing;
    for (const at of target.endpoint.cluster ?? []) this.known.set(nameOf(at), at);
    if (servers.map !== undefined) this.take(servers.map);
  }

  follow(follower: Follower): void {
    this.followers.add(follower);
  }

  /** Reads the map of a cluster if the last reading is a second ago. Never rejects. */
  async refresh(): Promise<void> {
    if (this.topology !== 'cluster' || this.isClosed || (this.reading === undefined && now() - this.readAt < EVERY_MS)) return;
    this.reading ??= this.read().finally(() => {
      this.readAt = now();
      this.reading = undefined;
    });
    await this.reading;
  }

  close(): void {
    this.isClosed = true;
    for (const { redis } of new Set([...this.servers.nodes, ...this.nodes])) redis.disconnect();
  }

  private async read(): Promise<void> {
    const ready = this.nodes.filter(({ redis }) => redis.status === 'ready');
    const maps = (await Promise.all(ready.map((node) => within(clusterMap(node), PATIENCE_MS).catch(() => undefined)))).filter((map) => map !== undefined);
    const map = prevailing(maps, this.map) ?? (await this.fromOthers());
    // A server that has lost its cluster knows no slots.
    if (map === undefined || map.masters.length === 0 || this.isClosed) return;
    this.take(map);
    await this.adapt(map);
  }

  private take(map: ClusterMap): void {
    this.map = map;
    for (const at of [...map.masters, ...map.replicas]) {
      // The ones that were named last are asked first.
      this.known.delete(nameOf(at));
      this.known.set(nameOf(at), at);
    }
  }

  /** What a server that is none of the masters says. */
  private async fromOthers(): Promise<ClusterMap | undefined> {
    const silent = new Set(this.nodes.map(({ name }) => name));
    const others = [...this.known.values()].reverse().filter((at) => !silent.has(nameOf(at)));
    for (const at of others.slice(0, MOST_ASKED)) {
      const node = await connect(this.target, at, { ...this.options, staysUp: false, timeoutMs: PATIENCE_MS }).catch(() => undefined);
      const map = node === undefined ? undefined : await within(clusterMap(node), PATIENCE_MS).catch(() => undefined);
      node?.redis.disconnect();
      if (map !== undefined && map.masters.length > 0) return map;
    }
    return undefined;
  }

  private async adapt({ masters, missing }: ClusterMap): Promise<void> {
    const names = new Set(masters.map((at) => shown(nameOf(at))));
    const gone = this.nodes.filter(({ name }) => !names.has(name));
    const failed = [...missing];
    const opened = await Promise.all(
      masters
        .filter((at) => !this.nodes.some(({ name }) => name === shown(nameOf(at))))
        .map((at) =>
          connect(this.target, at, { ...this.options, timeoutMs: PATIENCE_MS }).catch((error: unknown) => {
            failed.push({ node: shown(nameOf(at)), reason: messageOf(error) });
            return undefined;
          }),
        ),
    );
    const added = opened.filter((node) => node !== undefined);
    if (this.isClosed) return added.forEach(({ redis }) => redis.disconnect());
    this.missing = failed;
    this.nodes = [...this.nodes.filter((node) => !gone.includes(node)), ...added].sort(byName);
    for (const follower of this.followers) {
      for (const node of added) follower.added(node);
      for (const node of gone) follower.removed(node);
    }
    for (const { redis } of gone) redis.disconnect();
  }
}
