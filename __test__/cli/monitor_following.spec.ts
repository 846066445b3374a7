/** `hawser monitor` while masters change: it follows a Sentinel group and a cluster, and its captures go on. */
import type { CaptureJson } from '../../lib/cli/monitor/capture';
import type { Snapshot } from '../../lib/cli/monitor/poll';
import { endsWithTest } from '../helpers/lifetimes';
import { NodeProcess } from '../helpers/process';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const ends = endsWithTest();
const main = require.resolve('../../dist/cli/main.js');
const monitor = (url: string, ...args: string[]): NodeProcess => {
  const run = new NodeProcess(main, { args: ['monitor', ...args], deadlineMs: 120_000, env: { REDIS_URL: url } });
  ends({ stop: () => run.kill() });
  return run;
};
const watch = (url: string): NodeProcess => monitor(url, '--json', '--interval', '100ms');
const urlOf = (group: SentinelGroup): string => `redis+sentinel://${group.addresses.map(({ host, port }) => `${host}:${port}`).join(',')}/${group.name}`;
const addressOf = ({ host, port }: RedisServer): string => `${host}:${port}`;

/** Resolves when the latest look is as wanted. */
async function sees(run: NodeProcess, what: string, wanted: (look: Snapshot) => boolean): Promise<void> {
  await until(
    () => {
      const looks = run.stdout.split('\n').slice(0, -1).map((line) => JSON.parse(line) as Snapshot).filter((look) => 'up' in look);
      const last = looks[looks.length - 1];
      return last !== undefined && wanted(last);
    },
    { deadlineMs: 60_000, everyMs: 50, what: `the monitor to see ${what}: ${run.stdout.slice(-1500)} ${run.stderr}` },
  );
}

const isMonitored = (server: RedisServer): Promise<unknown> =>
  until(async () => /cmd=monitor/.test(String(await server.command('CLIENT', 'LIST'))), { deadlineMs: 40_000, everyMs: 50, what: `${server.port} to be monitored` });

describe('a Sentinel group', () => {
  let group: SentinelGroup;
  beforeAll(async () => {
    group = await SentinelGroup.start({ replicas: 1 });
  }, 60_000);
  afterAll(() => group.stop());

  test('the promoted replica is watched, by command and after a crash', async () => {
    const run = watch(urlOf(group));
    const first = await group.master();
    await sees(run, 'the master', ({ up, servers }) => up === 1 && servers[0]?.address === addressOf(first));
    const second = await group.failover();
    await run.line(new RegExp(`${addressOf(second)} is the master now`), { deadlineMs: 60_000 });
    await sees(run, 'the new master', ({ up, servers, opsPerSecond }) => up === 1 && servers[0]?.address === addressOf(second) && opsPerSecond !== null);
    await until(async () => (await group.replicas()).includes(first), { deadlineMs: 60_000, what: 'the old master to follow' });
    await second.kill();
    await group.successor(second);
    await sees(run, 'the first one again', ({ up, servers }) => up === 1 && servers[0]?.address === addressOf(first));
    expect(run.stdout).toContain('lost the connection to');
    // The counters of another server are no traffic.
    const rates = run.stdout.match(/"opsPerSecond":([\d.]+)/g)?.map((text) => Number(text.split(':')[1])) ?? [];
    expect(Math.max(...rates)).toBeLessThan(1_000_000);
    expect(await run.kill('SIGINT')).toMatchObject({ code: 130, stderr: '' });
    await second.launch();
  }, 150_000);

  test('a capture goes on at the new master, and says what it missed', async () => {
    const old = await until(() => group.master(), { deadlineMs: 30_000 });
    await until(async () => (await group.replicas()).length === 1, { deadlineMs: 60_000, what: 'a replica' });
    const run = monitor(urlOf(group), '--sample', '2m');
    await isMonitored(old);
    await old.command('GET', 'before:1');
    const next = await group.failover();
    await isMonitored(next);
    await next.command('GET', 'after:1');
    await until(async () => (await next.commandCalls()).get, { what: 'the command to run' });
    const { stdout, code } = await run.kill('SIGINT');
    const data = JSON.parse(stdout) as CaptureJson;
    expect(code).toBe(130);
    expect(data).toMatchObject({ endedBy: 'interrupted', gaps: [{ seconds: expect.any(Number) }] });
    expect(data.patterns.map(({ pattern }) => pattern)).toEqual(expect.arrayContaining(['before:*', 'after:*']));
  }, 150_000);
});

describe('a cluster', () => {
  test('a node that is added, a master that is replaced, and one that loses its slots', async () => {
    const cluster = ends(await RedisCluster.start());
    const added = ends(await RedisServer.start({ args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000'] }));
    const [first, , third] = cluster.masters;
    const run = watch(`redis://127.0.0.1:${third.port}`);
    const has = (names: RedisServer[]) => ({ up, of, servers }: Snapshot): boolean => up === names.length && of === names.length && names.every((server) => servers.some(({ address, isUp }) => isUp && address === addressOf(server)));
    await sees(run, 'three masters', has(cluster.masters));

    await added.command('CLUSTER', 'MEET', first.host, first.port);
    await until(async () => String(await added.command('CLUSTER', 'INFO')).includes('cluster_known_nodes:7'), { deadlineMs: 30_000, what: 'the new node to know the others' });
    await until(async () => String(await third.command('CLUSTER', 'NODES')).includes(`:${added.port}@`), { deadlineMs: 30_000, what: 'the others to know it' });
    await cluster.moveEmptySlots([0, 1, 2], added);
    await run.line(new RegExp(`${addressOf(added)} is a master now`), { deadlineMs: 60_000 });
    await sees(run, 'four masters', has([...cluster.masters, added]));

    // The one that the URL names.
    const [, , heir] = cluster.replicas;
    await third.kill();
    await cluster.promoted(heir);
    await sees(run, 'the promoted replica', has([...cluster.masters.slice(0, 2), added, heir]));
    expect(run.stdout).toContain(`${addressOf(third)} is no master any more`);

    await cluster.moveEmptySlots([0, 1, 2], first);
    await sees(run, 'three masters again', has([...cluster.masters.slice(0, 2), heir]));
    expect(await run.kill('SIGINT')).toMatchObject({ code: 130, stderr: '' });
  }, 150_000);

  test('a takeover at a time when no master is left to ask, and a capture through it', async () => {
    const cluster = ends(await RedisCluster.start({ masters: 1 }));
    const [[master], [replica]] = [cluster.masters, cluster.replicas];
    const run = watch(`redis://127.0.0.1:${master.port}`);
    const capture = monitor(`redis://127.0.0.1:${master.port}`, '--sample', '2m');
    await sees(run, 'the master', ({ up }) => up === 1);
    await isMonitored(master);
    await master.kill();
    await cluster.failOver(replica, 'TAKEOVER');
    await sees(run, 'its heir', ({ up, servers }) => up === 1 && servers[0]?.address === addressOf(replica));
    await isMonitored(replica);
    await replica.command('GET', 'after:1');
    const { stdout } = await capture.kill('SIGINT');
    const data = JSON.parse(stdout) as CaptureJson;
    expect(data.patterns.map(({ pattern }) => pattern)).toContain('after:*');
    expect(data.gaps.map(({ node }) => node)).toContain(addressOf(replica));
    await run.kill('SIGINT');
  }, 150_000);
});
