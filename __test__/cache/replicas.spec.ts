/** What an acknowledgement is worth: with `minReplicas` an invalidation resolves when replicas have it, and survives a failover. */
import { Redis } from '../../lib';
import { CacheRepository, RedisManager, type CacheEngineOptions, type ManagerOptions } from '../../lib/facade';
import { nowMs } from '../helpers/clock';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { waits } from '../helpers/waits';

let master: RedisServer;
let replicas: RedisServer[];
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const configure = (cache: CacheEngineOptions = {}, more: ManagerOptions = {}): void => RedisManager.configure({ url: master.url, logger, cache: { replicaTimeoutMs: 1_500, ...cache }, ...more });

async function startFleet(): Promise<void> {
  master = await RedisServer.start({ args: ['--repl-diskless-sync-delay', '0'] });
  replicas = await Promise.all([1, 2].map(() => RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(master.port)] })));
  // Before there is a write, WAIT counts replicas that have nothing yet.
  await until(async () => (await master.command('SET', 'probe', 1)) === 'OK' && Number(await master.command('WAIT', 2, 500)) === 2, { deadlineMs: 20_000 });
  await master.command('DEL', 'probe');
}

beforeEach(startFleet);
afterEach(async () => {
  for (const server of [master, ...replicas]) server.thaw();
  await RedisManager.closeAll();
  await Promise.all([master, ...replicas].map((server) => server.stop()));
});

/** The kinds of calls, each on an entry of its own. */
const CALLS: [string, (cache: CacheRepository, minReplicas?: number) => Promise<unknown>][] = [
  ['delete', (cache, minReplicas) => cache.delete('k', { minReplicas })],
  ['deleteMany', (cache, minReplicas) => cache.deleteMany(['k', 'other'], { minReplicas })],
  ['deletePattern', (cache, minReplicas) => cache.deletePattern('k*', { minReplicas })],
  ['invalidateTags', (cache, minReplicas) => cache.invalidateTags(['t'], { minReplicas })],
  ['clear', (cache, minReplicas) => cache.clear({ minReplicas })],
];

test.each(CALLS)('%s: resolves with as many replicas as it asks for, else rejects and stands', async (name, run) => {
  configure();
  const cache = new CacheRepository('a:b{c}');
  const fill = (): Promise<void> => cache.setWithTags('k', 'old', { tags: ['t'] });
  await fill();
  await run(cache, 2);
  expect(await cache.get('k')).toBeNull();
  replicas[0].freeze();
  await fill();
  await run(cache, 1);
  expect(await cache.get('k')).toBeNull();
  await fill();
  await expect(run(cache, 2)).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', command: name, acknowledged: 1, minReplicas: 2, message: expect.stringContaining('1 of 2 replicas have it') });
  // Here, at once; with the others the invalidation arrives as soon as they are back.
  expect(await cache.get('k')).toBeNull();
  await fill();
  await run(cache);
  expect(await cache.getOrSet('k', () => 'new', { tags: ['t'] })).toBe('new');
});

test('the manager says how many, a repository otherwise, and a call otherwise', async () => {
  configure({ minReplicas: 2 });
  replicas[0].freeze();
  await expect(new CacheRepository('all').delete('k')).rejects.toMatchObject({ code: 'E_NOT_REPLICATED' });
  await new CacheRepository('one', { minReplicas: 1 }).delete('k');
  await new CacheRepository('all').delete('k', { minReplicas: 0 });
  await expect(new CacheRepository('one', { minReplicas: 1 }).delete('k', { minReplicas: 3 })).rejects.toMatchObject({ acknowledged: 1, minReplicas: 3 });
  // What does not invalidate does not wait.
  await new CacheRepository('all').set('k', 1);
});

test('who waits delays no other call, and a hundred wait no longer than two', async () => {
  configure({ minReplicas: 2, replicaTimeoutMs: 700 });
  const cache = new CacheRepository('many');
  await cache.set('warm', 1);
  replicas[0].freeze();
  const start = nowMs();
  let isWaiting = true;
  const calls = Promise.allSettled(Array.from({ length: 100 }, (_, i) => cache.invalidateTags([`t${i}`])));
  void calls.then(() => (isWaiting = false));
  const main = await RedisManager.getMainClient();
  for (let i = 0; i < 20; i++) {
    await main.ping();
    expect(await cache.get('warm')).toBe(1);
  }
  expect(isWaiting).toBe(true);
  expect((await calls).every((outcome) => outcome.status === 'rejected')).toBe(true);
  expect(nowMs() - start).toBeLessThan(10_000);
  expect(String(await master.command('CLIENT', 'LIST')).match(/name=hawser:/g)!.length).toBeLessThanOrEqual(3);
});

test('an invalidation that a replica has survives a failover to it; the error says that another may not', async () => {
  const afterFailover = 'trust';
  configure({}, { afterFailover });
  const cache = new CacheRepository('failover');
  for (const key of ['safe', 'lost']) await cache.setWithTags(key, 'old', { tags: [key] });
  await cache.invalidateTags(['safe'], { minReplicas: 2 });
  // Cut off from here on.
  for (const replica of replicas) await replica.command('REPLICAOF', 'NO', 'ONE');
  await expect(cache.invalidateTags(['lost'], { minReplicas: 1 })).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: 0 });
  expect(await cache.get('lost')).toBeNull();
  await master.kill();
  await RedisManager.closeAll({ timeoutMs: 200 });
  RedisManager.configure({ url: replicas[1].url, logger, afterFailover });
  const read = (key: string): Promise<unknown> => new CacheRepository('failover').getOrSet(key, () => 'new', { tags: [key] });
  expect([await read('safe'), await read('lost')]).toEqual(['new', 'old']);
  // With the default, what the former master has written counts no more, acknowledged or not.
  await RedisManager.closeAll();
  RedisManager.configure({ url: replicas[0].url, logger });
  expect([await read('safe'), await read('lost')]).toEqual(['new', 'new']);
});

