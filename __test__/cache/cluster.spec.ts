/** The cache on the masters of a real cluster: slots that move, masters that freeze and die. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { clusterForAll } from '../helpers/lifetimes';
import { RedisCluster } from '../helpers/redis-cluster';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const servers = clusterForAll();
let cache: CacheRepository;
let prefixes = 0;
const now = performance.now.bind(performance);

beforeEach(() => {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  RedisManager.configure({ cluster: { nodes: servers.addresses }, logger, retryDelayMs: 20 });
  cache = new CacheRepository(`c${++prefixes}`);
});
afterEach(async () => {
  for (const server of servers.servers) server.thaw();
  await RedisManager.closeAll();
  for (const server of servers.servers) if (!server.running) await server.launch();
  await servers.settled();
}, 60_000);

/** Keys whose entries this server holds. */
async function keysOn(server: RedisServer, count: number): Promise<string[]> {
  const slots = await servers.slotsOf(server);
  const keys: string[] = [];
  for (let n = 0; keys.length < count; n++) if (slots.has(servers.slotOf(`${cache.prefix}:k${n}`))) keys.push(`k${n}`);
  return keys;
}

/** The masters of now. */
async function masters(): Promise<RedisServer[]> {
  const all: RedisServer[] = [];
  for (const server of servers.servers) if ((await servers.slotsOf(server)).size > 0) all.push(server);
  return all;
}

async function otherThan(owner: RedisServer): Promise<RedisServer> {
  return (await masters()).find((server) => server !== owner) as RedisServer;
}

test('entries and tags are on all masters, counts are summed, and deletePattern walks through all of them', async () => {
  const keys = Array.from({ length: 60 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key, n) => cache.getOrSet(key, () => n, { tags: ['all', `t${n % 7}`] })));
  expect(await cache.getMany(keys)).toEqual(keys.map((_, n) => n));
  for (const server of await masters()) expect((await keysOn(server, 1)).length).toBe(1);
  const counted = await cache.invalidateTags(['all', 't1']);
  expect(counted).toBeGreaterThanOrEqual(66);
  expect(counted).toBeLessThanOrEqual(72);
  expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
  await cache.setMany(keys.map((key, value) => ({ key, value })));
  expect(await cache.deleteMany(keys.slice(0, 10))).toBe(10);
  expect(await cache.deletePattern('k*')).toBe(50);
  expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
});

test('tags that the first loader of a process adds wait for their masters, which may not be connected yet', async () => {
  for (let round = 0; round < 30; round++) {
    await RedisManager.closeAll();
    const tags = Array.from({ length: 8 }, (_, n) => `${round}-${n}`);
    await cache.getOrSet(`k${round}`, async ({ addTags }) => {
      await addTags(tags);
      return round;
    });
    expect(await cache.get(`k${round}`)).toBe(round);
  }
});

test('a value is cold when its slot has moved, and is loaded again; nothing is wrong while it moves', async () => {
  const slot = servers.slotOf(`${cache.prefix}:k`);
  const from = await servers.ownerOf(slot);
  const to = await otherThan(from);
  await cache.getOrSet('k', () => 'old', { tags: ['t'] });
  await servers.openMove(slot, to);
  expect(await cache.get('k')).toBe('old');
  await servers.moveKeys(slot, from, to);
  // ASK: the value has the replication id of its former master.
  expect(await cache.get('k')).toBeNull();
  expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
  await servers.closeMove(slot, to);
  expect(await cache.getOrSet('k', () => 'newer', { tags: ['t'] })).toBe('new');
  await cache.invalidateTags(['t']);
  expect(await cache.get('k')).toBeNull();
});

test('invalidations hold while the slots of entries and tags move', async () => {
  const tags = Array.from({ length: 6 }, (_, n) => `t${n}`);
  let version = 0;
  let isOver = false;
  const errors: unknown[] = [];
  const loop = async (key: string, tag: string): Promise<void> => {
    while (!isOver) {
      try {
        const source = ++version;
        await cache.invalidateTags([tag]);
        const value = await cache.getOrSet(key, () => source, { tags: [tag] });
        expect(value).toBeGreaterThanOrEqual(source);
        const again = await cache.get<number>(key);
        if (again !== null) expect(again).toBeGreaterThanOrEqual(source);
      } catch (error) {
        errors.push(error);
        return;
      }
    }
  };
  const loops = tags.map((tag, n) => loop(`k${n}`, tag));
  try {
    for (let n = 0; n < tags.length; n++) {
      for (const key of [`${cache.prefix}:k${n}`, `${cache.prefix}#v${tags[n]}`]) {
        const slot = servers.slotOf(key);
        await servers.moveSlot(slot, await otherThan(await servers.ownerOf(slot)));
      }
    }
  } finally {
    isOver = true;
  }
  await Promise.all(loops);
  expect(errors).toEqual([]);
}, 60_000);

