/** The servers of a place, the clients for them, and what is done to them. */
import { Cluster, Redis, type ManagerOptions } from 'hawser';
import { pause } from '../helpers/clock';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import type { Hold } from './hold';

/** Does something to the servers and resolves when they work again. */
type Disturbance = (hold: Hold) => Promise<void>;

export interface Topology {
  readonly servers: RedisServer[];
  readonly manager: ManagerOptions;
  /** In the order in which they are done, again and again. */
  readonly disturbances: Record<string, Disturbance>;
  client(): Redis | Cluster;
  stop(): Promise<void>;
}

/** Longer than a node is frozen, so that nobody takes a frozen master for dead. */
const PATIENCE_MS = 6000;

/** The limits are wide: a machine under load is not a defect. */
const CLIENT = { resend: 'idempotent', maxRetriesPerRequest: 100 } as const;

export const topologies: Record<string, () => Promise<Topology>> = { standalone, sentinel, cluster };

async function standalone(): Promise<Topology> {
  const server = await RedisServer.start();
  return {
    servers: [server],
    manager: { url: server.url },
    disturbances: { cut: () => cut([server]), freeze: () => freeze(server) },
    client: () => new Redis(server.url, CLIENT),
    stop: () => server.stop(),
  };
}

async function sentinel(): Promise<Topology> {
  const group = await SentinelGroup.start({ downAfterMs: PATIENCE_MS });
  const target = { sentinels: group.addresses, name: group.name };
  return {
    servers: group.servers,
    manager: { redis: target },
    disturbances: {
      cut: () => cut(group.servers),
      failover: (hold) => hold.during(() => failOverGroup(group)),
      freeze: async () => freeze(await group.master()),
    },
    client: () => new Redis({ ...target, ...CLIENT }),
    stop: () => group.stop(),
  };
}

/** Sentinels promote without asking the master, so whatever is not replicated yet is lost. Resolves when the old master follows. */
async function failOverGroup(group: SentinelGroup): Promise<void> {
  const old = await group.master();
  const replicas = group.servers.length - 1;
  await until(async () => (await old.info('replication')).connected_slaves === String(replicas), { deadlineMs: 30_000, what: 'all replicas to follow' });
  await old.command('WAIT', replicas, 10_000);
  const master = await group.failover();
  const follows = async (): Promise<boolean> => (await master.info('replication')).connected_slaves === String(replicas);
  await until(follows, { deadlineMs: 60_000, everyMs: 50, what: 'the old master and the replicas to follow the new master' });
}

async function cluster(): Promise<Topology> {
  const servers = await RedisCluster.start({ nodeTimeoutMs: PATIENCE_MS });
  const nodes = servers.nodes;
  const masters = async (): Promise<RedisServer[]> => {
    const roles = await Promise.all(servers.servers.map(async (server) => (await server.info('replication')).role));
    return servers.servers.filter((_, at) => roles[at] === 'master');
  };
  let round = 0;
  let failovers = 0;
  const pick = async (): Promise<RedisServer> => {
    const all = await masters();
    return all[round++ % all.length];
  };
  return {
    servers: servers.servers,
    manager: { cluster: { nodes: nodes.map(({ host, port }) => `${host}:${port}`) } },
    disturbances: {
      cut: () => cut(servers.servers),
      'slots moved': async () => {
        for (const key of ['count:incr:0', 'count:multi:1', 'value:0:0']) {
          const slot = servers.slotOf(key);
          const owner = await servers.ownerOf(slot);
          const others = (await masters()).filter((server) => server !== owner);
          await servers.moveSlot(slot, others[round++ % others.length]);
        }
      },
      failover: async () => {
        const shard = failovers++ % servers.masters.length;
        const [one, other] = [servers.masters[shard], servers.replicas[shard]];
        await servers.failOver((await one.info('replication')).role === 'master' ? other : one);
        await servers.settled();
      },
      freeze: async () => freeze(await pick()),
    },
    client: () => new Cluster(nodes, { redisOptions: CLIENT }),
    stop: () => servers.stop(),
  };
}

/** Every client's connection at once. The helpers' own connection stays. */
async function cut(servers: RedisServer[]): Promise<void> {
  for (const server of servers) {
    for (const kind of ['normal', 'pubsub']) await server.command('CLIENT', 'KILL', 'TYPE', kind, 'SKIPME', 'yes');
  }
}

async function freeze(server: RedisServer): Promise<void> {
  server.freeze();
  try {
    await pause(1000);
  } finally {
    server.thaw();
  }
  await server.command('PING');
}
