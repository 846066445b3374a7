/** The links that the engine's store uses: one client's, or one for each master of a cluster. */
import type { Redis } from '../client/redis';
import type { NativeCache } from '../native';
import { Lanes, type OpenLane } from './lanes';
import type { LinkPort } from './link_port';

export type { LinkPort };

/** A master of a cluster. */
export interface ClusterMaster {
  /** Its number in the map of slots. */
  readonly number: number;
  /** `host:port`, as redirects name it. */
  readonly address: string;
  /** Absent while it has none. */
  readonly link: LinkPort | undefined;
  readonly client?: Redis | undefined;
}

/** The part of a cluster that the driver needs. */
export interface ClusterPort {
  /** The number of each slot's master. The cluster changes it in place. */
  readonly slots: Uint16Array;
  /** The masters that there are now. Their links connect on their own. */
  masters(): Iterable<ClusterMaster>;
  /** Where nodes are reached that servers call otherwise (`natMap`). Another one when that has changed. */
  readonly announced: ReadonlyMap<string, string>;
  /** A server has shown that the map is out of date: reads it again. */
  refresh(): void;
  /** Called by the cluster when its masters or its map may have changed. */
  onChange: (() => void) | undefined;
}

export class StoreLinks {
  private one: LinkPort | undefined;
  private cluster: ClusterPort | undefined;
  /** The links of the masters by their numbers. */
  private readonly links = new Map<number, LinkPort>();
  /** The links on which the near cache reads. */
  readonly lanes: Lanes;
  /** The aliases that the engine knows, as text. */
  private aliases = '';
  private readonly follow = (): void => this.update();

  constructor(
    private readonly native: NativeCache,
    /** Called after every crossing. */
    private readonly onCrossing: () => void,
    openLane?: OpenLane,
  ) {
    this.lanes = new Lanes(native, onCrossing, openLane);
  }

  /** Whether the store is on a server. */
  get isRemote(): boolean {
    return this.one !== undefined || this.cluster !== undefined;
  }

  /** The addresses of the masters; undefined where there is one server, or none. */
  addresses(): string[] | undefined {
    return this.cluster === undefined ? undefined : Array.from(this.cluster.masters(), ({ address }) => address);
  }

  isOn(place: LinkPort | ClusterPort): boolean {
    return this.one === place || this.cluster === place;
  }

  /** `client`: the one that has the link. */
  useLink(link: LinkPort, client?: Redis): void {
    this.one = link;
    link.afterCrossing = this.onCrossing;
    this.native.attach(link.native);
    this.lanes.serve(0, client);
  }

  useCluster(cluster: ClusterPort): void {
    this.cluster = cluster;
    this.aliases = '';
    cluster.onChange = this.follow;
    this.native.attachCluster(cluster.slots);
    this.update();
  }

  release(): void {
    this.lanes.release();
    if (this.one !== undefined) this.leave(this.one);
    this.one = undefined;
    for (const link of this.links.values()) this.leave(link);
    this.links.clear();
    if (this.cluster?.onChange === this.follow) this.cluster.onChange = undefined;
    this.cluster = undefined;
  }

  /** Takes in what has arrived, before the time is judged. */
  look(): void {
    if (this.one !== undefined) this.one.look();
    else for (const link of this.links.values()) link.look();
    this.lanes.look();
  }

  /** Writes what the core has queued. Returns whether there was something. */
  pump(): boolean {
    let hasWritten = false;
    if (this.one !== undefined) hasWritten = this.one.pump();
    else for (const link of this.links.values()) if (link.pump()) hasWritten = true;
    return this.lanes.pump() || hasWritten;
  }

  /** The map of slots is out of date. */
  refreshMap(): void {
    this.cluster?.refresh();
  }

  /** The cluster may have other masters, links or slots. A master whose link has ended stays: its next link takes its place. */
  private update(): void {
    if (this.cluster === undefined) return;
    const gone = new Set(this.links.keys());
    const numbers = new Map<string, number>();
    for (const { number, address, link, client } of this.cluster.masters()) {
      gone.delete(number);
      numbers.set(address, number);
      this.lanes.serve(number, client);
      const former = this.links.get(number);
      if (link === undefined || link === former) continue;
      if (former !== undefined) this.leave(former);
      this.links.set(number, link);
      link.afterCrossing = this.onCrossing;
      this.native.addNode(link.native, number, address);
    }
    for (const number of gone) {
      const link = this.links.get(number) as LinkPort;
      this.links.delete(number);
      this.lanes.leave(number);
      this.leave(link);
      this.native.removeNode(link.native);
    }
    this.tellAliases(this.cluster.announced, numbers);
    this.native.slotsChanged();
    this.onCrossing();
  }

  /** Redirects name nodes as servers know them. */
  private tellAliases(announced: ReadonlyMap<string, string>, numbers: ReadonlyMap<string, number>): void {
    if (announced.size === 0 && this.aliases === '') return;
    const known = [...announced].flatMap(([name, address]) => (numbers.has(address) ? [[name, numbers.get(address) as number] as const] : []));
    const aliases = known.join(' ');
    if (aliases === this.aliases) return;
    this.aliases = aliases;
    this.native.setAliases(known.map(([name]) => name), known.map(([, number]) => number));
  }

  private leave(link: LinkPort): void {
    if (link.afterCrossing === this.onCrossing) link.afterCrossing = undefined;
  }
}
