/** TLS and credentials of the command line, on real servers with an authority of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { CacheRepository, RedisManager } from 'hawser';
import { makeCertificates } from '../helpers/certificates';
import { endsWithTest, serverForAll } from '../helpers/lifetimes';
import { ROOT } from '../helpers/process';
import { RedisCluster } from '../helpers/redis-cluster';
import { SentinelGroup } from '../helpers/redis-sentinel';
import { hawser, hawserJson } from './hawser';

const server = serverForAll({ tls: { clientCertificates: true }, certificates: makeCertificates(['localhost', 'cache.internal']), password: 'geheim', users: ['app on >wort ~* &* +@all'] });
const plain = serverForAll({ password: 'gehe:m@/?' });
const ends = endsWithTest();

let folder: string;
const file = (name: string): string => path.join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hawser-tls-'));
  const { ca, client } = server.certificates!;
  const other = makeCertificates();
  const files = { 'ca.pem': ca, 'client.pem': client.cert, 'client.key': client.key, 'other-ca.pem': other.ca, 'other.key': other.client.key, 'notes.txt': 'no certificate', 'broken.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' };
  for (const [name, text] of Object.entries(files)) writeFileSync(file(name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bare = (): string => `rediss://127.0.0.1:${server.port}`;
const trusted = ['--cacert', 'ca.pem', '--cert', 'client.pem', '--key', 'client.key'];
/** In the folder of the files, with the password in the environment. */
const run = (args: string[], env: Record<string, string | undefined> = {}): ReturnType<typeof hawser> => hawser(args, { cwd: folder, env: { REDISCLI_AUTH: 'geheim', ...env } });

describe('every command that connects', () => {
  beforeAll(async () => {
    const { ca, client } = server.certificates!;
    RedisManager.configure({ url: server.url, redis: { tls: { ca, cert: client.cert, key: client.key } } });
    await new CacheRepository('orders').setMany([{ key: 'one', value: 1, ttl: 600, tags: ['company:1'] }]);
    await RedisManager.closeAll();
    writeFileSync(file('warm.js'), `const { RedisManager } = require(${JSON.stringify(ROOT)});\nexports.tasks = [async () => (await RedisManager.getMainClient()).set('warmed', '1')];\n`);
  });

  test.each<[string[], RegExp]>([
    [['inspect', '--seconds', '1'], /redis:\/\/|127\.0\.0\.1/],
    [['monitor', '--count', '1'], /connections \d/],
    [['monitor', '--sample', '200ms'], /"hawser\.capture\/1"/],
    [['doctor'], /transport .*TLS/],
    [['explain', 'orders', 'one'], /^fresh/m],
    [['tags', 'orders'], /^company:1 +1 /m],
    [['invalidate', 'orders', 'company:1', '--dry-run'], /would be invalidated/],
    [['invalidate', 'orders', 'company:1'], /company:1 +1 +invalidated/],
    [['clear', 'orders'], /unusable now/],
    [['warm', './warm.js'], /1 of 1 tasks succeeded/],
  ])('%j', async (args, says) => {
    const { code, stdout, stderr } = await run([...args, ...trusted, '-u', bare()]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: args.includes('--sample') ? expect.stringContaining('ended by time') : '' });
    expect(stdout).toMatch(says);
    expect(stdout).not.toContain('geheim');
  });
});

test('all options are in the help of each of them', async () => {
  for (const name of ['inspect', 'monitor', 'doctor', 'explain', 'tags', 'invalidate', 'clear', 'warm']) {
    const { stdout } = await hawser([name, '--help']);
    for (const option of ['--url', '--cacert', '--cert ', '--key', '--sni', '--insecure']) expect(stdout).toContain(option);
  }
});

test('--insecure takes any certificate, and --sni asks for another name', async () => {
  const pair = trusted.slice(2);
  expect(await run(['monitor', '--count', '1', '--insecure', ...pair, '-u', bare()])).toMatchObject({ code: 0, stderr: '' });
  expect(await run(['monitor', '--count', '1', '--sni', 'cache.internal', ...trusted, '-u', bare()])).toMatchObject({ code: 0, stderr: '' });
  const { code, stderr } = await run(['monitor', '--count', '1', '--sni', 'elsewhere.example', ...trusted, '-u', bare()]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/for another name: give that with --sni/);
});

