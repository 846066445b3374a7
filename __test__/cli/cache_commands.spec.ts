/** `explain`, `tags`, `invalidate`, `clear` and `warm` on real servers: they act on the repositories of running processes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { CacheRepository, RedisManager } from 'hawser';
import { ROOT } from '../helpers/process';
import { serverForAll } from '../helpers/lifetimes';
import { RedisCluster } from '../helpers/redis-cluster';
import { hawser, hawserJson } from './hawser';

const server = serverForAll({ password: 'geheim' });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(async () => {
  await server.command('FLUSHALL');
  RedisManager.configure({ url: server.url });
});
afterEach(() => RedisManager.closeAll());

const env = () => ({ env: { REDIS_URL: server.url } });

async function seeded(prefix = 'orders'): Promise<CacheRepository> {
  const cache = new CacheRepository(prefix);
  await cache.setMany([
    { key: 'one', value: 1, ttl: 600, tags: ['company:1'] },
    { key: 'two', value: 2, ttl: 600, tags: ['company:1', 'all'] },
    { key: 'three', value: 3, ttl: 600, tags: ['company:2', 'all'] },
  ]);
  return cache;
}

test('explain shows the state of a key, its tags, and why it is not served', async () => {
  const cache = await seeded();
  expect(await hawserJson(['explain', 'orders', 'two'], env())).toMatchObject({ schema: 'hawser.explain/1', state: 'fresh', ttl: 600, tags: [{ tag: 'all', state: 'current' }, { tag: 'company:1' }] });
  await cache.invalidateTags(['all']);
  const { stdout, code } = await hawser(['explain', 'orders', 'two'], env());
  expect(code).toBe(0);
  expect(stdout).toMatch(/^invalidated: getOrSet loads/m);
  expect(stdout).toMatch(/^all +missing/m);
  expect(await hawserJson(['explain', 'orders', 'nothing'], env())).toMatchObject({ state: 'missing' });
  await server.command('SET', 'orders:foreign', '\u001b[2J');
  expect(await hawserJson(['explain', 'orders', 'foreign'], env())).toMatchObject({ state: 'foreign', holds: 'string' });
});

test('tags lists the tags in use with estimates', async () => {
  await seeded();
  await seeded('orders:old');
  expect(await hawserJson(['tags', 'orders'], env())).toMatchObject({
    isComplete: true,
    refused: [],
    tags: [{ tag: 'all', entries: 2 }, { tag: 'company:1', entries: 2 }, { tag: 'company:2', entries: 1 }],
  });
  expect((await hawser(['tags', 'orders:old', '-u', server.url])).stdout).toMatch(/^company:2 +1 +/m);
  expect(await hawserJson(['tags', 'orders', '--limit', '2'], env())).toMatchObject({ isComplete: false, tags: [{}, {}] });
});

test('invalidate makes the entries unusable in other processes, and says what it did', async () => {
  const cache = await seeded();
  const dry = await hawser(['invalidate', 'orders', 'company:1', '--dry-run'], env());
  expect(dry).toMatchObject({ code: 0, stderr: '' });
  expect(dry.stdout).toMatch(/nothing was changed/);
  expect(dry.stdout).toMatch(/^company:1 +2 +would be invalidated/m);
  expect(await cache.getMany(['one', 'two', 'three'])).toEqual([1, 2, 3]);

  expect(await hawserJson(['invalidate', 'orders', 'company:1', 'company:1', 'compnay:2'], env())).toEqual({
    schema: 'hawser.invalidate/1',
    prefix: 'orders',
    isDryRun: false,
    tags: [{ tag: 'company:1', entries: 2 }, { tag: 'compnay:2', entries: 0 }],
  });
  expect(await cache.getMany(['one', 'two', 'three'])).toEqual([null, null, 3]);
});

test('clear makes every entry unusable, also what a load under way brings; --delete frees the memory', async () => {
  const cache = await seeded();
  const other = await seeded('other');
  expect(await hawserJson(['clear', 'orders', '--dry-run'], env())).toMatchObject({ isDryRun: true, entries: 3 });
  expect(await cache.get('one')).toBe(1);
  let finish!: (value: string) => void;
  let begun!: () => void;
  const begins = new Promise<void>((resolve) => (begun = resolve));
  const load = cache.getOrSet('slow', () => {
    begun();
    return new Promise<string>((resolve) => (finish = resolve));
  });
  await begins;
  expect((await hawser(['clear', 'orders'], env())).stdout).toMatch(/^Every entry of the repository is unusable now/m);
  finish('old');
  expect(await load).toBe('old');
  expect(await cache.getMany(['one', 'two', 'three', 'slow'])).toEqual([null, null, null, null]);
  expect(await other.get('one')).toBe(1);
  expect(await hawserJson(['clear', 'other', '--delete'], env())).toMatchObject({ isDryRun: false, entries: 3 });
  expect(await server.command('KEYS', 'other:*')).toEqual([]);
});

test('a call that the server refuses is a failure, and nothing is said to be done', async () => {
  const cache = await seeded();
  await server.command('ACL', 'SETUSER', 'reader', 'on', '>lies', '~*', '+@all', '-del', '-unlink', '-evalsha', '-eval');
  const env = { env: { REDIS_URL: `redis://reader:lies@127.0.0.1:${server.port}` } };
  const invalidated = await hawser(['invalidate', 'orders', 'company:1'], env);
  expect(invalidated.code).toBe(2);
  expect(invalidated.stdout).toMatch(/not invalidated: /);
  expect(invalidated.stdout).not.toContain('lies');
  expect(await hawser(['clear', 'orders'], env)).toMatchObject({ code: 2, stdout: '' });
  expect(await cache.get('one')).toBe(1);
});

describe('bad input', () => {
  test.each([
    [['tags', 'ordres'], 'no repository with the prefix "ordres"', 'orders'],
    [['explain', 'ordres', 'one'], '"ordres"', 'orders'],
    [['invalidate', 'order', 'company:1'], '"order"', 'orders'],
    [['clear', 'ord\u001b[2Jers'], '"ord\\\\u001b[2Jers"', 'orders'],
    [['clear', 'a#b'], 'a#b', 'without #'],
    [['tags', ''], 'cache.prefix', ''],
    [['explain', 'orders', ''], 'key', ''],
    [['invalidate', 'orders', ''], 'tag', ''],
    [['explain', 'orders'], "missing required argument 'key'", ''],
    [['invalidate', 'orders'], "missing required argument 'tag'", ''],
    [['tags', 'orders', '--limit', 'x'], '--limit', ''],
    [['tags', 'orders', '--url', 'memory://'], 'memory://', ''],
    [['tags', 'orders', '--url', 'redis://:falsch@127.0.0.1:1'], '127.0.0.1:1', ''],
  ])('%j', async (args, says, also) => {
    await seeded();
    const { code, stdout, stderr } = await hawser(args, env());
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
    expect(stderr).toContain(also);
    expect(stderr).not.toMatch(/geheim|falsch/);
    expect(stderr).not.toContain('\u001b');
  });
});

describe('warm', () => {
  const write = (name: string, text: string): string => {
    const file = path.join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const load = `const { CacheRepository } = require(${JSON.stringify(ROOT)}); const cache = new CacheRepository('warm');`;

  test('runs the tasks of a module, which fill the cache', async () => {
    const file = write('warm.js', `${load} exports.tasks = async () => [1, 2, 3].map((i) => ({ name: 'task ' + i, run: () => cache.set('k' + i, i) }));`);
    const { code, stdout, stderr } = await hawser(['warm', file, '--url', server.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^3 of 3 tasks succeeded/m);
    expect(await new CacheRepository('warm').getMany(['k1', 'k2', 'k3'])).toEqual([1, 2, 3]);
  });

  test('a failed task is named, the others run, and the exit code is 1', async () => {
    const file = write('some.mjs', "export default [() => 1, { name: 'prices', run: () => { throw new Error('no\\u001b[2J prices'); } }, () => 2];");
    const { code, stdout } = await hawser(['warm', file, '--concurrency', '1', '--json'], env());
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ total: 3, succeeded: 2, failed: 1, errors: [{ task: 'prices', error: 'no\\u001b[2J prices' }] });
  });

  test.each([
    ['none.js', 'exports.other = 1;', 'exports no warm-up tasks'],
    ['broken.js', "throw new Error('it is broken');", 'it is broken'],
    ['wrong.js', 'exports.tasks = [1];', 'tasks[0]'],
    ['rejects.js', "exports.tasks = async () => { throw new Error('no list'); };", 'no list'],
  ])('%s is an error that names the module and the fault', async (name, text, says) => {
    const { code, stderr } = await hawser(['warm', write(name, text)], env());
    expect(code).toBe(2);
    expect(stderr).toContain(says);
  });

  test('a server that cannot be used, and a module that is not there', async () => {
    const file = write('never.js', "exports.tasks = [() => console.log('ran')];");
    expect(await hawser(['warm', file, '-u', 'redis://127.0.0.1:1'])).toMatchObject({ code: 2, stdout: '' });
    expect((await hawser(['warm', './no-such.js'], env())).stderr).toContain('no-such.js');
  });
});

test('on a cluster, recognised by itself', async () => {
  const cluster = await RedisCluster.start({ replicas: 0 });
  try {
    const nodes = cluster.masters.map(({ port }) => `127.0.0.1:${port}`);
    await RedisManager.closeAll();
    RedisManager.configure({ cluster: { nodes } });
    const cache = await seeded();
    const env = { env: { REDIS_URL: `redis://${nodes[1]}` } };
    expect(await hawserJson(['explain', 'orders', 'one'], env)).toMatchObject({ state: 'fresh' });
    expect((await hawserJson(['tags', 'orders'], { env: { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: nodes.join(',') } })).tags).toHaveLength(3);
    expect(await hawserJson(['invalidate', 'orders', 'company:1', 'company:2', '--dry-run'], env)).toMatchObject({ tags: [{ entries: 2 }, { entries: 1 }] });
    expect(await hawserJson(['invalidate', 'orders', 'company:1', 'company:2'], env)).toMatchObject({ tags: [{ entries: 2 }, { entries: 1 }] });
    expect(await cache.getMany(['one', 'two', 'three'])).toEqual([null, null, null]);
    await cache.set('four', 4);
    expect(await hawserJson(['clear', 'orders', '--delete'], env)).toMatchObject({ isDryRun: false });
    expect(await cache.get('four')).toBeNull();
    expect((await hawser(['tags', 'ordres'], env)).stderr).toContain('the repositories there are orders');
  } finally {
    await RedisManager.closeAll();
    await cluster.stop();
  }
});
