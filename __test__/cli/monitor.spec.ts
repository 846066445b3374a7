/** `hawser monitor` on a pseudo-terminal, on a pipe, and its captures. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import type { CaptureJson } from '../../lib/cli/monitor/capture';
import { clientsForTest, endsWithTest, serverForAll } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { RedisCluster } from '../helpers/redis-cluster';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { hawser } from './hawser';
import { Terminal } from './terminal';

const server = serverForAll({ users: ['little on >wenig ~* +get +ping'], args: ['--slowlog-log-slower-than', '0'] });
const client = clientsForTest(() => ({ port: server.port, connectionName: 'api' }));
const ends = endsWithTest();
const main = require.resolve('../../dist/cli/main.js');

const ALTERNATE = '\u001b[?1049h';
const NORMAL = '\u001b[?1049l';
const CURSOR = '\u001b[?25h';

const terminal = (...args: string[]): Terminal => ends(new Terminal(['monitor', '--interval', '100ms', ...args], { REDIS_URL: server.url }));
const lines = (...args: string[]): NodeProcess => new NodeProcess(main, { args: ['monitor', '--interval', '100ms', ...args], deadlineMs: 60_000, env: { REDIS_URL: server.url } });

describe('on a terminal', () => {
  test('it shows connections, rates, slow commands and memory on another screen', async () => {
    const redis = client();
    const view = terminal();
    await view.shows(/connections/);
    await redis.get('user:1');
    await view.shows(/ops\/s +[\d,]+ /);
    await view.shows(/hit rate +0\.0 %/);
    await view.shows(/memory +[\d.]+ [kM]B/);
    await view.shows(/\d {2}api/);
    await view.shows(/ms {2}get user:1/);
    expect(view.out).toContain(ALTERNATE);
    view.press('q');
    await view.ended();
  });

  test.each<[string, (view: Terminal) => void, number]>([
    ['q', (view) => view.press('q'), 0],
    ['Ctrl+C', (view) => view.press('\u0003'), 130],
    ['SIGINT', (view) => view.send(2), 130],
    ['SIGTERM', (view) => view.send(15), 130],
    ['SIGHUP', (view) => view.send(1), 129],
    ['SIGQUIT', (view) => view.send(3), 131],
  ])('%s ends it and leaves the terminal as it was', async (_, act, code) => {
    const view = terminal();
    await view.shows(/ops\/s/);
    act(view);
    expect(await view.ended()).toEqual({ code, signal: null, isSame: true });
    expect(view.out.lastIndexOf(NORMAL)).toBeGreaterThan(view.out.lastIndexOf(ALTERNATE));
    expect(view.out.lastIndexOf(CURSOR)).toBeGreaterThan(view.out.lastIndexOf('\u001b[?25l'));
    expect(view.out.endsWith(NORMAL)).toBe(true);
  });

  test('an end by itself and an error do the same', async () => {
    const counted = terminal('--count', '2');
    expect(await counted.ended()).toEqual({ code: 0, signal: null, isSame: true });
    expect(counted.out.endsWith(NORMAL)).toBe(true);
    const failed = ends(new Terminal(['monitor', '--url', 'redis://127.0.0.1:1']));
    expect(await failed.ended()).toEqual({ code: 2, signal: null, isSame: true });
    expect(failed.out).not.toContain(ALTERNATE);
    expect(failed.out).toContain('127.0.0.1:1');
  });

  test('Ctrl+Z gives the terminal back until it goes on', async () => {
    const view = terminal();
    await view.shows(/ops\/s/);
    view.press('\u001a');
    await view.shows(/\[\?1049l$/);
    const from = view.out.length;
    view.send(18);
    await view.shows(/\[\?1049h[^]*ops\/s/, from);
    view.press('q');
    expect(await view.ended()).toEqual({ code: 0, signal: null, isSame: true });
  });

  test('it fits a small screen', async () => {
    const view = terminal();
    await view.shows(/ops\/s/);
    view.resize(5, 20);
    const from = view.out.length;
    await view.shows(/\[H[^]*\[J[^]*\[H[^]*\[J/, from);
    // eslint-disable-next-line no-control-regex -- the drawing's own codes
    const drawn = view.out.slice(from).split('\u001b[J').slice(-2)[0].replace(/\u001b\[[?\d]*[A-Za-z]/g, '');
    // The terminal adds a carriage return.
    const shown = drawn.split(/\r*\n/);
    expect(shown.length).toBeLessThanOrEqual(5);
    for (const line of shown) expect([...line].length).toBeLessThanOrEqual(20);
    view.press('q');
    await view.ended();
  });

  test('a lost connection is said, and it goes on when the server is back', async () => {
    const own = ends(await RedisServer.start());
    const view = ends(new Terminal(['monitor', '--interval', '100ms', '-u', own.url]));
    await view.shows(/servers: 1 of 1/);
    await own.kill();
    await view.shows(/lost the connection to 127\.0\.0\.1:\d+, reconnecting/);
    await view.shows(/servers: 0 of 1/);
    const from = view.out.length;
    await own.restart();
    await view.shows(/connected to 127\.0\.0\.1:\d+ again/, from);
    await view.shows(/servers: 1 of 1/, from);
    view.press('q');
    expect(await view.ended()).toEqual({ code: 0, signal: null, isSame: true });
  });

  test('a key with escape codes does not reach the terminal', async () => {
    const view = terminal();
    await view.shows(/ops\/s/);
    await client().get('\u001b]0;owned\u0007key\u009b2J');
    await view.shows(/get \\u001b\]0;owned\\u0007key/);
    expect(view.out).not.toContain('\u0007');
    expect(view.out).not.toContain('\u009b');
    view.press('q');
    await view.ended();
  });
});

describe('on a pipe', () => {
  test('it prints lines, and ends with the number asked for', async () => {
    const { code, stdout, stderr } = await hawser(['monitor', '--interval', '100ms', '--count', '3', '-u', server.url]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toContain('\u001b');
    expect(stdout.match(/^\S+Z {2}connections \d+ {2}ops\/s .* {2}memory .* {2}slow \d+$/gm)).toHaveLength(3);
  });

  test('with --json one object a line', async () => {
    const { stdout } = await hawser(['monitor', '--interval', '100ms', '--count', '2', '--json', '-u', server.url]);
    const looks = stdout.trim().split('\n').map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(looks).toHaveLength(2);
    expect(looks[1]).toMatchObject({ up: 1, of: 1, opsPerSecond: expect.any(Number), usedMemoryBytes: expect.any(Number) });
  });

  test('--output takes the lines, and --html makes a page with charts at the end', async () => {
    const file = path.join(server.directory, 'looks.jsonl');
    expect(await hawser(['monitor', '--interval', '100ms', '--count', '2', '--json', '-o', file, '-u', server.url])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(file, 'utf8').trim().split('\n').map((line) => (JSON.parse(line) as { up: number }).up)).toEqual([1, 1]);
    const page = await hawser(['monitor', '--interval', '100ms', '--count', '2', '--html', '-u', server.url]);
    expect(page).toMatchObject({ code: 0, stderr: '' });
    expect(page.stdout).toMatch(/^<!doctype html>[^]*<svg [^>]*aria-label="Operations a second"/i);
    const refused = await hawser(['monitor', '--count', '1', '-o', path.join(server.directory, 'no', 'such.txt'), '-u', server.url]);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('cannot write --output');
  });

  test('a reader that goes away and SIGTERM end it without a word', async () => {
    const one = lines();
    await one.line(/connections/);
    one.child.stdout!.destroy();
    expect(await one.done).toMatchObject({ code: 0, stderr: '', timedOut: false });
    const other = lines();
    await other.line(/connections/);
    expect(await other.kill('SIGTERM')).toMatchObject({ code: 130, stderr: '' });
  });

  test('what the server refuses is said once', async () => {
    const { stdout, code } = await hawser(['monitor', '--interval', '100ms', '--count', '3', '-u', `redis://little:wenig@127.0.0.1:${server.port}`]);
    expect(code).toBe(0);
    expect(stdout.match(/refuses INFO/g)).toHaveLength(1);
  });

  test('all masters of a cluster count together, and one that is lost is said', async () => {
    const cluster = await RedisCluster.start({ replicas: 0 });
    try {
      const watch = new NodeProcess(main, { args: ['monitor', '--interval', '100ms', '-u', `redis://127.0.0.1:${cluster.masters[0].port}`], deadlineMs: 60_000 });
      await watch.line(/\(cluster\)/);
      await watch.line(/connections [3-9]/);
      await cluster.masters[2].kill();
      await watch.line(new RegExp(`lost the connection to 127\\.0\\.0\\.1:${cluster.masters[2].port}`));
      await watch.line(/1 of 3 servers do not answer/);
      await watch.kill('SIGINT');
    } finally {
      await cluster.stop();
    }
  });

  test.each([
    [['--interval', '5'], '--interval'],
    [['--sample', 'soon'], '--sample'],
    [['--count', '0'], '--count'],
    [['--max-bytes', '1tb'], '--max-bytes'],
    [['--max-bytes', '1mb'], '--max-bytes needs --sample'],
    [['--max-commands', '10', '--count', '1'], '--max-commands needs --sample'],
    [['--sample', '1s', '--count', '2'], '--count cannot be used with --sample'],
    [['--sample', '1s', '--interval', '2s'], '--interval cannot be used with --sample'],
    [['--html', '--lines'], '--lines cannot be used with --html'],
    [['--url', 'nonsense'], '--url'],
    [['--url', 'redis://127.0.0.1:1'], '127.0.0.1:1'],
  ])('%j is an error that names it', async (args, says) => {
    const { code, stdout, stderr } = await hawser(['monitor', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });
});

describe('a capture', () => {
  const capturing = async (traffic: (api: ReturnType<typeof client>) => Promise<unknown>, ...args: string[]): Promise<{ data: CaptureJson; text: string; stderr: string }> => {
    const run = new NodeProcess(main, { args: ['monitor', ...args], deadlineMs: 60_000, env: { REDIS_URL: server.url } });
    await until(async () => /cmd=monitor/.test(String(await server.command('CLIENT', 'LIST'))), { deadlineMs: 20_000, what: 'a client to monitor' });
    await traffic(client());
    const { stdout, stderr, code } = await run.done;
    expect(code).toBe(0);
    return { data: JSON.parse(stdout) as CaptureJson, text: stdout, stderr };
  };

  test('has key patterns by command, without arguments and secrets', async () => {
    const { data, text, stderr } = await capturing(async (api) => {
      for (let i = 0; i < 50; i++) await api.set(`user:${i}:name`, 'vertraulich');
      await api.get('session:0a1b2c3d4e5f60718293a4b5c6d7e8f9');
      await api.eval("return 'geheimes Skript'", 1, 'lock:7', 'vertraulich');
      await api.call('AUTH', 'default', 'geheim').catch(() => undefined);
      await api.call('HELLO', '2', 'AUTH', 'little', 'wenig').catch(() => undefined);
      await api.call('ACL', 'SETUSER', 'neu', '>geheim').catch(() => undefined);
    }, '--sample', '3s', '--max-commands', '60');
    expect(data).toMatchObject({ schema: 'hawser.capture/1', limits: { seconds: 3, commands: 60 }, refused: [] });
    expect(data.patterns[0]).toMatchObject({ pattern: 'user:*:name', count: 50, commands: { set: 50 } });
    expect(data.patterns.map(({ pattern }) => pattern)).toEqual(expect.arrayContaining(['session:*', 'lock:*']));
    expect(data.examples).toContain('set user:*:name (11 bytes)');
    expect(text).not.toMatch(/vertraulich|geheim|wenig|0a1b2c/);
    expect(stderr).toContain('ended by');
  });

  test('ends at its limits of commands and of bytes', async () => {
    const many = await capturing((api) => Promise.all(Array.from({ length: 500 }, (_, i) => api.get(`k:${i}`))), '--sample', '50s', '--max-commands', '100');
    expect(many.data).toMatchObject({ endedBy: 'commands', commands: 100 });
    const long = await capturing((api) => Promise.all(Array.from({ length: 50 }, () => api.set('k', 'x'.repeat(1000)))), '--sample', '50s', '--max-bytes', '10kb');
    expect(long.data.endedBy).toBe('bytes');
    // What connections say of themselves counts as well, and is short.
    expect(long.data.commands).toBeLessThan(30);
    expect(long.text.length).toBeLessThan(5000);
  });

  test('a user who may not monitor is an error that says so', async () => {
    const { code, stderr } = await hawser(['monitor', '--sample', '1s', '-u', `redis://little:wenig@127.0.0.1:${server.port}`]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/no server allows MONITOR: .*NOPERM/);
  });
});
