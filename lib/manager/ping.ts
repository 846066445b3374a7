/** PING, to one server or to each master of a cluster. */
import { setImmediate } from '../clock';
import { LIFE } from '../client/lifecycle';
import type { Redis } from '../client/redis';
import type { Cluster } from '../cluster/cluster';
import { Command } from '../command/command';
import { ReplyError } from '../observe/errors';
import { LATE, within } from './budget';
import { subscribersOf } from './cluster';

const now = performance.now.bind(performance);

type Pong = Promise<number | undefined>;

/** One PING at a time for each connection: while Redis is unavailable, a check every second must not fill its queue. */
const pings = new WeakMap<Redis, Pong>();
/** The same for the masters of a cluster, by their addresses. */
const masters = new WeakMap<Cluster, Map<string, Pong>>();

/** Milliseconds until the answer; undefined if there is none. Never rejects. */
export function ping(redis: Redis): Pong {
  let pending = pings.get(redis);
  if (pending === undefined) {
    pending = timed(redis.ping()).finally(() => pings.delete(redis));
    pings.set(redis, pending);
  }
  return pending;
}

function timed(answer: Promise<unknown>): Pong {
  const start = now();
  return answer.then(
    () => now() - start,
    (error: unknown) => (isPingRefused(error) ? now() - start : undefined),
  );
}

/** Whether the server answers and takes this user's commands, except for PING: it is forbidden or renamed. */
function isPingRefused(error: unknown): boolean {
  return error instanceof ReplyError && /^(NOPERM|ERR unknown command)/.test(error.message);
}

/** Asks every master, or the node that a cluster has its subscriptions on. Answers within `ms`. */
export async function askCluster(cluster: Cluster, isSubscriber: boolean, ms: number): Promise<{ ms: number | undefined; silent: string[] }> {
  const deadline = now() + ms;
  await within(untilMapped(cluster), ms);
  const asked = isSubscriber ? subscribersOf(cluster).map((redis) => [redis[LIFE].link?.node ?? '', ping(redis)] as const) : pingMasters(cluster);
  if (asked.length === 0) return { ms: undefined, silent: startNodes(cluster) };
  const answers = await Promise.all(asked.map(async ([node, pong]) => [node, await within(pong, deadline - now())] as const));
  const silent = answers.flatMap(([node, answer]) => (answer === LATE || answer === undefined ? [node] : []));
  return { ms: silent.length > 0 ? undefined : Math.max(...answers.map(([, answer]) => answer as number)), silent };
}

/** A PING goes to the master of a slot like any command for that slot, so that a connection is made where there is none. */
function pingMasters(cluster: Cluster): (readonly [node: string, pong: Pong])[] {
  const { routing } = cluster[LIFE];
  const { shards, shardOf } = routing.router;
  const known = masters.get(cluster) ?? new Map<string, Pong>();
  masters.set(cluster, known);
  return shards.map(([master], shard) => {
    const node = routing.pool.keyOf(master) ?? '';
    let pong = known.get(node);
    if (pong === undefined) {
      const command = new Command('ping');
      pong = timed(command.promise).finally(() => known.delete(node));
      known.set(node, pong);
      routing.sendToSlot(command, shardOf.indexOf(shard));
    }
    return [node, pong];
  });
}

/** Resolves when the slots' masters are known. */
async function untilMapped(cluster: Cluster): Promise<void> {
  const life = cluster[LIFE];
  if (cluster.status === 'wait') life.connectLazily();
  if (cluster.status === 'ready' || life.routing.hasMap) return;
  await new Promise<void>((resolve) => {
    life.delayUntilReady(() => setImmediate(resolve));
  });
}

function startNodes(cluster: Cluster): string[] {
  return (cluster.startupNodes as { host: string; port: number }[]).map(({ host, port }) => `${host}:${port}`);
}
