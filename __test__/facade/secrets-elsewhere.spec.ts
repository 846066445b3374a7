/** A server's words reach lines and traces by more ways than a command's reply: scripts, transactions, Sentinels, redirects, the ready check. */
import * as diagnostics from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { CacheRepository, RedisManager } from '../../lib/facade';
import { JOURNAL_KEY } from '../../lib/stream/event';
import { Redis } from '../../lib/client/redis';
import { bulk, MockServer } from '../compat/mock-server';
import { RedisServer } from '../helpers/redis-server';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();
const SECRETS = /tacit/;
const lines: unknown[][] = [];
const note = (...line: unknown[]): void => void lines.push(line);
const logger = { debug: note, info: note, warn: note, error: note };

/** Everything that inspecting a value shows. */
const seen = (value: unknown): string => inspect(value, { depth: 9, showHidden: true });

/** The errors that a channel shows while `act` runs. */
async function tracedBy(channel: string, act: () => Promise<unknown>): Promise<unknown[]> {
  const errors: unknown[] = [];
  const traced = diagnostics.tracingChannel<unknown, object>(channel);
  const handlers = { start() {}, end() {}, asyncStart() {}, asyncEnd() {}, error: (context: object) => void errors.push((context as { error: unknown }).error) };
  traced.subscribe(handlers);
  await act();
  await until(() => errors.length > 0);
  traced.unsubscribe(handlers);
  return errors;
}

/** What the console prints until `isDone`. */
async function printed(print: 'warn' | 'error', act: () => void): Promise<string> {
  const said: unknown[] = [];
  const spy = jest.spyOn(console, print).mockImplementation((...line) => void said.push(line));
  act();
  await until(() => said.length > 0);
  spy.mockRestore();
  return seen(said);
}

afterEach(() => RedisManager.closeAll());

// Redis 7 puts ERR before an error of one word, Redis 6.2 does not.
test.each([["return redis.error_reply('LIMIT account tacit is empty')", 'LIMIT'], ["error('tacit')", 'ERR'], ["return redis.error_reply('tacit')", /ERR|an error/], ["return redis.error_reply('tacit words')", 'an error']])('a trace shows the code of what the script %p says', async (script, code) => {
  const redis = new Redis(server.url);
  const caught: unknown[] = [];
  const traced = await tracedBy('ioredis:command', () => redis.eval(script, 0).catch((error: unknown) => caught.push(error)));
  expect(seen(caught)).toMatch(SECRETS);
  expect(seen(traced)).toMatch(code);
  expect(seen(traced)).not.toMatch(SECRETS);
  await redis.quit();
});

test('the trace of a transaction shows nothing of the errors of its commands, which its caller gets', async () => {
  const redis = new Redis(server.url);
  const caught: { message: string; previousErrors: Error[] }[] = [];
  const transaction = redis.multi().call('nosuch', 'tacit');
  const traced = await tracedBy('ioredis:batch', () => transaction.exec().catch((error: unknown) => caught.push(error as never)));
  expect(caught[0]?.previousErrors[0]?.message).toMatch(/unknown command.*tacit/);
  expect(seen(traced)).toMatch(/EXECABORT/);
  expect(seen(traced)).not.toMatch(SECRETS);
  await redis.quit();
});

test("a Sentinel's words reach the events of the application's client, and no line and no trace", async () => {
  const sentinel = await MockServer.start(({ name }) => (name.toLowerCase() === 'sentinel' ? '-ERR No such master with that name: tacit\r\n' : undefined));
  lines.length = 0;
  RedisManager.configure({ url: `redis+sentinel://127.0.0.1:${sentinel.port}/group`, logger });
  await RedisManager.getMainClient();
  await until(() => lines.some((line) => seen(line).includes('All sentinels are unreachable')));
  expect(lines.map(seen).filter((line) => SECRETS.test(line))).toEqual([]);
  const options = { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], name: 'group', sentinelRetryStrategy: () => null, retryStrategy: () => null, lazyConnect: true };
  const said = await printed('error', () => void new Redis(options).connect().catch(() => undefined));
  expect(said).toMatch(/All sentinels are unreachable.*ERR/);
  expect(said).not.toMatch(SECRETS);
  const redis = new Redis(options);
  const caught: unknown[] = [];
  redis.on('error', (error) => caught.push(error));
  expect(seen(await tracedBy('ioredis:connect', () => redis.connect().catch(() => undefined)))).not.toMatch(SECRETS);
  expect(seen(caught)).toMatch(SECRETS);
  await sentinel.stop();
});

test('a redirect that no cluster sends is an error of its command, without its words in the lines of the manager', async () => {
  const node: MockServer = await MockServer.start(({ name, args }) => {
    if (name.toLowerCase() === 'get') return '-MOVED 12182 tacit:99999\r\n';
    if (name.toLowerCase() !== 'cluster') return undefined;
    return args[0]?.toLowerCase() === 'info' ? bulk('cluster_state:ok') : `*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:${node.port}\r\n`;
  });
  lines.length = 0;
  RedisManager.configure({ url: `redis://127.0.0.1:${node.port}`, cluster: true, logger });
  const client = await RedisManager.getMainClient();
  const caught: unknown[] = [];
  const traced = await tracedBy('ioredis:command', () => client.get('foo').catch((error: unknown) => caught.push(error)));
  expect(seen(caught)).toMatch(SECRETS);
  expect(seen(traced)).not.toMatch(SECRETS);
  await until(() => lines.some((line) => seen(line).includes('a redirect names')));
  expect(lines.map(seen).filter((line) => SECRETS.test(line))).toEqual([]);
  await RedisManager.closeAll();
  await node.stop();
});

test("the warning about the ready check shows the code of the server's answer", async () => {
  const odd = await MockServer.start(({ name }) => (name.toLowerCase() === 'info' ? '-ERR unknown command `INFO`, with args beginning with: tacit\r\n' : undefined));
  let redis: Redis | undefined;
  const said = await printed('warn', () => (redis = new Redis(odd.port)));
  expect(said).toContain('Skipping the ready check because INFO command fails: ERR');
  expect(said).not.toMatch(SECRETS);
  redis?.disconnect();
  await odd.stop();
});

test('the line about invalidations that cannot be announced to streams shows the code of the refusal', async () => {
  const renamed = await RedisServer.start({ args: ['--rename-command', 'XADD', 'ADDX'] });
  await renamed.command('ADDX', JOURNAL_KEY, '*', 'a', 'b');
  lines.length = 0;
  RedisManager.configure({ url: renamed.url, logger });
  await new CacheRepository('announced').invalidateTags(['tacit-tag']);
  await until(() => lines.some((line) => seen(line).includes('could not be announced: ERR')));
  expect(lines.map(seen).filter((line) => SECRETS.test(line))).toEqual([]);
  await RedisManager.closeAll();
  await renamed.stop();
});