test('a frozen master delays no key of another one, and its own keys load within the budget', async () => {
  const [frozen, alive] = await masters();
  const own = await keysOn(frozen, 5);
  const others = await keysOn(alive, 50);
  await Promise.all([...own, ...others].map((key) => cache.getOrSet(key, () => key)));
  frozen.freeze();
  const slow = Promise.all(own.map((key) => cache.getOrSet(key, () => `${key} loaded`)));
  const began = now();
  for (const key of others) expect(await cache.getOrSet(key, () => 'loaded')).toBe(key);
  expect(await cache.getMany([...own, ...others])).toEqual([...own.map(() => null), ...others]);
  expect(await slow).toEqual(own.map((key) => `${key} loaded`));
  expect(now() - began).toBeLessThan(20_000);
}, 60_000);

test('errors of writes name the master that was silent or away, also where others have answered', async () => {
  await RedisManager.closeAll();
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  RedisManager.configure({ cluster: { nodes: servers.addresses }, logger, retryDelayMs: 20, cache: { writeTimeoutMs: 400 } });
  cache = new CacheRepository(`c${++prefixes}`);
  const [frozen, other] = await masters();
  const [[key], [otherKey]] = [await keysOn(frozen, 1), await keysOn(other, 1)];
  await cache.setMany([{ key, value: 1 }, { key: otherKey, value: 1 }]);
  frozen.freeze();
  const node = `${frozen.host}:${frozen.port}`;
  await expect(cache.set(key, 2)).rejects.toMatchObject({ code: 'E_TIMEOUT', node, message: expect.stringContaining(`cache set at ${node}: `) });
  await expect(cache.deleteMany([otherKey, key])).rejects.toMatchObject({ code: 'E_TIMEOUT', node, kept: true });
  expect(await cache.get(otherKey)).toBeNull();
});

test('a master dies: other keys are served, its own come cold after the promotion, and an invalidation that it missed is delivered', async () => {
  const [dead, alive] = await masters();
  const own = await keysOn(dead, 3);
  const [other] = await keysOn(alive, 1);
  await Promise.all([...own, other].map((key) => cache.getOrSet(key, () => 'old')));
  const [replica] = await servers.replicasOf(dead);
  await dead.kill();
  expect(await cache.get(other)).toBe('old');
  for (const key of own) expect(await cache.getOrSet(key, () => 'loaded')).toBe('loaded');
  await cache.delete(own[0]).catch((error: { kept?: boolean }) => expect(error.kept).toBe(true));
  await servers.promoted(replica);
  // What the replica has is from the former reign.
  await until(async () => {
    await cache.getOrSet(own[0], () => 'new');
    return (await cache.get(own[0])) === 'new';
  }, { deadlineMs: 30_000 });
  for (const key of own) expect(await cache.getOrSet(key, () => 'new')).toBe('new');
}, 90_000);

test('a master that restarts is used again although only the cache asks for it', async () => {
  await RedisManager.closeAll();
  const single = await RedisCluster.start({ replicas: 0 });
  try {
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    RedisManager.configure({ cluster: { nodes: single.addresses }, logger, retryDelayMs: 20 });
    const [dead] = single.masters;
    const slots = await single.slotsOf(dead);
    const key = Array.from({ length: 1000 }, (_, n) => `k${n}`).find((name) => slots.has(single.slotOf(`${cache.prefix}:${name}`))) as string;
    expect(await cache.getOrSet(key, () => 'old')).toBe('old');
    await dead.kill();
    for (let n = 0; n < 8; n++) expect(await cache.getOrSet(key, () => 'loaded')).toBe('loaded');
    await dead.launch();
    await until(async () => {
      await cache.getOrSet(key, () => 'new');
      return (await cache.get(key)) === 'new';
    }, { deadlineMs: 40_000 });
  } finally {
    await RedisManager.closeAll();
    await single.stop();
  }
}, 90_000);
