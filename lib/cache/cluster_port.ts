/** A `Cluster` as the store of the cache sees it: its masters with their links, and its map of slots. */
import { LIFE } from '../command/command_defaults';
import { noop } from '../client/lifecycle';
import type { Cluster } from '../cluster/cluster';
import type { Router } from '../cluster/router';
import type { ClusterMaster, ClusterPort } from './store_links';

const ports = new WeakMap<Cluster, ClusterPort>();

class Masters implements ClusterPort {
  private readonly router: Router;

  constructor(cluster: Cluster) {
    this.router = cluster[LIFE].routing.router;
  }

  get slots(): Uint16Array {
    return this.router.table;
  }

  get announced(): ReadonlyMap<string, string> {
    return this.router.announced;
  }

  get onChange(): (() => void) | undefined {
    return this.router.onActed;
  }

  set onChange(follow: (() => void) | undefined) {
    this.router.onActed = follow;
  }

  *masters(): Iterable<ClusterMaster> {
    const { pool, shards } = this.router;
    for (const [number] of shards) {
      const redis = pool.byNumber[number];
      // A node of the pool connects with its first command; the engine's do not count.
      if (redis?.status === 'wait') redis.connect().catch(noop);
      yield { number, address: pool.keyOf(number) ?? '', link: redis?.[LIFE].link, client: redis };
    }
  }

  refresh(): void {
    this.router.refresh();
  }
}

/** The same port for the same cluster. */
export function clusterPort(cluster: Cluster): ClusterPort {
  let port = ports.get(cluster);
  if (port === undefined) ports.set(cluster, (port = new Masters(cluster)));
  return port;
}
