/** Nodes that announce another address than the one where they are reached, as in containers: `natMap`, for the client and the cache. */
import { Cluster } from '../../lib';
import { CacheRepository, RedisManager } from '../../lib/facade';
import { clusterForAll } from '../helpers/lifetimes';
import { announcesNames, type RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

// Before Redis 7 a node announces the address at which other nodes reach it, and nothing else.
const onNames = announcesNames() ? test : test.skip;

const servers = clusterForAll({ replicas: 0 });
let natMap: Record<string, { host: string; port: number }>;
const logger = { debug() {}, info() {}, warn() {}, error() {} };

beforeAll(async () => {
  natMap = {};
  for (const [i, server] of servers.servers.entries()) {
    // Nodes meet by their own addresses; what they tell clients is this.
    await server.command('CONFIG', 'SET', 'cluster-announce-hostname', `node-${i}.invalid`, 'cluster-preferred-endpoint-type', 'hostname');
    natMap[`node-${i}.invalid:${server.port}`] = { host: server.host, port: server.port };
  }
  await until(async () => {
    const told = await Promise.all(servers.servers.map(async (server) => JSON.stringify(await server.command('CLUSTER', 'SLOTS'))));
    return told.every((text) => [0, 1, 2].every((i) => text.includes(`node-${i}.invalid`)));
  }, { deadlineMs: 20_000, what: 'all nodes to announce all names' });
}, 60_000);
afterEach(() => RedisManager.closeAll());

async function otherThan(slot: number): Promise<[from: RedisServer, to: RedisServer]> {
  const from = await servers.ownerOf(slot);
  return [from, servers.masters.find((server) => server !== from) as RedisServer];
}

onNames('the client follows MOVED and ASK to nodes that announce names nobody else knows', async () => {
  const asked: string[] = [];
  const client = new Cluster(servers.nodes, {
    natMap: (key) => {
      asked.push(key);
      return natMap[key] ?? null;
    },
  });
  try {
    await client.set('{nat}1', 'one');
    await client.set('{nat}2', 'two');
    const slot = servers.slotOf('{nat}');
    const [from, to] = await otherThan(slot);
    await servers.openMove(slot, to);
    await servers.moveKeys(slot, from, to, ['{nat}1']);
    expect(await Promise.all([client.get('{nat}1'), client.get('{nat}2'), client.get('{nat}3')])).toEqual(['one', 'two', null]);
    await servers.moveKeys(slot, from, to);
    await servers.closeMove(slot, to);
    expect(await client.get('{nat}2')).toBe('two');
    expect(asked.filter((key) => !/^node-\d\.invalid:\d+$/.test(key))).toEqual([]);
  } finally {
    client.disconnect();
  }
});

onNames('the cache follows its slots there as well: before, during and after a move', async () => {
  RedisManager.configure({ cluster: { nodes: servers.addresses, natMap }, logger });
  const cache = new CacheRepository('nat');
  const keys = [1, 2, 3, 4].map((n) => `{moving}${n}`);
  let loads = 0;
  const read = (): Promise<unknown[]> => Promise.all(keys.map((key) => cache.getOrSet(key, () => ++loads > 0 && key)));
  expect(await read()).toEqual(keys);
  expect(await read()).toEqual(keys);
  expect(loads).toBe(4);
  const slot = servers.slotOf('{moving}');
  const [from, to] = await otherThan(slot);
  await servers.openMove(slot, to);
  await servers.moveKeys(slot, from, to, keys.slice(0, 2).map((key) => `nat:${key}`));
  // ASK: writes and deletions reach the keys on both sides.
  expect(await cache.deleteMany(keys)).toBe(4);
  await cache.set(keys[0], 'asked');
  expect(await to.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(1);
  expect(await cache.get(keys[0])).toBe('asked');
  await servers.moveKeys(slot, from, to);
  await servers.closeMove(slot, to);
  loads = 0;
  await until(async () => {
    await read();
    const before = loads;
    return (await read(), loads === before);
  });
  await cache.deleteMany(keys);
  expect(await cache.getMany(keys)).toEqual([null, null, null, null]);
});

describe('a node without an address of its own', () => {
  onNames.each<[string, RegExp]>([['unknown-endpoint', /^127\.0\.0\.1:\d+$/]])('%s: natMap is asked for the host that was asked', async (type, expected) => {
    for (const server of servers.servers) await server.command('CONFIG', 'SET', 'cluster-preferred-endpoint-type', type);
    const asked = new Set<string>();
    const client = new Cluster(servers.nodes, {
      natMap: (key) => {
        asked.add(key);
        return null;
      },
    });
    try {
      await client.set('foo', 'bar');
      const slot = servers.slotOf('foo');
      const [, to] = await otherThan(slot);
      await servers.moveSlot(slot, to);
      expect(await client.get('foo')).toBe('bar');
      expect(asked.size).toBeGreaterThan(0);
      expect([...asked].filter((key) => !expected.test(key))).toEqual([]);
    } finally {
      client.disconnect();
      for (const server of servers.servers) await server.command('CONFIG', 'SET', 'cluster-preferred-endpoint-type', 'hostname');
    }
  });
});
