/** What an acknowledgement is worth: waits until replicas have what an invalidation deleted (`minReplicas`), on one server or on each master of a cluster. */
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import type { Link } from '../link/link';
import { within } from './budget';
import { ClusterReplicas, type Acknowledgement, type Demand } from './cluster_replicas';
import { client, isClosing, logger, onClose, openClient, type Client } from './connections';
import { ReplicaRounds } from './replica_rounds';

/** How many keys one DEL names. */
const KEYS_PER_DEL = 500;
/** Attempts, if the connection is lost meanwhile. */
const ATTEMPTS = 2;

/** The connections of the main client, and how often each has been made anew. */
export type Witness = ReadonlyMap<Link, string>;

let single: ReplicaRounds | undefined;
let many: { cluster: Cluster; replicas: ClusterReplicas } | undefined;

onClose(async (timeoutMs) => {
  const open = [single, many?.replicas].filter((rounds) => rounds !== undefined);
  single = many = undefined;
  await Promise.all(open.map((rounds) => rounds.close(timeoutMs)));
});

/** Waits for replicas. Never rejects. If the keys are not known, `before` is from `witness` before the deletion. */
export async function acknowledge(demand: Demand, before?: Witness): Promise<Acknowledgement> {
  // Nothing would close a connection that is opened now.
  if (isClosing()) return { acknowledged: undefined, node: undefined };
  const main = client('main');
  const result = main.isCluster ? await replicasOf(main).acknowledge(demand) : await acknowledgeSingle(demand);
  if (before === undefined) return result;
  // Whatever was deleted went to servers that are still the masters, if their connections are the same. A single server's has to be that of WAIT.
  const isElsewhere = !main.isCluster && result.node !== main[LIFE].link?.node;
  return isElsewhere || !isSame(before, connectionsOf(main)) ? { ...result, acknowledged: undefined } : result;
}

async function acknowledgeSingle({ keys, mark, minReplicas, timeoutMs }: Demand): Promise<Acknowledgement> {
  single ??= new ReplicaRounds(() => openClient('replicas') as Redis, ATTEMPTS);
  const rounds = single;
  const deletions: string[][] = [];
  for (let at = 0; at < keys.length; at += KEYS_PER_DEL) deletions.push(keys.slice(at, at + KEYS_PER_DEL));
  const { acknowledged } = await rounds.wait({ deletions, mark, asking: false, minReplicas, timeoutMs });
  return { acknowledged, node: rounds.node };
}

function replicasOf(cluster: Cluster): ClusterReplicas {
  if (many?.cluster !== cluster) {
    void many?.replicas.close(0);
    many = { cluster, replicas: new ClusterReplicas(cluster, logger()) };
  }
  return many.replicas;
}

/** Which connections a deletion of unknown keys is about to use. It waits for a client that is still connecting, for a time. */
export async function witness(timeoutMs: number): Promise<Witness> {
  const main = client('main');
  if (main.status !== 'ready') {
    if (main.status === 'wait') main.connect().catch(() => undefined);
    await within(new Promise<void>((resolve) => main.once('ready', resolve)), timeoutMs);
  }
  return connectionsOf(main);
}

function connectionsOf(main: Client): Witness {
  const seen = new Map<Link, string>();
  const note = (redis: Redis | undefined): void => {
    const link = redis?.[LIFE].link;
    if (link !== undefined) seen.set(link, `${link.node} ${link.gauge.reconnects}`);
  };
  if (!main.isCluster) note(main);
  else {
    const { router, pool } = main[LIFE].routing;
    for (const [master] of router.shards) note(pool.byNumber[master]);
  }
  return seen;
}

function isSame(before: Witness, after: Witness): boolean {
  return before.size === after.size && [...before].every(([link, made]) => after.get(link) === made);
}
