/** Automatic pipelines of a cluster for ioredis and hawser: one for each node, the size of the queue, prefixes, scripts, errors. */
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { array, bulk } from './mock-server';
import { peers } from './peers';
import { result } from './session';

describe.each(peers)('$name: a cluster with automatic pipelines', ({ Redis }) => {
  const { serve, connect, ready } = clusterSession(Redis);
  const options = { enableAutoPipelining: true };
  /** `foo` and `foo1` are on node 2, `bar` on node 0. */
  const thirds = (answer?: MockCluster['answer']): Promise<MockCluster> => serve({ slots: [[0, 5460, 0], [5461, 10922, 1], [10923, 16383, 2, 3]], ...(answer ? { answer } : {}) });

  test('holds commands until the turn is over, and counts them', async () => {
    const cluster = await thirds();
    const client = await ready(cluster.startNodes(), options);
    expect(client.autoPipelineQueueSize).toBe(0);
    const commands = [client.set('foo', '1'), client.get('foo'), client.get('bar')];
    expect(client.autoPipelineQueueSize).toBe(3);
    expect(await Promise.all(commands)).toEqual(['OK', 'OK', 'OK']);
    expect(client.autoPipelineQueueSize).toBe(0);
    expect(cluster.commands().sort()).toEqual(['0 get bar', '2 get foo', '2 set foo 1']);
  });

  test('connects first', async () => {
    const cluster = await thirds();
    const client = connect(cluster.startNodes(), { ...options, lazyConnect: true });
    const command = client.get('foo');
    expect(client.autoPipelineQueueSize).toBe(0);
    expect(await command).toBe('OK');
  });

  test('rejects when it cannot connect', async () => {
    const cluster = await serve({ slots: [] }, 1);
    const nodes = cluster.startNodes();
    await cluster.stop();
    const client = connect(nodes, { ...options, clusterRetryStrategy: null });
    expect(await result(client.get('foo'))).toBe('Error: None of startup nodes is available');
  });

  test('holds neither what concerns a connection nor what is ignored', async () => {
    const cluster = await thirds();
    const client = await ready(cluster.startNodes(), { ...options, autoPipeliningIgnoredCommands: ['hmget'] });
    const commands = [client.info(), client.client('help'), client.hmget('foo', 'a')];
    expect(client.autoPipelineQueueSize).toBe(0);
    await Promise.all(commands.map((command) => result(command)));
  });

  test('takes prefixes, scripts and lists', async () => {
    const cluster = await thirds(({ name, args }) => (name.startsWith('eval') ? array(...args.slice(2).map(bulk)) : undefined));
    const client = await ready(cluster.startNodes(), { ...options, keyPrefix: '{bar}' });
    client.defineCommand('mine', { lua: 'return 1', numberOfKeys: 1 });
    const commands = [client.mine('foo', 'a'), client.get(['foo']), client.set('foo', '1')];
    expect(client.autoPipelineQueueSize).toBe(3);
    expect(await Promise.all(commands)).toEqual([['{bar}foo', 'a'], 'OK', 'OK']);
    expect(new Set(cluster.commands().map((line) => line[0]))).toEqual(new Set(['0']));
  });

  test('gives each caller its own error', async () => {
    const cluster = await thirds(({ name }) => (name === 'get' ? '-ERR wrong\r\n' : undefined));
    const client = await ready(cluster.startNodes(), options);
    const failed = await Promise.all([result(client.set('foo', '1')), result(client.get('foo')), result(client.set('bar', '1'))]);
    expect(failed).toEqual(['OK', 'ReplyError: ERR wrong', 'OK']);
  });

  test('calls back', async () => {
    const cluster = await thirds();
    const client = await ready(cluster.startNodes(), options);
    const seen: unknown[] = [];
    client.set('foo', '1', (error: Error | null, reply: unknown) => seen.push([error, reply]));
    client.get('bar', (error: Error | null, reply: unknown) => seen.push([error, reply]));
    await until(() => seen.length === 2);
    expect(seen).toEqual([[null, 'OK'], [null, 'OK']]);
  });

  test('keeps reads for replicas apart from writes', async () => {
    const cluster = await thirds(({ name }, node) => (name === 'get' || name === 'set' ? bulk(String(node.index)) : undefined));
    const client = await ready(cluster.startNodes(), { ...options, scaleReads: 'slave' });
    const commands = [client.set('foo', '1'), client.get('foo')];
    expect(client.autoPipelineQueueSize).toBe(2);
    expect(await Promise.all(commands)).toEqual(['2', '3']);
  });

  test('follows redirects', async () => {
    const cluster: MockCluster = await serve({
      slots: [[0, 12181, 0], [12182, 16383, 1]],
      answer: ({ text }, node) => (node.index === 1 && text === 'get foo' ? cluster.moved('foo', 0) : text === 'get foo' ? bulk('bar') : undefined),
    });
    const client = await ready(cluster.startNodes(), options);
    cluster.slots = [[0, 12182, 0], [12183, 16383, 1]];
    expect(await client.get('foo')).toBe('bar');
  });
});
