/** `hawser doctor`: what it finds on real servers, and its exit codes. */
import type { Check, DoctorJson } from '../../lib/cli/doctor/checks';
import { serverForAll } from '../helpers/lifetimes';
import { RedisServer } from '../helpers/redis-server';
import { hawser } from './hawser';

const server = serverForAll({
  args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
  users: [
    'app on >geheim resetchannels &* ~orders:* ~orders#* -@all +ping +info +@read +@write +@connection +@scripting +@pubsub +@fast +scan',
    'reader on >geheim ~* +@read +ping +info +@connection',
    'asking on >geheim ~* +@read +ping +info +@connection +acl|whoami +acl|dryrun',
  ],
});

async function doctor(url: string, ...more: string[]): Promise<DoctorJson & { code: number | null; of: (name: string) => Check }> {
  const { stdout, stderr, code } = await hawser(['doctor', '--json', '--url', url, ...more]);
  if (stdout === '') throw new Error(stderr);
  const data = JSON.parse(stdout) as DoctorJson;
  expect(stdout).not.toContain('geheim');
  return { ...data, code, of: (name) => data.checks.find((one) => one.name === name)! };
}

const as = (user: string): string => `redis://${user}:geheim@127.0.0.1:${server.port}`;

test('a fit server has no problems', async () => {
  const { code, problems, checks, of } = await doctor(server.url);
  expect({ code, problems }).toEqual({ code: 0, problems: 0 });
  for (const name of ['Node', 'platform', 'binary', 'environment', 'version', 'role', 'clock', 'rights: cache', 'rights: bus', 'rights: near cache']) expect(of(name)).toMatchObject({ level: 'ok' });
  expect(of('latency').text).toContain('commandTimeoutMs is 250');
  expect(checks.every(({ text }) => text !== '')).toBe(true);
  const { stdout } = await hawser(['doctor'], { env: { REDIS_URL: server.url } });
  expect(stdout).toMatch(/^hawser doctor: no problems, /);
});

test('rights are checked for the keys of the repository, with and without ACL DRYRUN, and nothing is written', async () => {
  expect((await doctor(as('app'), '--prefix', 'orders')).of('rights: cache')).toMatchObject({ level: 'ok' });
  const other = await doctor(as('app'), '--prefix', 'users');
  expect(other.code).toBe(1);
  expect(other.of('rights: cache')).toMatchObject({ level: 'problem' });
  const reader = await doctor(as('reader'));
  expect(reader.of('user').text).toContain('tried');
  const asking = await doctor(as('asking'));
  // Redis has it from 7 on.
  expect(asking.of('user').text).toContain(server.version.numbers[0] >= 7 ? 'ACL DRYRUN' : 'tried');
  for (const { of, code } of [reader, asking]) {
    expect(code).toBe(1);
    expect(of('rights: cache').text).toMatch(/may not use .*SET.*DEL.*EVAL/);
    expect(of('rights: connection')).toMatchObject({ level: 'ok' });
  }
  expect(await server.command('DBSIZE')).toBe(0);
});

test('a replica, an unfit policy, and latency beyond the budget are found; warnings count with --strict', async () => {
  expect((await doctor(server.url, '--bullmq')).of('policy').text).toContain('BullMQ');
  expect((await doctor(server.url, '--bullmq', '--strict')).code).toBe(1);
  expect((await doctor(server.url, '--command-timeout', '60000')).of('latency')).toMatchObject({ level: 'ok' });
  const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
  try {
    const { code, of } = await doctor(replica.url);
    expect(code).toBe(1);
    expect(of('role')).toMatchObject({ level: 'problem' });
  } finally {
    await replica.stop();
  }
});

test('on memory:// the process alone is checked', async () => {
  expect(await doctor('memory://')).toMatchObject({ code: 0, server: null });
});

test.each([
  [['--url', 'redis://:falsch@127.0.0.1:1'], '127.0.0.1:1'],
  [['--url', 'nonsense'], '--url'],
  [['--prefix', 'a#b'], '--prefix'],
  [['--command-timeout', '0'], '--command-timeout'],
])('%j is an error that names it', async (args, says) => {
  const { code, stdout, stderr } = await hawser(['doctor', ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(says);
  expect(stderr).not.toContain('falsch');
});

test('a malformed variable is a problem that names it', async () => {
  const { code, stdout } = await hawser(['doctor', '--url', 'memory://'], { env: { CACHE_DEFAULT_TTL: 'soon' } });
  expect(code).toBe(1);
  expect(stdout).toMatch(/problem +environment +.*CACHE_DEFAULT_TTL/);
});
