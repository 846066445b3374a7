/** What others do on the shared main connection does not affect the cache. */
import { RedisManager } from '../../lib/facade';
import { until } from '../helpers/until';
import { onServer } from './backends';

onServer('the cache on the main connection', (backend) => {
  const databaseOf = async (key: string): Promise<number[]> => {
    const found: number[] = [];
    const raw = await backend.server.connect();
    for (const db of [0, 2, 3]) {
      await raw.command('SELECT', db);
      if ((await raw.command('EXISTS', key)) === 1) found.push(db);
    }
    raw.close();
    return found;
  };

  test.each([['', 0], ['/2', 2]])('with the URL’s database %p keeps its entries in database %i, whatever SELECT does', async (path, db) => {
    await backend.reopen({ url: backend.server.url + path });
    const cache = backend.cache();
    const redis = await RedisManager.getMainClient();
    await redis.ping();
    await cache.set('before', 1);
    await redis.select(3);
    await cache.setWithTags('after', 2, { tags: ['t'] });
    expect(await cache.getMany(['before', 'after'])).toEqual([1, 2]);
    expect(await databaseOf(`${cache.prefix}:before`)).toEqual([db]);
    expect(await databaseOf(`${cache.prefix}:after`)).toEqual([db]);
    await redis.set('own', 'x');
    expect(await databaseOf('own')).toEqual([3]);
    const mixed = await Promise.all([redis.get('own'), cache.get('after'), redis.get('own'), cache.getOrSet('new', () => 3)]);
    expect(mixed).toEqual(['x', 2, 'x', 3]);
    expect(await databaseOf(`${cache.prefix}:new`)).toEqual([db]);
    // The same after a reconnect.
    for (const id of await backend.server.clientIds()) await backend.server.command('CLIENT', 'KILL', 'ID', id);
    await until(async () => (await cache.get('after')) === 2);
    expect(await redis.get('own')).toBe('x');
  });

  test('a transaction on it does not include the cache’s commands', async () => {
    const cache = backend.cache();
    const redis = await RedisManager.getMainClient();
    await redis.ping();
    const transaction = redis.multi().set('a', 1).get('a').exec();
    const stored = cache.setWithTags('k', 'v', { tags: ['t'] });
    expect(await transaction).toEqual([[null, 'OK'], [null, '1']]);
    await stored;
    expect(await cache.get('k')).toBe('v');
  });

  test('continues on the new main client after the old one was ended', async () => {
    const cache = backend.cache();
    await cache.set('k', 'v');
    (await RedisManager.getMainClient()).disconnect();
    await until(async () => (await cache.get('k')) === 'v');
    expect(await cache.getOrSet('l', () => 1)).toBe(1);
    expect((await backend.server.clientIds()).length).toBe(1);
  });

  test('a call under way when the manager closes ends: reads load, writes reject or succeed', async () => {
    const cache = backend.cache();
    await cache.get('warm');
    backend.server.freeze();
    const read = cache.getOrSet('k', () => 'loaded');
    const write = cache.set('k', 1).then(() => 'done', (error: { code: string }) => error.code);
    await RedisManager.closeAll({ timeoutMs: 200 });
    expect(await read).toBe('loaded');
    expect(await write).toMatch(/^E_/);
  });

  test('callers of a loader under way when the manager closes get its result', async () => {
    const cache = backend.cache();
    let finish = (_: string): void => undefined;
    let started = false;
    const loader = (): Promise<string> => new Promise((resolve) => ((started = true), (finish = resolve)));
    const calls = [cache.getOrSet('k', loader), cache.getOrSet('k', loader)];
    await until(() => started);
    await RedisManager.closeAll();
    finish('v');
    expect(await Promise.all(calls)).toEqual(['v', 'v']);
    expect(await backend.server.clientIds()).toEqual([]);
  });

  test('works with lazyConnect: its first call connects', async () => {
    await backend.reopen({ redis: { lazyConnect: true } });
    const cache = backend.cache();
    expect((await RedisManager.getMainClient()).status).toBe('wait');
    await cache.set('k', 1);
    expect(await cache.get('k')).toBe(1);
  });

  test('with monitor each operation is logged at debug level by name and time', async () => {
    const lines: string[] = [];
    const logger = { debug: (line: string) => void lines.push(line), info() {}, warn() {}, error() {} };
    await backend.reopen({ monitor: true, logger });
    const cache = backend.cache();
    await cache.getOrSet('secret-key', () => 'secret-value', { tags: ['secret-tag'] });
    await cache.invalidateTags(['secret-tag']);
    const own = lines.filter((line) => line.startsWith('[hawser:cache]'));
    expect(own).toEqual([expect.stringMatching(/^\[hawser:cache\] getOrSet \d+\.\d\d ms$/), expect.stringMatching(/^\[hawser:cache\] invalidateTags /)]);
    expect(lines.join()).not.toContain('secret');
  });
});
