/** The errors of a server may show keys, values and passwords. hawser's own messages do not contain them. */
import * as diagnostics from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { CacheRepository, PubSubService, RedisManager, type CacheEventName } from '../../lib/facade';
import { Redis } from '../../lib/client/redis';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const SECRETS = /tacit|beginning with/;
const lines: unknown[][] = [];
const note = (...line: unknown[]): void => void lines.push(line);
const logger = { debug: note, info: note, warn: note, error: note };

/** Everything that inspecting a value shows. */
const seen = (value: unknown): string => inspect(value, { depth: 9, showHidden: true });

/** A server without these commands. Its errors show their arguments. */
async function without(commands: string[]): Promise<RedisServer> {
  return RedisServer.start({ args: commands.flatMap((name) => ['--rename-command', name, '']) });
}

afterEach(() => RedisManager.closeAll());

test.each([[['SET', 'EVALSHA', 'DEL', 'PFCOUNT', 'SCAN', 'PUBLISH']], [['MGET']], [['EVALSHA', 'EVAL']]])('a server without the commands %p', async (commands) => {
  const server = await without(commands);
  lines.length = 0;
  RedisManager.configure({ url: server.url, logger, monitor: true });
  const cache = new CacheRepository('tacit-prefix');
  const told: unknown[] = [];
  for (const event of ['warning', 'breaker', 'refreshError', 'gap'] as CacheEventName[]) cache.on(event, (...args: unknown[]) => told.push(args));
  const results = await Promise.allSettled([
    cache.set('tacit-key', 'tacit value'), cache.setWithTags('tacit-key', 'tacit value', { tags: ['tacit-tag'] }), cache.delete('tacit-key'),
    cache.invalidateTags(['tacit-tag']), cache.deletePattern('tacit*'), cache.getOrSet('tacit-key', () => 'tacit value', { tags: ['tacit-tag'] }),
    cache.getMany(['tacit-key']), PubSubService.publish({ type: 'key', target: 'tacit-key' }),
  ]);
  await until(() => lines.length > 0);
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  expect(failures.every((error) => /: the server refused it: ERR/.test(error.message))).toBe(true);
  if (commands.length > 3) expect(failures.length).toBeGreaterThan(4);
  const said = told.map((args) => seen(args).replaceAll('tacit-prefix', ''));
  expect(said.filter((text) => SECRETS.test(text))).toEqual([]);
  expect(failures.map(seen).filter((text) => SECRETS.test(text))).toEqual([]);
  expect(lines.map((line) => seen(line).replaceAll('tacit-prefix', '')).filter((text) => SECRETS.test(text))).toEqual([]);
  await RedisManager.closeAll();
  await server.stop();
});

test('the answers to the handshake of a manager\'s client', async () => {
  const server = await RedisServer.start({ users: ['tacit-user on >tacit ~* &* +@all -info'] });
  const printed = jest.spyOn(console, 'warn');
  lines.length = 0;
  RedisManager.configure({ url: `redis://tacit-user:tacit@127.0.0.1:${server.port}`, logger });
  await (await RedisManager.getMainClient()).ping();
  const said = lines.map(seen).filter((line) => line.includes('ready check'));
  expect(said).toEqual([expect.stringContaining('[hawser:main] Skipping the ready check because INFO command fails: NOPERM\'')]);
  expect(lines.map(seen).filter((line) => SECRETS.test(line))).toEqual([]);
  expect(printed).not.toHaveBeenCalled();
  printed.mockRestore();
  await RedisManager.closeAll();
  await server.stop();
});

test("errors of the application's own client show the server's words, but traces and the line about an unhandled error event do not", async () => {
  const server = await RedisServer.start();
  const traced: unknown[] = [];
  const channel = diagnostics.tracingChannel<unknown, object>('ioredis:command');
  const handlers = { start() {}, end() {}, asyncStart() {}, asyncEnd() {}, error: (context: object) => void traced.push(context) };
  channel.subscribe(handlers);
  const redis = new Redis(server.url);
  const error = (await redis.call('nosuch', 'tacit').catch((thrown: unknown) => thrown)) as Error;
  expect(error.message).toMatch(/unknown command.*nosuch.*tacit/);
  await until(() => traced.length > 0);
  expect(seen(traced)).toContain('ERR unknown command');
  expect(seen(traced)).not.toMatch(SECRETS);
  channel.unsubscribe(handlers);
  const printed: unknown[] = [];
  const print = jest.spyOn(console, 'error').mockImplementation((...line) => void printed.push(line));
  const unheard = new Redis(server.url, { username: 'tacit-user', password: 'tacit', maxRetriesPerRequest: 0, retryStrategy: () => null });
  await until(() => printed.length > 0);
  print.mockRestore();
  expect(seen(printed)).toMatch(/Unhandled error event/);
  expect(seen(printed)).not.toMatch(SECRETS);
  unheard.disconnect();
  await redis.quit();
  await server.stop();
});

test("log lines about code of the application that failed do not show the server's words, as an error or as the cause of one", async () => {
  const server = await RedisServer.start();
  const own = new Redis(server.url);
  lines.length = 0;
  RedisManager.configure({ url: server.url, logger });
  const cache = new CacheRepository('p');
  const fails = (): Promise<unknown> => own.call('nosuch', 'tacit');
  const wraps = async (): Promise<unknown> => fails().catch((cause: Error) => Promise.reject(new TypeError(`source: ${cause.message}`, { cause })));
  await cache.setWithTags('refreshed', 1, { staleAfter: 0.001 });
  await cache.setWithTags('kept', 1, { ttl: 0.001, staleIfError: 60 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await cache.getOrSet('refreshed', wraps, { staleAfter: 0.001 })).toBe(1);
  expect(await cache.getOrSet('kept', fails, { staleIfError: 60 })).toBe(1);
  PubSubService.onInvalidation('fails', async () => void (await wraps()));
  await PubSubService.initialize();
  await PubSubService.publish({ type: 'key', target: 'k' });
  const about = (text: string): unknown[] | undefined => lines.find(([line]) => String(line).includes(text));
  for (const text of ['a background refresh failed', 'a loader failed', 'the listener "fails" failed']) {
    const line = await until(() => about(text));
    expect(seen(line)).toMatch(/ReplyError|TypeError/);
    expect(seen(line)).not.toMatch(SECRETS);
  }
  PubSubService.offInvalidation('fails');
  await PubSubService.close();
  await own.quit();
  await server.stop();
});