test('a master that dies or hangs while replicas are waited for is the same error, in bounded time', async () => {
  configure({ minReplicas: 2 });
  const cache = new CacheRepository('dying');
  await cache.delete('warm');
  for (const replica of replicas) replica.freeze();
  const calls = [cache.delete('k')];
  await waits(master);
  master.freeze();
  await expect(calls[0]).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: null });
  master.thaw();
  const second = cache.delete('k');
  second.catch(() => undefined);
  await waits(master);
  await master.kill();
  await expect(second).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: null });
});

test('a connection that is cut while it waits counts nothing of the next one', async () => {
  configure({ minReplicas: 2, replicaTimeoutMs: 1_500 });
  const cache = new CacheRepository('cut');
  await cache.delete('warm');
  replicas[0].freeze();
  const call = cache.delete('k');
  call.catch(() => undefined);
  await waits(master);
  const list = String(await master.command('CLIENT', 'LIST'));
  await master.command('CLIENT', 'KILL', 'ID', /id=(\d+) [^\n]*name=hawser:replicas/.exec(list)![1]);
  await expect(call).rejects.toMatchObject({ code: 'E_NOT_REPLICATED' });
});

test('deletePattern, whose keys nobody lists, counts only if the connection that deleted them is the same afterwards', async () => {
  configure({ minReplicas: 1 });
  const cache = new CacheRepository('pattern');
  await cache.set('k', 1);
  await cache.deletePattern('*');
  for (const replica of replicas) replica.freeze();
  const call = cache.deletePattern('*');
  call.catch(() => undefined);
  await waits(master);
  const list = String(await master.command('CLIENT', 'LIST'));
  await master.command('CLIENT', 'KILL', 'ID', /id=(\d+) [^\n]*name=hawser:main/.exec(list)![1]);
  const main = await RedisManager.getMainClient();
  await until(() => main.ping());
  for (const replica of replicas) replica.thaw();
  await expect(call).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: null });
  await cache.deletePattern('*');
});

test('closeAll ends a call that waits, and no connection follows the one that it closes', async () => {
  configure({ minReplicas: 2 });
  const cache = new CacheRepository('closing');
  replicas[0].freeze();
  const call = cache.delete('k');
  call.catch(() => undefined);
  await waits(master);
  await RedisManager.closeAll();
  await expect(call).rejects.toMatchObject({ code: 'E_NOT_REPLICATED', acknowledged: null });
  // The server accepts connections in the order in which they were opened.
  const later = new Redis(master.url, { connectionName: 'later' });
  await later.ping();
  const names = [...String(await master.command('CLIENT', 'LIST', 'TYPE', 'normal')).matchAll(/ name=(\S+) /g)].map(([, name]) => name);
  await later.quit();
  expect(names).toEqual(['later']);
});

test('the keys that are deleted again are the core’s', async () => {
  configure();
  const cache = new CacheRepository('x:y{z}');
  await cache.setWithTags('k:{1}', 'v', { tags: ['t}:{'] });
  const before = (await master.command('KEYS', '*')) as string[];
  expect(before.sort()).toEqual(['x#:y#(z}#c{:}', 'x#:y#(z}#h{:t}:{}', 'x#:y#(z}#v{:t}:{}', 'x#:y{z}:k:{1}'].sort());
  const counted = await master.countCommands(() => cache.delete('k:{1}', { minReplicas: 1 }));
  expect(counted.del).toBe(2);
  await cache.invalidateTags(['t}:{'], { minReplicas: 1 });
  const after = async (): Promise<string[]> => ((await master.command('KEYS', '*')) as string[]).filter((key) => key !== 'x#:y#(z}#w').sort();
  expect(await after()).toEqual(['x#:y#(z}#c{:}']);
  await cache.clear({ minReplicas: 1 });
  expect(await after()).toEqual([]);
  await until(async () => ((await master.command('KEYS', '*')) as string[]).length === 0);
});

test('on memory:// there is nothing to wait for; bad numbers are refused', async () => {
  RedisManager.configure({ url: 'memory://', cache: { minReplicas: 2 } });
  const cache = new CacheRepository('memory');
  await cache.delete('k');
  await expect(cache.delete('k', { minReplicas: -1 })).rejects.toThrow('options.minReplicas must be a whole number of replicas from 0 to 1000, got -1');
  await expect(cache.invalidateTags([], { minReplica: 1 } as never)).rejects.toMatchObject({ code: 'E_BAD_OPTION' });
  expect(() => new CacheRepository('memory', { minReplicas: 1.5 })).toThrow(RangeError);
  await RedisManager.closeAll();
  expect(() => RedisManager.configure({ cache: { minReplicas: '1' as never } })).toThrow('manager.cache.minReplicas');
});
