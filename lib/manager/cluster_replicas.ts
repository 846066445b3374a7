/**
 * `minReplicas` on a cluster: every master that a deletion went to is waited for, each on a connection of its own. Keys whose slots have moved since
 * are deleted again at their new master, and that one is waited for.
 */
import { LIFE } from '../client/lifecycle';
import { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { announcedIn, mappedRedirect } from '../cluster/nat';
import { connectionName } from '../cluster/subscriber';
import { SLOTS, slotOf } from '../cluster/slot';
import type { Logger } from '../logger';
import type { ClientOptions } from '../options/options';
import { within } from './budget';
import { GRACE_MS, ReplicaRounds, type Outcome } from './replica_rounds';

const now = performance.now.bind(performance);

/** How often keys are looked for at another master, within the time of two rounds. */
const PASSES = 8;
/** How long the map of slots may take to be read. */
const MAP_MS = 500;

/** What to wait for. */
export interface Demand {
  /** Keys that were deleted. None: whatever was deleted, wherever. */
  readonly keys: readonly string[];
  /** A key that nothing else uses. On a cluster, keys that begin with it. */
  readonly mark: string;
  readonly minReplicas: number;
  readonly timeoutMs: number;
}

export interface Acknowledgement {
  /** How many replicas have it, at the master with the fewest; undefined if a server did not say. */
  readonly acknowledged: number | undefined;
  /** That master. */
  readonly node: string | undefined;
}

/** Where keys are deleted again. */
interface Place {
  /** `host:port` of the master. */
  readonly node: string;
  readonly asking: boolean;
  /** The slot of the mark, if the map does not give this node any. */
  readonly slot: number | undefined;
}

/** What WAIT needs of a connection: nothing is sent again, because on a new connection WAIT waits for nothing; refusals come back. */
const OPTIONS = { enableAutoPipelining: false, resend: 'none', autoResendUnfulfilledCommands: false, retryRefused: false, retryStrategy: null, lazyConnect: false } as const;

export class ClusterReplicas {
  private readonly rounds = new Map<string, ReplicaRounds>();
  private isClosed = false;

  constructor(
    private readonly cluster: Cluster,
    private readonly logger: Logger,
  ) {}

  /** Never rejects. Without keys, all masters are waited for. */
  async acknowledge(demand: Demand): Promise<Acknowledgement> {
    this.prune();
    const deadline = now() + 2 * (demand.timeoutMs + GRACE_MS);
    let worst: Acknowledgement = { acknowledged: Infinity, node: undefined };
    const note = (node: string | undefined, acknowledged: number | undefined): void => {
      if ((acknowledged ?? -1) < (worst.acknowledged ?? -1)) worst = { acknowledged, node };
    };
    if (demand.keys.length === 0) {
      const outcomes = await Promise.all(this.masters().map((node) => this.wait({ node, asking: false, slot: undefined }, [], demand).then((outcome) => ({ node, outcome }))));
      for (const { node, outcome } of outcomes) note(node, outcome.acknowledged);
      return outcomes.length === 0 ? { acknowledged: undefined, node: undefined } : worst;
    }
    let left = new Map<string, Place | undefined>(demand.keys.map((key) => [key, undefined]));
    for (let pass = 0; left.size > 0; pass++) {
      const { groups, lost } = this.group(left);
      const outcomes = await Promise.all([...groups.values()].map(({ place, keys }) => this.wait(place, keys, demand)));
      left = new Map(lost.map((key) => [key, undefined]));
      let failed: string | undefined;
      [...groups.values()].forEach(({ place, keys }, i) => {
        const { acknowledged, elsewhere } = outcomes[i];
        for (const [key, text] of elsewhere) left.set(key, this.target(place, key, text));
        if (acknowledged !== undefined) {
          if (elsewhere.size < keys.length) note(place.node, acknowledged);
          return;
        }
        failed = place.node;
        for (const key of keys) left.set(key, undefined);
      });
      if (left.size === 0) break;
      if (this.isClosed || pass === PASSES || now() >= deadline) return { acknowledged: undefined, node: failed };
      await this.refresh();
    }
    return worst;
  }

  async close(timeoutMs: number): Promise<void> {
    this.isClosed = true;
    await Promise.all([...this.rounds.values()].map((rounds) => rounds.close(timeoutMs)));
    this.rounds.clear();
  }

  private wait(place: Place, keys: readonly string[], demand: Demand): Promise<Outcome> {
    const { node, asking, slot } = place;
    const mark = markIn(demand.mark, slot === undefined ? (other) => this.masterOf(other) === node : (other) => other === slot);
    if (mark === undefined || this.isClosed) return Promise.resolve({ acknowledged: undefined, elsewhere: new Map() });
    const { minReplicas, timeoutMs } = demand;
    return this.at(node).wait({ deletions: keys.map((key) => [key]), mark, asking, minReplicas, timeoutMs });
  }

  private group(keys: ReadonlyMap<string, Place | undefined>): { groups: ReadonlyMap<string, { place: Place; keys: string[] }>; lost: string[] } {
    const groups = new Map<string, { place: Place; keys: string[] }>();
    const lost: string[] = [];
    for (const [key, known] of keys) {
      const master = this.masterOf(slotOf(key));
      const place = known ?? (master === undefined ? undefined : { node: master, asking: false, slot: undefined });
      if (place === undefined) {
        lost.push(key);
        continue;
      }
      const name = `${place.node} ${place.asking} ${place.slot ?? ''}`;
      const group = groups.get(name);
      if (group === undefined) groups.set(name, { place, keys: [key] });
      else group.keys.push(key);
    }
    return { groups, lost };
  }

  /** Where a redirect leads. */
  private target({ node }: Place, key: string, text: string): Place | undefined {
    const { natMap } = this.cluster[LIFE].options;
    const reached = mappedRedirect(natMap, text, node) || announcedIn(text, node);
    // Only to nodes that the cluster knows, whatever a server says.
    if (reached === undefined || !this.knows(reached)) return undefined;
    return { node: reached, asking: text.startsWith('ASK'), slot: slotOf(key) };
  }

  private at(node: string): ReplicaRounds {
    let rounds = this.rounds.get(node);
    if (rounds === undefined) this.rounds.set(node, (rounds = new ReplicaRounds(() => this.open(node), 1)));
    return rounds;
  }

  private open(node: string): Redis {
    const options = this.cluster[LIFE].routing.pool.optionsOf(node, false);
    const redis = new Redis({ ...options, ...OPTIONS, connectionName: connectionName('replicas', options.connectionName) } as unknown as ClientOptions<'legacy'>);
    redis.on('error', ({ message }) => this.logger.debug(`[hawser:replicas] ${node}: ${message}`));
    return redis;
  }

  /** Closes the connections to nodes that are no masters any more. */
  private prune(): void {
    const masters = new Set(this.masters());
    for (const [node, rounds] of this.rounds) {
      if (masters.has(node) || rounds.isBusy) continue;
      this.rounds.delete(node);
      void rounds.close(GRACE_MS);
    }
  }

  private knows(node: string): boolean {
    return this.cluster[LIFE].routing.pool.get(node) !== undefined;
  }

  private masters(): string[] {
    const { router, pool } = this.cluster[LIFE].routing;
    return router.shards.flatMap(([master]) => pool.keyOf(master) ?? []);
  }

  private masterOf(slot: number): string | undefined {
    const { router, pool } = this.cluster[LIFE].routing;
    const [master] = router.shards[router.shardOf[slot]] ?? [];
    return master === undefined ? undefined : pool.keyOf(master);
  }

  private async refresh(): Promise<void> {
    await within(new Promise<void>((resolve) => this.cluster.refreshSlotsCache(() => resolve())), MAP_MS);
  }
}

/** A key of a slot that `fits`. It begins at a random one, because a slot may be on its way elsewhere. */
function markIn(base: string, fits: (slot: number) => boolean): string | undefined {
  const from = Math.floor(Math.random() * SLOTS);
  // So many tries hit any given slot with near certainty.
  for (let n = from; n < from + 16 * SLOTS; n++) {
    if (fits(slotOf(String(n)))) return `${base}{${n}}`;
  }
  return undefined;
}
