/** The cluster that specs start: slots move, masters change. */
import { clusterForAll } from './lifetimes';
import type { RedisServer } from './redis-server';

const ports = (found: RedisServer[]): number[] => found.map(({ port }) => port);

describe('a real cluster', () => {
  const servers = clusterForAll();

  test('shares out all slots to three masters with one replica each', async () => {
    const counts: number[] = [];
    for (const master of servers.masters) {
      counts.push((await servers.slotsOf(master)).size);
      expect(await servers.replicasOf(master)).toHaveLength(1);
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(16_384);
  });

  test('moves a slot with its keys', async () => {
    const [from, to] = servers.masters as [RedisServer, RedisServer];
    const key = await servers.keyOn(from, 'move');
    await from.command('SET', key, 'v');
    await servers.moveSlot(servers.slotOf(key), to);
    expect(await servers.ownerOf(servers.slotOf(key))).toBe(to);
    expect(await to.command('GET', key)).toBe('v');
    await expect(from.command('GET', key)).rejects.toThrow(/^MOVED/);
  });

  test('fails over gracefully', async () => {
    const [master] = servers.masters as [RedisServer];
    const [replica] = (await servers.replicasOf(master)) as [RedisServer];
    await servers.failOver(replica);
    await servers.settled();
    expect(ports(await servers.replicasOf(replica))).toEqual([master.port]);
  });

  test('promotes a replica after its master was killed', async () => {
    const master = servers.masters[2];
    const [replica] = (await servers.replicasOf(master)) as [RedisServer];
    await master.kill();
    await servers.promoted(replica);
    await master.launch();
    await servers.settled();
    expect(ports(await servers.replicasOf(replica))).toEqual([master.port]);
  });
});
