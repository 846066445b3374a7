/** The client on a real cluster: commands, pipelines, scripts, messages, replicas; also with a password and with TLS. */
import type { Socket } from 'node:net';
import { Cluster, Redis, type ClusterOptions } from '../../lib';
import { LIFE } from '../../lib/command/command_defaults';
import type { Link } from '../../lib/link/link';
import { clusterForAll } from '../helpers/lifetimes';
import { RedisCluster, type ClusterServerOptions } from '../helpers/redis-cluster';
import { hasShards } from '../helpers/redis-server';
import { until } from '../helpers/until';

const KINDS: [string, ClusterServerOptions][] = [
  ['open', {}],
  ['with a password', { password: 'secret word' }],
  ['with TLS', { tls: true }],
];

describe.each(KINDS)('a cluster %s', (kind, options) => {
  const servers = clusterForAll(options);
  const clients: Cluster[] = [];
  beforeEach(() => servers.flush());
  afterEach(() => {
    for (const client of clients.splice(0)) client.disconnect();
  });

  function connect({ redisOptions, ...more }: ClusterOptions = {}, nodes: unknown = servers.nodes): Cluster {
    const client = new Cluster(nodes as [], { ...more, redisOptions: { ...servers.redisOptions, ...redisOptions } });
    clients.push(client);
    return client;
  }

  test('is found through any one of its nodes, replicas included', async () => {
    for (const node of servers.nodes) {
      const client = connect({}, [node]);
      await client.set('foo', 'bar');
      expect(await client.get('foo')).toBe('bar');
      expect(client.nodes('master').map((redis) => redis.options.port).sort()).toEqual(servers.masters.map(({ port }) => port).sort());
      expect(client.nodes('slave').map((redis) => redis.options.port).sort()).toEqual(servers.replicas.map(({ port }) => port).sort());
      expect(client.nodes()[0]).toBeInstanceOf(Redis);
    }
  });

  test('runs commands of every shape on their nodes', async () => {
    const client = connect({ keyPrefix: 'p:' });
    const keys = Array.from({ length: 100 }, (_, n) => `key:${n}`);
    await Promise.all(keys.map((key, n) => client.set(key, n)));
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map((_, n) => String(n)));
    await client.mset('{t}a', 1, '{t}b', 2);
    expect(await client.mget('{t}a', '{t}b')).toEqual(['1', '2']);
    await client.hset('hash', { field: 'value' });
    expect(await client.hgetall('hash')).toEqual({ field: 'value' });
    await expect(client.mget('a', 'b')).rejects.toThrow('CROSSSLOT');
    expect(await client.eval("return redis.call('GET', KEYS[1])", 1, '{t}a')).toBe('1');
    expect((await client.getBuffer('{t}a'))?.toString()).toBe('1');
    expect(await client.call('GET', '{t}b')).toBe('2');
    expect(String(await client.info())).toContain('redis_version');
    expect(await client.dbsize()).toBeGreaterThan(0);
  });

  test('what follows from the replies of one node leaves for another in one write', async () => {
    const client = connect();
    await client.ping();
    const [one, other] = client.nodes('master');
    await Promise.all([one.ping(), other.ping()]);
    const { socket } = other[LIFE].link as Link;
    const write = jest.spyOn(socket as Socket, 'write');
    await one.ping();
    const pongs: Promise<string>[] = [];
    for (let i = 0; i < 20; i++) {
      pongs.push(other.ping());
      await new Promise<void>((resolve) => process.nextTick(resolve));
    }
    expect(await Promise.all(pongs)).toEqual(pongs.map(() => 'PONG'));
    // The first command of an idle connection may leave at once.
    expect(write.mock.calls.length).toBeLessThanOrEqual(2);
  });

  test('answers pipelines over all nodes in order', async () => {
    const client = connect();
    const pipeline = client.pipeline();
    for (let n = 0; n < 300; n++) pipeline.set(`k${n}`, n).get(`k${n}`);
    const outcomes = await pipeline.exec();
    expect(outcomes).toEqual(Array.from({ length: 300 }, (_, n) => [[null, 'OK'], [null, String(n)]]).flat());
    expect(await client.multi().set('{t}1', 'a').get('{t}1').exec()).toEqual([[null, 'OK'], [null, 'a']]);
    expect(await client.multi([['incr', '{t}n'], ['incr', '{t}n']]).exec()).toEqual([[null, 1], [null, 2]]);
  });

  test('keeps scripts on every node, also when a node loses them', async () => {
    const client = connect({ scripts: { mine: { lua: 'return {KEYS[1], ARGV[1]}', numberOfKeys: 1 } } }) as Cluster & { mine(key: string, arg: string): Promise<string[]> };
    for (let n = 0; n < 20; n++) expect(await client.mine(`k${n}`, 'x')).toEqual([`k${n}`, 'x']);
    for (const node of client.nodes('master')) await node.script('FLUSH');
    for (let n = 0; n < 20; n++) expect(await client.mine(`k${n}`, 'y')).toEqual([`k${n}`, 'y']);
  });

  test('delivers messages, plain ones and those of shards', async () => {
    const client = connect();
    const seen: unknown[] = [];
    client.on('message', (...args) => seen.push(['message', ...args]));
    client.on('pmessage', (...args) => seen.push(['pmessage', ...args]));
    client.on('smessage', (...args) => seen.push(['smessage', ...args]));
    await client.subscribe('news');
    await client.psubscribe('n*');
    const shards = hasShards() ? ['a', 'b', 'c', 'd', 'e'] : [];
    for (const shard of shards) await client.ssubscribe(shard);
    await client.publish('news', 'hi');
    for (const shard of shards) await client.spublish(shard, 'there');
    await until(() => seen.length === 2 + shards.length);
    expect(seen).toEqual(expect.arrayContaining([['message', 'news', 'hi'], ['pmessage', 'n*', 'news', 'hi'], ...shards.map((shard) => ['smessage', shard, 'there'])]));
  });

  test('reads from replicas when it is told to', async () => {
    const client = connect({ scaleReads: 'slave' });
    await client.set('foo', 'bar');
    await until(async () => (await client.get('foo')) === 'bar');
    const [master] = [await servers.ownerOf(servers.slotOf('foo'))];
    const before = (await master.commandCalls()).get ?? 0;
    for (let n = 0; n < 20; n++) expect(await client.get('foo')).toBe('bar');
    expect((await master.commandCalls()).get ?? 0).toBe(before);
  });

  test('scans a key and lends its nodes for the rest', async () => {
    const client = connect();
    await client.sadd('set', ...Array.from({ length: 50 }, (_, n) => `m${n}`));
    const members = new Set<string>();
    for await (const page of client.sscanStream('set')) for (const member of page as string[]) members.add(member);
    expect(members.size).toBe(50);
    const found = await Promise.all(client.nodes('master').map((node) => node.keys('*')));
    expect(found.flat()).toEqual(['set']);
  });

  test('quits after what was issued, and leaves nothing behind', async () => {
    const client = connect();
    await client.set('foo', '1');
    await client.subscribe('news');
    const last = client.incr('foo');
    const ended = new Promise((resolve) => client.once('end', resolve));
    expect(await client.quit()).toBe('OK');
    expect(await last).toBe(2);
    await ended;
    for (const server of servers.servers) {
      await until(async () => (await server.clientIds()).length === 0 && (await server.clientIds('pubsub')).length === 0, { what: 'the connections to be closed' });
    }
  });

  if (kind === 'with a password') {
    test('tells when its password is wrong', async () => {
      const client = connect({ redisOptions: { password: 'wrong' }, clusterRetryStrategy: null });
      const errors: Error[] = [];
      client.on('error', (error) => errors.push(error));
      await expect(client.get('foo')).rejects.toThrow('None of startup nodes is available');
      expect(errors.map(({ message }) => message)).toEqual(['Failed to refresh slots cache.']);
      expect(JSON.stringify(errors)).not.toContain('wrong');
    });
  }
});

test('cycles of cut connections leave sockets, timers and listeners as they were', async () => {
  const servers = await RedisCluster.start({ replicas: 0 });
  try {
    const client = new Cluster(servers.nodes);
    const keys = await Promise.all(servers.masters.map((server) => servers.keyOn(server)));
    await Promise.all(keys.map((key) => client.set(key, '1')));
    const listeners = (): number => client.eventNames().reduce((sum, name) => sum + client.listenerCount(name), 0);
    const before = { listeners: listeners(), nodes: client.nodes().length };
    for (let round = 0; round < 100; round++) {
      for (const server of servers.masters) await server.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await Promise.all(keys.map((key) => client.incr(key)));
    }
    await until(() => client.nodes().length === before.nodes);
    expect(listeners()).toBe(before.listeners);
    for (const server of servers.masters) await until(async () => (await server.clientIds()).length <= 1);
    expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(['101', '101', '101']);
    client.disconnect();
  } finally {
    await servers.stop();
  }
});
