/**
 * The near cache's own links, one for each server of the store. They are opened when something needs them: the first read of a repository with
 * a near cache, or the first wait for a load of another process.
 */
import type { Redis } from '../client/redis';
import type { NativeCache } from '../native';
import type { LinkPort } from './link_port';

/** A lane, as the driver needs it. */
export interface LanePort {
  readonly link: LinkPort;
  /** Closes its connection for good. */
  close(): void;
}

/** Opens a lane to the server that a client is connected to. */
export type OpenLane = (client: Redis) => LanePort;

interface Lane extends LanePort {
  readonly client: Redis;
}

export class Lanes {
  private readonly lanes = new Map<number, Lane>();
  /** The clients of the servers, by the numbers of their nodes. */
  private readonly clients = new Map<number, Redis>();
  /** Servers that do not track keys. */
  private readonly useless = new Set<number>();
  private isRequested = false;

  constructor(
    private readonly native: NativeCache,
    /** Called after every crossing. */
    private readonly onCrossing: () => void,
    private readonly openLane: OpenLane | undefined,
  ) {}

  /** Opens what is missing. Returns whether there is a lane that may be of use. */
  request(): boolean {
    if (!this.isRequested) {
      this.isRequested = true;
      for (const [node, client] of this.clients) this.open(node, client);
    }
    return this.lanes.size > 0;
  }

  /** The client of a node. */
  serve(node: number, client: Redis | undefined): void {
    if (client === undefined || this.clients.get(node) === client) return;
    this.leave(node);
    this.clients.set(node, client);
    if (this.isRequested) this.open(node, client);
  }

  /** A node has left. */
  leave(node: number): void {
    this.clients.delete(node);
    this.useless.delete(node);
    this.close(node);
  }

  /** Closes a lane on which nothing is tracked. */
  isUseless(node: number): void {
    this.useless.add(node);
    this.close(node);
  }

  release(): void {
    this.isRequested = false;
    for (const node of [...this.clients.keys()]) this.leave(node);
  }

  look(): void {
    for (const { link } of this.lanes.values()) link.look();
  }

  /** Returns whether there was something to write. */
  pump(): boolean {
    let hasWritten = false;
    for (const { link } of this.lanes.values()) if (link.pump()) hasWritten = true;
    return hasWritten;
  }

  private open(node: number, client: Redis): void {
    if (this.openLane === undefined || this.useless.has(node)) return;
    const lane = this.openLane(client);
    this.lanes.set(node, { ...lane, client });
    lane.link.afterCrossing = this.onCrossing;
    this.native.addLane(lane.link.native, node);
  }

  private close(node: number): void {
    const lane = this.lanes.get(node);
    if (lane === undefined) return;
    this.lanes.delete(node);
    if (lane.link.afterCrossing === this.onCrossing) lane.link.afterCrossing = undefined;
    this.native.removeLane(lane.link.native);
    lane.close();
  }
}
