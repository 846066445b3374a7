/** The links that the engine's store uses: one client's, or one for each master of a cluster. */
import type { NativeCache, NativeLink } from '../native';

/** The part of a client's link that the driver needs. */
export interface LinkPort {
  readonly native: NativeLink;
  /** `host:port`, or the path of a unix socket. */
  readonly node: string;
  /** Writes the core's queued bytes. */
  pump(): void;
  /** Called by the link after every crossing. */
  afterCrossing: (() => void) | undefined;
}

/** A master of a cluster. */
export interface ClusterNode {
  /** Its number in the map of slots. */
  readonly number: number;
  /** `host:port`, as redirects name it. */
  readonly address: string;
  readonly link: LinkPort;
}

/** The part of a cluster that the driver needs. */
export interface ClusterPort {
  /** The number of each slot's master. The cluster changes it in place. */
  readonly slots: Uint16Array;
  /** The masters that there are now. Their links connect, or are about to. */
  masters(): Iterable<ClusterNode>;
  /** A server has shown that the map is out of date: reads it again. */
  refresh(): void;
  /** Called by the cluster when its masters or its map have changed. */
  onChange: (() => void) | undefined;
}

export class StoreLinks {
  private one: LinkPort | undefined;
  private cluster: ClusterPort | undefined;
  private readonly nodes = new Map<LinkPort, ClusterNode>();
  private readonly follow = (): void => this.update();

  constructor(
    private readonly native: NativeCache,
    /** Called after every crossing. */
    private readonly onCrossing: () => void,
  ) {}

  /** Whether the store is on a server. */
  get isRemote(): boolean {
    return this.one !== undefined || this.cluster !== undefined;
  }

  isOn(place: LinkPort | ClusterPort): boolean {
    return this.one === place || this.cluster === place;
  }

  useLink(link: LinkPort): void {
    this.one = link;
    link.afterCrossing = this.onCrossing;
    this.native.attach(link.native);
  }

  useCluster(cluster: ClusterPort): void {
    this.cluster = cluster;
    cluster.onChange = this.follow;
    this.native.attachCluster(cluster.slots);
    this.update();
  }

  release(): void {
    if (this.one !== undefined) this.leave(this.one);
    this.one = undefined;
    for (const link of this.nodes.keys()) this.leave(link);
    this.nodes.clear();
    if (this.cluster?.onChange === this.follow) this.cluster.onChange = undefined;
    this.cluster = undefined;
  }

  /** Writes what the core has queued. */
  pump(): void {
    if (this.one !== undefined) this.one.pump();
    else for (const link of this.nodes.keys()) link.pump();
  }

  /** The map of slots is out of date. */
  refreshMap(): void {
    this.cluster?.refresh();
  }

  /** The cluster has other masters, or another map of slots. */
  private update(): void {
    if (this.cluster === undefined) return;
    const former = new Map(this.nodes);
    for (const node of this.cluster.masters()) {
      const known = former.get(node.link);
      if (known !== undefined && known.number === node.number && known.address === node.address) {
        former.delete(node.link);
        continue;
      }
      // Another number or address for a link: the node is a new one.
      if (known !== undefined) this.native.removeNode(node.link.native);
      former.delete(node.link);
      this.nodes.set(node.link, node);
      node.link.afterCrossing = this.onCrossing;
      this.native.addNode(node.link.native, node.number, node.address);
    }
    for (const link of former.keys()) {
      this.nodes.delete(link);
      this.leave(link);
      this.native.removeNode(link.native);
    }
    this.native.slotsChanged();
    this.onCrossing();
  }

  private leave(link: LinkPort): void {
    if (link.afterCrossing === this.onCrossing) link.afterCrossing = undefined;
  }
}
