/** The near cache on a real cluster: slots that move, masters that die, tracking links that are lost. */
import { CacheMetrics, CacheRepository, RedisManager, type ManagerOptions } from '../../lib/facade';
import { clusterForAll } from '../helpers/lifetimes';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { isNear } from './backends';
import { specifyWaking } from './woken';

const servers = clusterForAll();
let cache: CacheRepository;
let plain: CacheRepository;
let prefixes = 0;

beforeEach(() => {
  CacheMetrics.reset();
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  RedisManager.configure({ cluster: { nodes: servers.addresses }, logger, retryDelayMs: 20 });
  const prefix = `nc${++prefixes}`;
  cache = new CacheRepository(prefix, { nearCache: { maxBytes: 1 << 20 } });
  plain = new CacheRepository(prefix);
});
afterEach(async () => {
  for (const server of servers.servers) server.thaw();
  await RedisManager.closeAll();
  for (const server of servers.servers) if (!server.running) await server.launch();
  await servers.settled();
}, 60_000);

async function warmUp(keys: string[]): Promise<void> {
  for (const key of keys) await until(() => isNear(cache, key), { deadlineMs: 20_000 });
}

const slotOf = (key: string): number => servers.slotOf(`${cache.prefix}:${key}`);

/** Deletes an entry as another process would: no engine of this process knows of it. */
async function deleteElsewhere(key: string): Promise<void> {
  const owner = await servers.ownerOf(slotOf(key));
  await owner.command('DEL', `${cache.prefix}:${key}`);
}

async function otherThan(owner: RedisServer): Promise<RedisServer> {
  for (const server of servers.servers) if (server !== owner && (await servers.slotsOf(server)).size > 0) return server;
  throw new Error('there is no other master');
}

test('each master has a tracking link of its own, and entries of all of them are kept current', async () => {
  const keys = Array.from({ length: 12 }, (_, n) => `k${n}`);
  await Promise.all(keys.map((key, n) => cache.setWithTags(key, n, { tags: ['all', `t${n}`] })));
  await warmUp(keys);
  for (const server of servers.masters) expect(String(await server.command('CLIENT', 'LIST'))).toContain('name=hawser:cache');
  for (const key of keys.slice(0, 6)) {
    await deleteElsewhere(key);
    await until(async () => (await cache.get(key)) === null);
  }
  await plain.invalidateTags(['all']);
  expect(await cache.getMany(keys)).toEqual(keys.map(() => null));
});

test('an entry whose slot moves is not served from memory once it is written at its new master', async () => {
  for (let round = 0; round < 3; round++) {
    const key = `m${round}`;
    await cache.setWithTags(key, 'old', { tags: [`t${round}`] });
    await warmUp([key]);
    const slot = slotOf(key);
    await servers.moveSlot(slot, await otherThan(await servers.ownerOf(slot)));
    await deleteElsewhere(key);
    await until(async () => (await cache.get(key)) === null, { deadlineMs: 20_000 });
    await cache.set(key, 'new');
    expect(await cache.get(key)).toBe('new');
    await warmUp([key]);
    await deleteElsewhere(key);
    await until(async () => (await cache.get(key)) === null);
  }
}, 60_000);

test('a tag whose slot moves still invalidates what is in memory', async () => {
  await cache.setWithTags('k', 'old', { tags: ['moving'] });
  await warmUp(['k']);
  const slot = servers.slotOf(`${cache.prefix}#v{:moving}`);
  await servers.moveSlot(slot, await otherThan(await servers.ownerOf(slot)));
  await cache.invalidateTags(['moving']);
  expect(await cache.get('k')).toBeNull();
  await cache.setWithTags('k', 'new', { tags: ['moving'] });
  await warmUp(['k']);
  await plain.invalidateTags(['moving']);
  expect(await cache.get('k')).toBeNull();
}, 60_000);

test('a failover empties what came from its master, and the successor is tracked', async () => {
  await cache.set('k', 'old');
  await warmUp(['k']);
  const owner = await servers.ownerOf(slotOf('k'));
  const [replica] = await servers.replicasOf(owner);
  await servers.failOver(replica);
  await servers.promoted(replica);
  await replica.command('DEL', `${cache.prefix}:k`);
  await until(async () => (await cache.get('k')) === null, { deadlineMs: 20_000 });
  await until(async () => cache.set('k', 'new').then(() => true, () => false), { deadlineMs: 20_000 });
  await warmUp(['k']);
  await deleteElsewhere('k');
  await until(async () => (await cache.get('k')) === null);
}, 60_000);

test('the loss of one tracking link empties what came over it and nothing else', async () => {
  const [one, two] = servers.masters;
  const keyOn = async (server: RedisServer, letter: string): Promise<string> => {
    const slots = await servers.slotsOf(server);
    for (let n = 0; ; n++) if (slots.has(slotOf(`${letter}${n}`))) return `${letter}${n}`;
  };
  const [a, b] = [await keyOn(one, 'a'), await keyOn(two, 'b')];
  await cache.setMany([{ key: a, value: 1 }, { key: b, value: 2 }]);
  await warmUp([a, b]);
  const id = /^id=(\d+) .* name=hawser:cache /m.exec(String(await one.command('CLIENT', 'LIST')))?.[1] ?? '';
  await one.command('CLIENT', 'KILL', 'ID', id);
  await deleteElsewhere(a);
  await until(async () => (await cache.get(a)) === null);
  expect(await isNear(cache, b)).toBe(true);
});

describe('those who wait without looking are woken when', () => {
  const place = (): ManagerOptions => ({ cluster: { nodes: servers.addresses } });
  const move = async (key: string): Promise<void> => servers.moveSlot(servers.slotOf(key), await otherThan(await servers.ownerOf(servers.slotOf(key))));
  specifyWaking(() => ({ place: place(), servers: servers.servers, serverOf: (key) => servers.ownerOf(servers.slotOf(key)) }), [
    ['a tag whose slot has moved is invalidated', async ({ other, prefix, version }) => {
      await move(version);
      await other.run(prefix, 'invalidateTags', ['t']);
    }],
    ['a lease whose slot has moved is deleted', async ({ other, prefix, entry }) => {
      await move(entry);
      await other.run(prefix, 'delete', 'k');
    }],
  ]);
});
