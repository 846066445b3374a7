/** `hawser doctor` on a real cluster: every server is checked, also the replicas, and the cluster as a whole. */
import type { Check, DoctorJson, Level } from '../../lib/cli/doctor/checks';
import { clusterForAll } from '../helpers/lifetimes';
import type { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { hawser } from './hawser';

const USER = 'app on >geheim resetchannels &* ~* +@all -@dangerous +info +cluster|slots +cluster|info +cluster|nodes';
const cluster = clusterForAll({ users: [USER], args: ['--maxmemory', '100mb', '--maxmemory-policy', 'volatile-lru'] });

interface Found extends DoctorJson {
  readonly code: number | null;
  at(server: RedisServer | undefined, name: string): Check | undefined;
  /** Which servers have a check of this level. */
  having(level: Level, name: string): string[];
}

const nameOf = ({ host, port }: RedisServer): string => `${host}:${port}`;

async function doctor(...args: string[]): Promise<Found> {
  const { stdout, stderr, code } = await hawser(['doctor', '--json', '--url', `redis://app:geheim@127.0.0.1:${cluster.masters[1].port}`, ...args]);
  if (stdout === '') throw new Error(stderr);
  expect(stdout).not.toContain('geheim');
  const data = JSON.parse(stdout) as DoctorJson;
  return {
    ...data,
    code,
    at: (server, name) => data.checks.find((one) => one.name === name && one.node === (server === undefined ? undefined : nameOf(server))),
    having: (level, name) => data.checks.filter((one) => one.name === name && one.level === level).map(({ node }) => node ?? '').sort(),
  };
}

test('a fit cluster has no problems, and every server is checked', async () => {
  const { code, problems, at, checks } = await doctor();
  expect({ code, problems, bad: checks.filter(({ level }) => level === 'problem') }).toEqual({ code: 0, problems: 0, bad: [] });
  for (const server of cluster.servers) {
    for (const name of ['server', 'version', 'role', 'policy', 'persistence', 'latency', 'clock', 'rights: connection', 'rights: cache', 'rights: bus']) {
      expect([name, at(server, name)?.node]).toEqual([name, nameOf(server)]);
    }
  }
  expect(at(cluster.replicas[0], 'role')?.text).toBe(`replica of ${nameOf(cluster.masters[0])}`);
  expect(at(undefined, 'slots')).toMatchObject({ level: 'ok', text: 'all 16384 slots are served' });
  for (const name of ['map', 'replicas', 'versions']) expect(at(undefined, name)).toMatchObject({ level: 'ok' });
});

test('a policy and rights that one server has otherwise are found there, also on a replica', async () => {
  const [, , third] = cluster.masters;
  const [replica] = cluster.replicas;
  await third.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await replica.command('ACL', 'SETUSER', 'app', '-set', '-eval');
  try {
    const { code, having, at } = await doctor();
    expect(code).toBe(1);
    expect(having('problem', 'rights: cache')).toEqual([nameOf(replica)]);
    expect(at(replica, 'rights: cache')?.text).toMatch(/may not use SET, EVAL /);
    expect(having('warning', 'policy')).toEqual([nameOf(third)]);
  } finally {
    await third.command('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru');
    await replica.command('ACL', 'SETUSER', 'app', '+@all', '-@dangerous', '+info', '+cluster|slots', '+cluster|info', '+cluster|nodes');
  }
});

test('slots that nobody serves are named', async () => {
  const [first] = cluster.masters;
  const free = [7, 8, 9, 200];
  for (const server of cluster.servers) await server.command('CLUSTER', 'DELSLOTS', ...free).catch(() => undefined);
  try {
    const { code, at } = await until(
      async () => {
        const found = await doctor();
        return found.at(undefined, 'slots')?.level === 'problem' ? found : undefined;
      },
      { deadlineMs: 20_000, what: 'the slots to be missed' },
    );
    expect(code).toBe(1);
    expect(at(undefined, 'slots')?.text).toMatch(/^4 of 16384 slots are served by nobody \(7-9, 200\)/);
  } finally {
    await first.command('CLUSTER', 'ADDSLOTS', ...free).catch(() => undefined);
    await cluster.settled();
  }
});

test('a replica and a master that do not answer are named, and the others are checked', async () => {
  const [, dead] = cluster.replicas;
  const [, , frozen] = cluster.masters;
  await dead.kill();
  const one = await doctor();
  expect(one.code).toBe(1);
  expect(one.having('problem', 'server')).toEqual([nameOf(dead)]);
  expect(one.at(undefined, 'replicas')).toMatchObject({ level: 'info' });
  expect(one.at(undefined, 'replicas')?.text).toContain(nameOf(cluster.masters[1]));
  expect(one.having('ok', 'rights: cache')).toHaveLength(5);
  await frozen.kill();
  const two = await doctor();
  expect(two.code).toBe(1);
  expect(two.having('problem', 'server')).toEqual([dead, frozen].map(nameOf).sort());
  expect(two.having('ok', 'rights: cache')).toHaveLength(4);
});
