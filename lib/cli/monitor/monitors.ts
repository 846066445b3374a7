/** MONITOR on every server of a capture. A lost connection is a gap that is noted; new masters are taken in and those that are none any more are left. */
import { clearTimeout, setTimeout } from '../../clock';
import { messageOf } from '../exit_codes';
import type { Node } from '../server/connect';
import type { Following } from '../server/following';
import { shown } from '../server/shown';

/** A time in which nothing of a server was captured, from the beginning of the capture on. */
export interface Gap {
  readonly node: string;
  readonly fromSeconds: number;
  readonly seconds: number;
}

interface Monitor {
  on(event: string, listener: (...args: never[]) => void): unknown;
  disconnect(): void;
}

const FOLLOW_MS = 1_000;

const now = performance.now.bind(performance);
const rounded = (ms: number): number => Math.round(ms) / 1_000;

export class Monitors {
  readonly refused: { node: string; reason: string }[];
  private readonly gaps: Gap[] = [];
  private readonly lostAt = new Map<Node, number>();
  private readonly monitors = new Map<Node, Monitor>();
  private readonly started = now();
  /** When the servers were known to be these. */
  private checkedAt = now();
  private timer: NodeJS.Timeout | undefined;
  private isClosed = false;

  constructor(
    private readonly servers: Following,
    private readonly onCommand: (args: string[]) => void,
  ) {
    this.refused = servers.missing.map(({ node, reason }) => ({ node, reason }));
    servers.follow({
      added: (node) => {
        // Until then it was not known to be a master, and so not captured.
        this.lostAt.set(node, this.checkedAt);
        void this.open(node);
      },
      removed: (node) => this.leave(node),
    });
  }

  /** Whether any server allows it. */
  async start(): Promise<boolean> {
    await Promise.all(this.servers.nodes.map((node) => this.open(node)));
    this.follow();
    return this.monitors.size > 0;
  }

  /** Ends all of them. The gaps that are open end now. */
  close(): readonly Gap[] {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const node of [...this.lostAt.keys()]) this.found(node);
    for (const monitor of this.monitors.values()) monitor.disconnect();
    return this.gaps;
  }

  private follow(): void {
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.check().then(() => this.follow()), FOLLOW_MS);
  }

  private async check(): Promise<void> {
    const at = now();
    await this.servers.refresh();
    this.checkedAt = at;
  }

  private async open(node: Node): Promise<void> {
    try {
      const monitor = (await node.redis.monitor()) as unknown as Monitor;
      if (this.isClosed || !this.servers.nodes.includes(node)) return monitor.disconnect();
      this.monitors.set(node, monitor);
      this.found(node);
      monitor.on('monitor', (_time: string, args: string[]) => this.onCommand(args));
      monitor.on('error', () => undefined);
      monitor.on('close', () => this.lost(node));
      monitor.on('monitoring', () => this.found(node));
    } catch (error) {
      if (!this.isClosed) this.refused.push({ node: node.name, reason: shown(messageOf(error), 200) });
    }
  }

  /** It serves no slots any more: nothing of it is missed. */
  private leave(node: Node): void {
    this.found(node);
    this.monitors.get(node)?.disconnect();
    this.monitors.delete(node);
  }

  private lost(node: Node): void {
    if (!this.isClosed && this.monitors.has(node) && !this.lostAt.has(node)) this.lostAt.set(node, now());
  }

  private found(node: Node): void {
    const from = this.lostAt.get(node);
    this.lostAt.delete(node);
    if (from !== undefined) this.gaps.push({ node: node.name, fromSeconds: rounded(from - this.started), seconds: rounded(now() - from) });
  }
}
