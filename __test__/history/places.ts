/** The servers of a run, and what happens to them. */
import type { ManagerOptions } from 'hawser';
import { pause } from '../helpers/clock';
import { RedisCluster } from '../helpers/redis-cluster';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import type { Dice } from './dice';

export interface Place {
  readonly manager: ManagerOptions;
  /** Each takes the servers from one state in which they work to another one. */
  readonly faults: Record<string, () => Promise<unknown>>;
  stop(): Promise<void>;
}

export const places: Record<string, (dice: Dice) => Promise<Place>> = { standalone, cluster };

async function standalone(dice: Dice): Promise<Place> {
  const server = await RedisServer.start();
  return {
    manager: { url: server.url },
    faults: {
      ...anywhere(dice, () => Promise.resolve([server])),
      restart: () => server.restart(),
      freeze: async () => {
        server.freeze();
        await pause(dice.below(1500));
        server.thaw();
      },
    },
    stop: () => server.stop(),
  };
}

async function cluster(dice: Dice): Promise<Place> {
  const servers = await RedisCluster.start();
  const masters = async (): Promise<RedisServer[]> => {
    const roles = await Promise.all(servers.servers.map(async (server) => (await server.info('replication')).role));
    return servers.servers.filter((_, at) => roles[at] === 'master');
  };
  const shard = async (): Promise<{ master: RedisServer; replica: RedisServer }> => {
    await servers.settled();
    return until(async () => {
      const master = dice.pick(await masters());
      const [replica] = await servers.replicasOf(master);
      return replica === undefined ? undefined : { master, replica };
    }, { deadlineMs: 30_000 });
  };
  return {
    manager: { cluster: { nodes: servers.addresses } },
    faults: {
      ...anywhere(dice, masters),
      'failover by hand': async () => servers.failOver((await shard()).replica),
      'master killed': async () => {
        const { master, replica } = await shard();
        await master.kill();
        await servers.promoted(replica);
        await master.launch();
        await servers.settled();
      },
      'slot moved': async () => {
        await servers.settled();
        const all = await masters();
        const slot = await slotInUse(dice, all, servers);
        const owner = await servers.ownerOf(slot);
        await servers.moveSlot(slot, dice.pick(all.filter((server) => server !== owner)));
      },
    },
    stop: () => servers.stop(),
  };
}

/** The slot of one of our keys. */
async function slotInUse(dice: Dice, masters: RedisServer[], servers: RedisCluster): Promise<number> {
  const keys = (await Promise.all(masters.map(keysOf))).flat();
  return keys.length === 0 ? dice.below(16_384) : servers.slotOf(dice.pick(keys));
}

async function keysOf(server: RedisServer): Promise<string[]> {
  return ((await server.command('SCAN', '0', 'COUNT', '1000')) as [string, string[]])[1];
}

function anywhere(dice: Dice, masters: () => Promise<RedisServer[]>): Place['faults'] {
  const one = async (): Promise<RedisServer> => dice.pick(await masters());
  return {
    /** Entries, leases, versions and counters alike, as under memory pressure. */
    evict: async () => {
      const server = await one();
      for (const key of await keysOf(server)) if (dice.chance(0.2)) await server.command('DEL', key).catch(() => undefined);
    },
    cut: async () => (await one()).command('CLIENT', 'KILL', 'TYPE', 'normal'),
    'script flush': async () => (await one()).command('SCRIPT', 'FLUSH'),
    flush: async () => (await one()).command('FLUSHALL'),
  };
}
