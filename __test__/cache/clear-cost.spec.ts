/** What `clear()` costs: the same for any number of entries, and little for the reads and writes that depend on the version of their repository. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { clusterForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { onServer } from './backends';

/** Every entry of a repository, so many of them. */
async function fillWith(cache: CacheRepository, count: number): Promise<void> {
  await cache.setMany(Array.from({ length: count }, (_, n) => ({ key: `k${n}`, value: n, tags: n % 2 === 0 ? [] : ['t'] })));
}

onServer('the cost of clear', (backend) => {
  test('the commands are the same for ten entries and for ten thousand, and no entry is looked at', async () => {
    const seen: Record<string, number>[] = [];
    for (const count of [10, 10_000]) {
      const cache = backend.cache();
      await fillWith(cache, count);
      const before = Number((await backend.server.info('keyspace')).db0?.match(/keys=(\d+)/)?.[1]);
      seen.push(await backend.server.countCommands(() => cache.clear()));
      const after = Number((await backend.server.info('keyspace')).db0?.match(/keys=(\d+)/)?.[1]);
      expect(before - after).toBe(1);
      expect(await cache.getMany(['k0', 'k1', `k${count - 1}`])).toEqual([null, null, null]);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(Object.values(seen[0]).reduce((sum, calls) => sum + calls)).toBeLessThanOrEqual(2);
    expect(Object.keys(seen[0])).not.toContain('scan');
  });

  test('a hit reads the version of its repository along: one command for a batch of entries, with tags or without', async () => {
    const cache = backend.cache();
    await fillWith(cache, 100);
    const keys = Array.from({ length: 50 }, (_, n) => `k${2 * n}`);
    for (const read of [() => cache.get('k0'), () => cache.getMany(keys), () => cache.getOrSet('k1', () => 'again', { tags: ['t'] })]) {
      expect(await backend.server.countCommands(read)).toEqual({ mget: 1 });
    }
  });

  test('sets without tags take one round trip, and share the check which version is current', async () => {
    const cache = backend.cache();
    await cache.set('first', 1);
    expect(await backend.server.countCommands(() => cache.set('k', 1))).toMatchObject({ set: 1, evalsha: 1 });
    const items = Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, value: n }));
    expect(await backend.server.countCommands(() => cache.setMany(items))).toMatchObject({ set: 100, evalsha: 1 });
    await cache.clear();
    // That of the script is the third.
    expect(await backend.server.countCommands(() => cache.set('k', 1))).toMatchObject({ set: 2, evalsha: 1 });
  });

  test('with tags, a cold load and a set cost one script for each tag and one for their value, and the repository adds none', async () => {
    const cache = backend.cache();
    const options = { ttl: 100, tags: ['t'] };
    // The first load makes the version, and the second one asks how long it lives.
    for (const key of ['first', 'second']) await cache.getOrSet(key, () => 1, options);
    // ENSURE, PLACE, COMMIT, and the count.
    expect(await backend.server.countCommands(() => cache.getOrSet('k', () => 1, options))).toMatchObject({ mget: 1, evalsha: 4 });
    const items = Array.from({ length: 100 }, (_, n) => ({ key: `k${n}`, value: n, tags: ['t'] }));
    // For each ENSURE and the count, and one check for all of them.
    expect(await backend.server.countCommands(() => cache.setMany(items))).toMatchObject({ set: 100, evalsha: 201 });
  });

  test('the version of a repository lives twice as long as its entries at most, and cold loads do not prolong it each time', async () => {
    const cache = backend.cache({ ttl: 100 });
    await cache.set('k', 1);
    const [version] = (await backend.server.command('KEYS', `${cache.prefix}#c*`)) as string[];
    const life = async (): Promise<number> => Number(await backend.server.command('PTTL', version));
    expect(await life()).toBeLessThanOrEqual(220_000);
    await cache.getOrSet('first', () => 1);
    const calls = await backend.server.countCommands(async () => {
      for (let n = 0; n < 50; n++) await cache.getOrSet(`cold${n}`, () => n);
    });
    expect(calls.evalsha).toBeLessThanOrEqual(101);
    await cache.getOrSet('long', () => 1, { ttl: 10_000 });
    await until(async () => (await life()) > 10_000_000);
    expect(await life()).toBeLessThanOrEqual(20_020_000);
  });
});

describe('the cost of clear on a cluster', () => {
  const cluster = clusterForAll({ replicas: 0 });
  afterEach(async () => {
    await RedisManager.closeAll();
    RedisManager.configure({});
  });

  test('the commands are the same at every master for ten entries and for thousands, and none is a scan', async () => {
    RedisManager.configure({ cluster: { nodes: cluster.addresses } });
    const seen: Record<string, number>[] = [];
    for (const count of [10, 3_000]) {
      const cache = new CacheRepository(`cost${count}`);
      await fillWith(cache, count);
      const counts: Record<string, number> = {};
      const before = await Promise.all(cluster.masters.map((master) => master.commandCalls()));
      await cache.clear();
      const after = await Promise.all(cluster.masters.map((master) => master.commandCalls()));
      after.forEach((calls, at) => {
        for (const name of ['del', 'pfcount', 'scan', 'unlink', 'mget']) counts[name] = (counts[name] ?? 0) + (calls[name] ?? 0) - (before[at][name] ?? 0);
      });
      seen.push(counts);
      expect(await cache.getMany(['k0', 'k1', `k${count - 1}`])).toEqual([null, null, null]);
    }
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[0]).toMatchObject({ scan: 0, unlink: 0, mget: 0 });
    expect(seen[0].del).toBe(24);
  });
});
