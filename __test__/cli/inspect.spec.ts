/** `hawser inspect` on real servers. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import * as net from 'node:net';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { CacheRepository, RedisManager } from 'hawser';
import type { InspectJson } from '../../lib/cli/inspect/data';
import { clientsForTest, serverForAll } from '../helpers/lifetimes';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { RedisServer } from '../helpers/redis-server';
import { hawser, hawserJson } from './hawser';

const server = serverForAll({
  password: 'geheim',
  users: ['little on >wenig ~* +get +ping', 'some on >etwas ~a* +@all'],
  args: ['--slowlog-log-slower-than', '0', '--maxmemory', '200mb', '--maxmemory-policy', 'allkeys-lru'],
});
const client = clientsForTest();
const inspect = (url: string, ...more: string[]): Promise<InspectJson> => hawserJson<InspectJson>(['inspect', '--url', url, ...more]);
const patternOf = ({ keys }: InspectJson, name: string) => keys.patterns.find(({ pattern }) => pattern === name)!;

beforeEach(() => server.command('FLUSHALL'));
afterEach(() => RedisManager.closeAll());

/** Writes many keys without a client in CLIENT LIST afterwards. */
const fill = (count: number, name = 'user:'): Promise<unknown> =>
  server.command('EVAL', "for i = 1, tonumber(ARGV[2]) do redis.call('SET', ARGV[1] .. i, string.rep('x', 100), 'EX', 1000) end", 0, name, count);

