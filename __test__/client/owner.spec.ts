/** A client with an owner that routes its commands, as a cluster does: lost and refused commands go to the owner. */
import { Redis, type RedisOptions } from '../../lib';
import { LIFE } from '../../lib/client/lifecycle';
import type { Command } from '../../lib/command/command';
import type { Link } from '../../lib/link/link';
import type { CommandOwner } from '../../lib/link/link_client';
import { Proxy } from '../helpers/proxy';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

/** Two nodes of a cluster: the first has all slots, and the slot of `k` is on its way to the second. */
let first: RedisServer;
let second: RedisServer;
let slot: number;
let proxy: Proxy;
const clients: Redis[] = [];

const idOf = (server: RedisServer): Promise<unknown> => server.command('CLUSTER', 'MYID');
const isKnown = async (at: RedisServer, id: string): Promise<boolean> => String(await at.command('CLUSTER', 'NODES')).includes(id);

beforeAll(async () => {
  [first, second] = await Promise.all([1, 2].map(() => RedisServer.start({ args: ['--cluster-enabled', 'yes', '--cluster-allow-reads-when-down', 'yes'] })));
  await first.command('CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16384 }, (_, n) => n));
  await first.command('CLUSTER', 'MEET', '127.0.0.1', second.port);
  const [a, b] = (await Promise.all([idOf(first), idOf(second)])) as [string, string];
  await until(async () => (await isKnown(first, b)) && (await isKnown(second, a)));
  await until(async () => String(await second.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  await until(async () => String(await first.command('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  slot = (await first.command('CLUSTER', 'KEYSLOT', 'k')) as number;
  await second.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', a);
  await first.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', b);
});
beforeEach(async () => {
  await Promise.all([first.command('FLUSHALL'), second.command('FLUSHALL')]);
  proxy = await Proxy.start(first);
});
afterEach(async () => {
  for (const redis of clients.splice(0)) redis.disconnect();
  await proxy.stop();
});
afterAll(() => Promise.all([first.stop(), second.stop()]));

interface Heard {
  refused: string[];
  back: [string, boolean][];
  commands: Command[];
}

/** A client behind the proxy, and the record of its owner. `take` decides about refused commands. */
function owned(options: RedisOptions = {}, take: (command: Command, text: string) => boolean = () => false): { redis: Redis; link: Link; heard: Heard } {
  const redis = new Redis({ host: '127.0.0.1', port: proxy.port, lazyConnect: true, retryStrategy: () => 1, ...options });
  redis.on('error', () => undefined);
  clients.push(redis);
  const heard: Heard = { refused: [], back: [], commands: [] };
  const owner: CommandOwner = {
    onRefused: (command, text) => {
      heard.refused.push(`${command.name} ${text.split(' ')[0]}`);
      return take(command, text);
    },
    onHandedBack: (command, sent) => {
      heard.back.push([[command.name, ...command.args].join(' '), sent]);
      heard.commands.push(command);
    },
  };
  redis[LIFE].setOwner(owner);
  return { redis, link: redis[LIFE].link as Link, heard };
}

function connect(server: RedisServer): Redis {
  const redis = new Redis({ host: '127.0.0.1', port: server.port, lazyConnect: true });
  clients.push(redis);
  return redis;
}

/** Issues commands that the server does not get, then cuts the connection. */
async function lose(redis: Redis, issue: () => unknown): Promise<void> {
  proxy.stall();
  issue();
  await until(() => redis[LIFE].link?.queued);
  await new Promise(setImmediate);
  const status = new Promise((resolve) => redis.once('close', resolve));
  proxy.cutAll();
  proxy.resume();
  await status;
}

test('another server answers lost commands, in the order in which they were issued', async () => {
  const { redis, heard } = owned({ maxRetriesPerRequest: 0 });
  await redis.connect();
  const answers: Promise<unknown>[] = [];
  await lose(redis, () => { for (let n = 0; n < 100; n++) answers.push(redis.rpush('{k}list', n)); });
  expect(heard.back).toHaveLength(100);
  expect(heard.back.every(([, sent]) => sent)).toBe(true);
  const other = connect(second);
  for (const command of heard.commands) other[LIFE].link?.pushAsking([command]);
  await other.connect();
  expect(await Promise.all(answers)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  other[LIFE].link?.pushAsking([]);
  expect(await other.lrange('{k}list', 0, -1)).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
});

test('the option `resend` of the client decides which commands may run twice', async () => {
  const { redis, heard } = owned({ resend: 'idempotent' });
  await redis.connect();
  const outcomes: Promise<unknown>[] = [];
  await lose(redis, () => { outcomes.push(redis.incr('a').catch((error: Error & { maybeExecuted?: boolean }) => [error.message.length > 0, error.maybeExecuted])); void redis.get('b'); });
  expect(heard.back).toEqual([['get b', true]]);
  expect(await outcomes[0]).toEqual([true, true]);
});

test('commands wait for one connection attempt only', async () => {
  const { redis, heard } = owned({ retryStrategy: () => 5 });
  await proxy.stop();
  redis.connect().catch(() => undefined);
  void redis.set('a', 1);
  void redis.multi().set('b', 2).incr('b').exec();
  await until(() => heard.back.length >= 5);
  expect(heard.back).toEqual([['set a 1', false], ['multi', false], ['set b 2', false], ['incr b', false], ['exec', false]]);
  void redis.get('c');
  await until(() => heard.back.length > 5);
  expect(heard.back[5]).toEqual(['get c', false]);
});

test('an owner gets waiting commands while the server loads or does not answer', async () => {
  proxy.reception = 'ignore';
  const { redis, link, heard } = owned();
  redis.connect().catch(() => undefined);
  void redis.get('a');
  void redis.incr('b');
  expect(link.pending().map((command) => command.name)).toEqual(['get', 'incr']);
  link.handBackWaiting();
  expect(heard.back).toEqual([['get a', false], ['incr b', false]]);
  expect(link.pending()).toEqual([]);
});

test.each(['disconnect', 'ended', 'no connection can be tried'])('when the client ends, the owner gets the commands and none is rejected: %s', async (how) => {
  const { redis, heard } = owned(how.startsWith('no') ? { port: 123456 } : {});
  if (how === 'disconnect') {
    await redis.connect();
    proxy.stall();
    void redis.get('a');
    redis.disconnect();
  } else {
    redis.connect().catch(() => undefined);
    if (how === 'ended') redis.disconnect();
    else void redis.get('a');
  }
  await until(() => redis.status === 'end');
  void redis.get('b');
  await until(() => heard.back.length === (how === 'ended' ? 1 : 2));
  expect(heard.back.at(-1)).toEqual(['get b', false]);
});

test('refused commands go to the owner in order, and the connection stays', async () => {
  const other = connect(second);
  await other.connect();
  const { redis, heard } = owned({ retryRefused: true }, (command, text) => {
    if (!text.startsWith('ASK ')) return false;
    other[LIFE].link?.pushAsking([command]);
    return true;
  });
  await redis.connect();
  const id = await redis.client('ID');
  await Promise.all([redis.rpush('{k}q', 1), redis.rpush('{k}q', 2), redis.set('other', 1), redis.rpush('{k}q', 3)]);
  expect(heard.refused).toEqual(['rpush ASK', 'rpush ASK', 'rpush ASK']);
  other[LIFE].link?.pushAsking([]);
  expect(await other.lrange('{k}q', 0, -1)).toEqual(['1', '2', '3']);
  await expect(other.set('other', 2)).rejects.toThrow(/^MOVED \d+ /);
  expect(await redis.client('ID')).toBe(id);
});

test('the owner handles a server that became a replica', async () => {
  const replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', '1'] });
  try {
    const { redis, heard } = owned({ port: replica.port, retryRefused: true }, () => false);
    await redis.connect();
    await expect(redis.set('a', 1)).rejects.toThrow('READONLY');
    expect(heard).toMatchObject({ refused: ['set READONLY'], back: [] });
    expect(redis.status).toBe('ready');
  } finally {
    await replica.stop();
  }
});

test('ASKING stands directly before its command, and one ASKING covers a transaction', async () => {
  const redis = connect(second);
  await redis.connect();
  const link = redis[LIFE].link as Link;
  const made = (name: string, ...args: (string | number)[]): Command => new Redis.Command(name, args, { replyEncoding: 'utf8' });
  const single = made('set', 'k', 'v');
  const transaction = [made('multi'), made('append', 'k', 'w'), made('get', 'k'), made('exec')];
  const before = redis.ping('before');
  link.pushAsking([single]);
  const between = redis.ping('between');
  link.pushAsking(transaction);
  const without = redis.get('k').catch((error: Error) => error.message.split(' ')[0]);
  expect(await Promise.all([before, single.promise, between, transaction[3].promise, without])).toEqual(['before', 'OK', 'between', [2, 'vw'], 'MOVED']);
  expect(link.pending()).toEqual([]);
});

test('the owner learns when a slot has no commands in flight any more', async () => {
  const { redis, link } = owned();
  const seen: string[] = [];
  link.onceAnswered(() => seen.push('nothing was issued'));
  await redis.connect();
  const get = redis.get('other').then(() => seen.push('get'));
  const set = redis.set('{k}1', 1).catch(() => seen.push('refused'));
  expect(link.pendingIn(slot).map((command) => command.name)).toEqual(['set']);
  const answered = new Promise<void>((resolve) => link.onceAnswered(() => { seen.push(`${link.pendingIn(slot).length} pending`); resolve(); }));
  const later = redis.ping();
  await Promise.all([get, set, answered, later]);
  expect(seen[0]).toBe('nothing was issued');
  expect(seen).toContain('0 pending');
  await lose(redis, () => { void redis.get('{k}2'); link.onceAnswered(() => seen.push('lost')); });
  expect(seen.at(-1)).toBe('lost');
});

test('a script that goes to another server is sent with its source', async () => {
  const { redis, heard } = owned();
  const other = connect(first);
  const script = { numberOfKeys: 1, lua: `return {KEYS[1], ARGV[1], '${String(Math.random())}'}` };
  redis.defineCommand('twice', script);
  await redis.connect();
  const call = (): Promise<unknown[]> => (redis as unknown as { twice(...args: string[]): Promise<unknown[]> }).twice('x', 'y');
  expect((await call()).slice(0, 2)).toEqual(['x', 'y']);
  await first.command('SCRIPT', 'FLUSH');
  let answer: Promise<unknown[]> = Promise.resolve([]);
  await lose(redis, () => { answer = call(); });
  for (const command of heard.commands) void other.sendCommand(command);
  expect((await answer).slice(0, 2)).toEqual(['x', 'y']);
});