test.each<[string[], RegExp]>([
  [['--cacert', 'nowhere.pem'], /cannot read --cacert nowhere\.pem: ENOENT/],
  [['--cacert', 'notes.txt'], /--cacert notes\.txt has no certificate in PEM/],
  [['--cacert', 'broken.pem'], /--cacert broken\.pem has a certificate that cannot be read/],
  [['--cacert', '.'], /cannot read --cacert \./],
  [['--cert', 'client.pem'], /--cert needs --key/],
  [['--key', 'client.key'], /--key needs --cert/],
  [['--cert', 'client.pem', '--key', 'notes.txt'], /--key notes\.txt is no private key/],
  [['--cert', 'client.key', '--key', 'client.key'], /--cert client\.key has no certificate/],
  [['--cert', 'client.pem', '--key', 'other.key'], /--key is not the private key of the certificate in --cert/],
  [['--sni', ''], /--sni must be the name/],
  [[], /not from an authority that is trusted: give that with --cacert/],
  [['--cacert', 'other-ca.pem'], /not from an authority that is trusted/],
])('%j is an error that names it', async (args, says) => {
  const { code, stdout, stderr } = await run(['tags', 'orders', ...args], { REDIS_URL: bare() });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(/geheim|PRIVATE KEY|^\s+at /m);
});

test('a URL without TLS, and a server that speaks another thing than the URL says', async () => {
  const wrong = await run(['doctor', '--insecure', '-u', `redis://127.0.0.1:${plain.port}`]);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toMatch(/--insecure needs TLS: --url must be a rediss:\/\/ URL/);
  expect((await run(['doctor', '--cacert', 'ca.pem', '-u', 'memory://'])).stderr).toMatch(/--cacert needs TLS/);
  expect((await run(['doctor', '--cacert', 'ca.pem'], { REDIS_URL: 'redis://127.0.0.1:1' })).stderr).toMatch(/--cacert needs TLS: REDIS_URL must/);
  const spoken = await run(['doctor', '--insecure', '-u', `rediss://127.0.0.1:${plain.port}`]);
  expect(spoken.code).toBe(2);
  expect(spoken.stderr).toContain(`127.0.0.1:${plain.port}`);
});

describe('user and password from the environment', () => {
  const doctor = (env: Record<string, string>, ...args: string[]): ReturnType<typeof hawser> => hawser(['monitor', '--count', '1', ...args], { cwd: folder, env });

  test('REDISCLI_AUTH is the password of a URL that has none, with the user of the URL', async () => {
    expect(await doctor({ REDISCLI_AUTH: 'gehe:m@/?' }, '-u', `redis://127.0.0.1:${plain.port}`)).toMatchObject({ code: 0, stderr: '' });
    expect(await doctor({ REDISCLI_AUTH: 'gehe:m@/?', REDIS_URL: `redis://127.0.0.1:${plain.port}` })).toMatchObject({ code: 0, stderr: '' });
    expect(await doctor({ REDISCLI_AUTH: 'wort' }, ...trusted, '-u', `rediss://app@127.0.0.1:${server.port}`)).toMatchObject({ code: 0, stderr: '' });
    // A password in the URL counts more.
    expect(await doctor({ REDISCLI_AUTH: 'falsch' }, '-u', plain.url)).toMatchObject({ code: 0, stderr: '' });
  });

  test('a missing and a wrong one are errors that name the variable and show no password', async () => {
    const missing = await doctor({ REDISCLI_AUTH: '' }, '-u', `redis://127.0.0.1:${plain.port}`);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toMatch(/asks for a password: set REDISCLI_AUTH/);
    const wrong = await doctor({ REDISCLI_AUTH: 'falsches' }, '-u', `redis://127.0.0.1:${plain.port}`);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/refuses the user or the password/);
    expect(wrong.stderr).not.toContain('falsches');
  });
});

test('a cluster and a Sentinel group with TLS', async () => {
  const cluster = ends(await RedisCluster.start({ masters: 1, replicas: 1, tls: true, password: 'geheim' }));
  writeFileSync(file('cluster-ca.pem'), cluster.certificates!.ca);
  const nodes = `rediss://127.0.0.1:${cluster.masters[0].port},127.0.0.1:${cluster.replicas[0].port}`;
  for (const env of [{ REDIS_URL: `rediss://127.0.0.1:${cluster.masters[0].port}` }, { REDIS_CLUSTER: 'true', REDIS_CLUSTER_NODES: nodes }]) {
    const data = await hawserJson(['doctor', '--cacert', 'cluster-ca.pem'], { cwd: folder, env: { REDISCLI_AUTH: 'geheim', ...env } });
    expect(data.checks.filter(({ name, level }: { name: string; level: string }) => name === 'server' && level === 'ok')).toHaveLength(3);
  }
  const group = ends(await SentinelGroup.start({ replicas: 1, sentinels: 1, tls: true, password: 'geheim' }));
  writeFileSync(file('group-ca.pem'), group.ca!);
  const url = `rediss+sentinel://${group.addresses.map(({ host, port }) => `${host}:${port}`).join(',')}/${group.name}`;
  expect(await run(['monitor', '--count', '1', '--cacert', 'group-ca.pem', '-u', url])).toMatchObject({ code: 0, stderr: '' });
  const untrusted = await run(['monitor', '--count', '1', '-u', url]);
  expect(untrusted.code).toBe(2);
}, 90_000);