test('keys, connections, commands and state are shown, as text, JSON and a page', async () => {
  await fill(500);
  await server.command('HSET', 'cart:{1}:items', 'a', 1);
  const api = client({ port: server.port, password: 'geheim', connectionName: 'api' });
  const other = client({ port: server.port, password: 'geheim', connectionName: 'api', db: 1 });
  await Promise.all([api.get('user:1'), api.get('nothing'), api.keys('user:1*'), other.set('elsewhere', 1)]);
  const data = await inspect(server.url);
  expect(data).toMatchObject({ schema: 'hawser.inspect/1', topology: 'standalone', server: `127.0.0.1:${server.port}`, db: 0, refused: [], unasked: [] });
  expect(data.keys).toMatchObject({ total: 501, sampled: 501, isComplete: true, otherDatabases: [{ db: 1, keys: 1 }] });
  expect(patternOf(data, 'user:*')).toMatchObject({ count: 500, looked: 10, types: { string: 10 }, ttl: { with: 10, without: 0 } });
  expect(patternOf(data, 'user:*').memoryBytes! / 500).toBeGreaterThan(100);
  expect(patternOf(data, 'cart:{*}:items')).toMatchObject({ count: 1, types: { hash: 1 }, ttl: { with: 0, without: 1 } });
  expect(data.connections.byName.find(({ of }) => of === 'api')).toEqual({ of: 'api', count: 2 });
  expect(data.connections.byName.find(({ of }) => of === 'hawser:cli')).toBeUndefined();
  expect(data.commands.find(({ command }) => command === 'keys')?.danger).toContain('SCAN');
  expect(data.nodes[0]).toMatchObject({ role: 'master', maxmemoryPolicy: 'allkeys-lru', maxMemoryBytes: 200 << 20, persistence: { aof: false }, replication: { replicas: 0 } });
  expect(data.hitRate.percent).toBeGreaterThan(0);
  expect(data.latency.ping!.p50Ms).toBeGreaterThan(0);
  expect(data.memory.usedBytes).toBeGreaterThan(0);

  const text = await hawser(['inspect'], { env: { REDIS_URL: server.url } });
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toMatch(/^user:\* +500 /m);
  expect(text.stdout).not.toContain('geheim');
  const folder = mkdtempSync(path.join(tmpdir(), 'hawser-cli-'));
  try {
    const file = path.join(folder, 'page.html');
    expect(await hawser(['inspect', '-u', server.url, '--html', '-o', file])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8')).toMatch(/<svg [^>]*aria-label="Memory by key pattern"/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('of many keys a sample is read: counts are extrapolated and said to be', async () => {
  await fill(20_000);
  await fill(10_000, 'other:');
  const data = await inspect(server.url, '--sample', '3000');
  expect(data.keys).toMatchObject({ total: 30_000, sampled: 3000, isComplete: false });
  expect(Math.abs(patternOf(data, 'user:*').count / 20_000 - 1)).toBeLessThan(0.2);
  expect(data.keys.patterns.reduce((sum, { count }) => sum + count, 0)).toBeCloseTo(30_000, -2);
  expect(data.notes.join()).toContain('extrapolated');
  expect((await hawser(['inspect', '-u', server.url, '--sample', '3000'])).stdout).toMatch(/^Key patterns \(counts extrapolated/m);
});

test('it keeps to its budget of commands, ends in time, says what it did not get to, and never sends KEYS', async () => {
  await fill(20_000);
  await server.command('CONFIG', 'RESETSTAT');
  const calls = await server.countCommands(async () => {
    const data = await inspect(server.url, '--budget', '50', '--seconds', '2');
    expect(data.load.durationMs).toBeLessThan(6000);
    expect(data.notes.join()).toContain('the time was over');
    expect(data.keys.patterns[0]).toMatchObject({ pattern: 'user:*' });
  });
  expect(calls.keys).toBeUndefined();
  expect(Object.values(calls).reduce((sum, count) => sum + count, 0)).toBeLessThan(130);
});

test("hawser's own keys are shown by repository and tag", async () => {
  RedisManager.configure({ url: server.url });
  const [orders, users] = [new CacheRepository('orders'), new CacheRepository('app:users')];
  for (let i = 0; i < 12; i++) await orders.setWithTags(`o${i}`, { i }, { tags: [i < 8 ? 'company:1' : 'company:2'] });
  await users.set('bob', { name: 'Bob' });
  const { hawser: repositories } = await inspect(server.url);
  expect(repositories.map(({ prefix, entries, tags }) => [prefix, entries, tags])).toEqual([['orders', 12, 2], ['app:users', 1, 0]]);
  expect(repositories[0].topTags.map(({ tag }) => tag)).toEqual(['company:1', 'company:2']);
});

test('what the server refuses is listed, and the rest is shown', async () => {
  await fill(50);
  const little = await inspect(`redis://little:wenig@127.0.0.1:${server.port}`);
  expect(little.refused.map(({ command }) => command)).toEqual(expect.arrayContaining(['info all', 'client list', 'slowlog get', 'scan', 'dbsize']));
  expect(little).toMatchObject({ connections: { total: null }, keys: { sampled: 0, patterns: [] } });
  expect(little.latency.ping).not.toBeNull();
  const some = await inspect(`redis://some:etwas@127.0.0.1:${server.port}`);
  expect(some.refused.find(({ command }) => command === 'memory usage')?.times).toBe(10);
  expect(patternOf(some, 'user:*')).toMatchObject({ count: 50, memoryBytes: null });
  const { stdout, code } = await hawser(['inspect', '-u', `redis://little:wenig@127.0.0.1:${server.port}`]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^127\.0\.0\.1:\d+ +scan +NOPERM/m);
});

test('a refusal shows its reason without the keys that the server repeats', async () => {
  const renamed = await RedisServer.start({ args: ['--rename-command', 'MEMORY', '', '--rename-command', 'TYPE', ''] });
  try {
    for (let i = 0; i < 5; i++) await renamed.command('SET', `tacit${i}`, 1);
    const report = await inspect(renamed.url);
    expect(report.refused.find(({ command }) => command === 'memory usage')).toMatchObject({ reason: expect.stringMatching(/^ERR unknown command .?memory.?$/i) });
    expect(JSON.stringify(report.refused)).not.toContain('tacit');
  } finally {
    await renamed.stop();
  }
});

test('a key with escape codes and markup reaches neither terminal nor page as it is', async () => {
  const hostile = '\u001b]0;title\u0007<script>alert(1)</script>\u009b2J';
  await server.command('SET', hostile, hostile);
  for (const format of [[], ['--json'], ['--html']]) {
    const { stdout, code } = await hawser(['inspect', '-u', server.url, ...format]);
    expect(code).toBe(0);
    // eslint-disable-next-line no-control-regex -- these are what must not be there
    expect(stdout).not.toMatch(/[\u0007\u001b\u007f-\u009f]/);
    if (format[0] === '--html') expect(stdout).not.toContain('<script');
  }
});

describe('bad input', () => {
  const failing = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await hawser(['inspect', ...args], { env: { REDIS_URL: undefined } });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toMatch(/geheim|falsch|^\s+at /m);
    return stderr;
  };

  test.each([
    [['--url', 'nonsense'], '--url must be a URL'],
    [['--url', 'http://host'], '--url'],
    [['--url', 'memory://'], '--url is memory://'],
    [['--url', 'redis://:falsch@127.0.0.1:1'], '127.0.0.1:1 (from --url)'],
    [['--url', 'redis://127.0.0.1:1/x'], 'database'],
    [['--budget', '0'], '--budget'],
    [['--budget', 'many'], '--budget'],
    [['--seconds', '-1'], '--seconds'],
    [['--sample', '1.5'], '--sample'],
    [['redis://:geheim@127.0.0.1:1'], 'too many arguments'],
    [['--urll=redis://:geheim@127.0.0.1:1'], '--urll'],
  ])('%j is an error that names it', async (args, says) => {
    expect(await failing(...args)).toContain(says);
  });

  test('a wrong password, none, another database, or no Redis at all', async () => {
    expect(await failing('--url', `redis://:falsch@127.0.0.1:${server.port}`)).toContain('password');
    expect(await failing('--url', `redis://127.0.0.1:${server.port}`)).toContain('asks for a password');
    expect(await failing('--url', `${server.url}/99`)).toContain('database 99');
    const http = net.createServer((socket) => socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await new Promise((resolve) => http.once('listening', resolve));
    expect(await failing('--url', `redis://127.0.0.1:${(http.address() as net.AddressInfo).port}`)).toContain('cannot use the server');
    http.close();
  });

  test('a server that does not answer', async () => {
    server.freeze();
    try {
      expect(await failing('--url', server.url, '--seconds', '1')).toContain('no answer within 1000 ms');
    } finally {
      server.thaw();
    }
  });
});

test('all masters of a cluster are asked, and one that is down is named', async () => {
  const cluster = await RedisCluster.start({ replicas: 0 });
  try {
    const redis = client({ port: cluster.masters[0].port });
    await redis.ping();
    for (const master of cluster.masters) {
      for (let i = 0; i < 300; i++) await master.command('SET', `user:${i}`, 'x').catch(() => undefined);
    }
    const url = `redis://127.0.0.1:${cluster.masters[1].port}`;
    const data = await inspect(url);
    expect(data).toMatchObject({ topology: 'cluster', refused: [], keys: { total: 300, isComplete: true } });
    expect(data.nodes.map(({ node }) => node).sort()).toEqual(cluster.masters.map(({ port }) => `127.0.0.1:${port}`).sort());
    expect(patternOf(data, 'user:*').count).toBe(300);
    expect((await hawser(['inspect', '-u', `${url}/3`])).stderr).toContain('database 3');
    await cluster.masters[2].stop();
    const less = await inspect(url);
    expect(less.refused.map(({ node, command }) => [node, command])).toContainEqual([`127.0.0.1:${cluster.masters[2].port}`, 'connect']);
    expect(less.keys.total).toBeLessThan(300);
  } finally {
    await cluster.stop();
  }
});

test('the master that Sentinels name is asked, and a Sentinel itself is not taken for a server', async () => {
  const group = await SentinelGroup.start({ replicas: 1, sentinels: 1 });
  try {
    const [{ host, port }] = group.addresses;
    await (await group.master()).command('SET', 'user:1', 'x');
    const data = await inspect(`redis+sentinel://${host}:${port}/${group.name}`);
    expect(data).toMatchObject({ topology: 'sentinel', keys: { total: 1 } });
    expect((await hawser(['inspect', '-u', `redis://${host}:${port}`])).stderr).toContain('is a Sentinel');
    expect((await hawser(['inspect', '-u', `redis+sentinel://${host}:${port}/no-such-group`])).code).toBe(2);
  } finally {
    await group.stop();
  }
});
