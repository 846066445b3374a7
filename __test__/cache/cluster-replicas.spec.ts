/** `minReplicas` on a cluster: an invalidation resolves when replicas of every master that it went to have it, and survives their failover. */
import { CacheRepository, RedisManager, type CacheEngineOptions, type ManagerOptions } from '../../lib/facade';
import { nowMs } from '../helpers/clock';
import { RedisCluster } from '../helpers/redis-cluster';
import type { RedisServer } from '../helpers/redis-server';
import { waits } from '../helpers/waits';

let servers: RedisCluster;
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const configure = (cache: CacheEngineOptions = {}, more: ManagerOptions = {}): void =>
  RedisManager.configure({ cluster: { nodes: servers.addresses }, logger, cache: { replicaTimeoutMs: 1_500, ...cache }, ...more });

beforeEach(async () => {
  servers = await RedisCluster.start();
}, 60_000);
afterEach(async () => {
  for (const server of servers.servers) if (server.running) server.thaw();
  await RedisManager.closeAll();
  await servers.stop();
});

/** A key of the repository `prefix` on each master. */
async function keysOf(prefix: string): Promise<string[]> {
  return Promise.all(servers.masters.map(async (master) => (await servers.keyOn(master, `${prefix}:k`)).slice(prefix.length + 1)));
}

/** The replica of a master. */
const replicaOf = async (master: RedisServer): Promise<RedisServer> => (await servers.replicasOf(master))[0];

test('every call waits for the replicas of each master, and says which one has too few', async () => {
  configure();
  const cache = new CacheRepository('all');
  const keys = await keysOf('all');
  const tags = keys.map((_, i) => `t${i}`);
  const fill = async (): Promise<void> => {
    for (const key of keys) await cache.setWithTags(key, 'old', { tags });
  };
  const calls: [string, (minReplicas?: number) => Promise<unknown>][] = [
    ['deleteMany', (minReplicas) => cache.deleteMany([...keys, 'nothing'], { minReplicas })],
    ['deletePattern', (minReplicas) => cache.deletePattern('k*', { minReplicas })],
    ['invalidateTags', (minReplicas) => cache.invalidateTags(tags, { minReplicas })],
    ['delete', async (minReplicas) => Promise.all(keys.map((key) => cache.delete(key, { minReplicas })))],
  ];
  for (const [name, run] of calls) {
    await fill();
    await run(1);
    expect([name, await cache.getMany(keys)]).toEqual([name, [null, null, null]]);
  }
  for (const [name, run] of calls) {
    await fill();
    await expect(run(2)).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', command: name, acknowledged: 1, minReplicas: 2 });
    expect([name, await cache.getMany(keys)]).toEqual([name, [null, null, null]]);
  }
  const [, silent] = servers.masters;
  (await replicaOf(silent)).freeze();
  await expect(cache.delete(keys[1], { minReplicas: 1 })).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: 0, node: `${silent.host}:${silent.port}` });
  // Others do not notice.
  await cache.delete(keys[0], { minReplicas: 1 });
  for (const master of servers.masters) {
    const names = String(await master.command('CLIENT', 'LIST')).match(/name=\S*replicas\S*/g) ?? [];
    expect(names).toHaveLength(1);
  }
});

test('what replicas have survives a forced failover of every master; what they have not is told', async () => {
  const afterFailover = 'trust';
  configure({}, { afterFailover });
  const prefix = 'failover';
  const cache = new CacheRepository(prefix);
  const keys = await keysOf(prefix);
  for (const key of keys) await cache.setWithTags(key, 'old', { tags: [`tag of ${key}`] });
  const lost = await servers.keyOn(servers.masters[0], `${prefix}:lost`).then((key) => key.slice(prefix.length + 1));
  await cache.set(lost, 'old');
  await cache.invalidateTags([`tag of ${keys[0]}`], { minReplicas: 1 });
  await cache.deleteMany([keys[1], keys[2]], { minReplicas: 1 });
  const replicas = await Promise.all(servers.masters.map(replicaOf));
  // Cut off: what was sent before it froze would still arrive.
  replicas[0].freeze();
  await servers.masters[0].command('CLIENT', 'KILL', 'TYPE', 'replica');
  await expect(cache.delete(lost, { minReplicas: 1 })).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: 0 });
  expect(await cache.get(lost)).toBeNull();
  await Promise.all(servers.masters.map((master) => master.kill()));
  replicas[0].thaw();
  for (const replica of replicas) await servers.failOver(replica, 'TAKEOVER');
  await servers.settled();
  await RedisManager.closeAll({ timeoutMs: 500 });
  configure({}, { afterFailover });
  const read = (key: string): Promise<unknown> => new CacheRepository(prefix).getOrSet(key, () => 'new');
  expect(await Promise.all([...keys, lost].map(read))).toEqual(['new', 'new', 'new', 'old']);
});

test('slots that move: keys are deleted again where they are now', async () => {
  configure({ minReplicas: 1 });
  const prefix = 'moving';
  const cache = new CacheRepository(prefix);
  const [from, to] = servers.masters;
  const name = await servers.keyOn(from, '{m');
  const tag = `{m${name.slice(2)}}`;
  const slot = servers.slotOf(tag);
  // Not where the others are: the tag's slot is any.
  const owner = await servers.ownerOf(slot);
  const target = owner === to ? from : to;
  const keys = [1, 2, 3, 4].map((n) => `${tag}${n}`);
  await cache.setMany(keys.map((key) => ({ key, value: 1 })));
  await servers.openMove(slot, target);
  await servers.moveKeys(slot, owner, target, keys.slice(0, 2).map((key) => `${prefix}:${key}`));
  expect(await cache.deleteMany(keys)).toBe(4);
  await cache.setMany(keys.map((key) => ({ key, value: 2 })));
  await servers.moveKeys(slot, owner, target);
  await servers.closeMove(slot, target);
  await cache.deleteMany(keys);
  expect(await cache.getMany(keys)).toEqual([null, null, null, null]);
  for (const server of [owner, target]) {
    expect(((await server.command('KEYS', `${prefix}:*`)) as string[])).toEqual([]);
  }
});

test('a master that dies while its replicas are waited for: resolved at its successor, or the error, in bounded time', async () => {
  configure({ minReplicas: 1 });
  const prefix = 'dying';
  const cache = new CacheRepository(prefix);
  const [key] = await keysOf(prefix);
  const [master] = servers.masters;
  await cache.set(key, 'old');
  await cache.delete(key);
  const replica = await replicaOf(master);
  replica.freeze();
  const start = nowMs();
  const call = cache.delete(key).then(() => 'resolved', (error: { code: string }) => error.code);
  await waits(master);
  await master.kill();
  replica.thaw();
  expect(['resolved', 'E_NOT_REPLICATED']).toContain(await call);
  expect(nowMs() - start).toBeLessThan(20_000);
});

test('a hundred callers share rounds, and the first deletePattern of a process is waited for as well', async () => {
  configure({ minReplicas: 1 });
  const cache = new CacheRepository('many');
  expect(await cache.deletePattern('*')).toBe(0);
  await Promise.all(Array.from({ length: 100 }, (_, i) => cache.invalidateTags([`t${i}`])));
  await Promise.all(servers.masters.map(async (master) => expect((await master.commandCalls()).wait).toBeLessThan(20)));
});
