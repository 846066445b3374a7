/** Nodes of a cluster that go, come back and change, for ioredis and hawser; and what hawser adds. */
import { Cluster } from '../../lib';
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { array, bulk, MockServer } from './mock-server';
import { peers } from './peers';
import { result } from './session';

describe.each(peers)('$name: nodes of a cluster', ({ name, Redis }) => {
  const { serve, ready } = clusterSession(Redis);
  const replicated = (answer?: MockCluster['answer']): Promise<MockCluster> => serve({ slots: [[0, 16381, 0, 2], [16382, 16383, 1]], ...(answer ? { answer } : {}) });

  test('leave when their connection ends', async () => {
    const cluster = await replicated();
    const client = await ready(cluster.startNodes(), { clusterRetryStrategy: null });
    await client.get('foo');
    const left = new Promise<number[]>((resolve) => client.once('-node', (node: any) => resolve([node.options.port, client.nodes().length, client.nodes('master').length])));
    await cluster.nodes[0].server.stop();
    expect(await left).toEqual([cluster.nodes[0].port, 2, 1]);
  });

  test('stay and reconnect with clusterNodeRetryStrategy', async () => {
    const cluster = await replicated();
    const client = await ready(cluster.startNodes(), { clusterNodeRetryStrategy: () => 5 });
    await client.get('foo');
    let left = 0;
    client.on('-node', () => left++);
    const before = cluster.nodes[0].server.connections.length;
    cluster.nodes[0].server.connections.forEach((connection) => connection.reset());
    await until(() => cluster.nodes[0].server.connections.length > before);
    expect(await client.get('foo')).toBe('OK');
    expect(left).toBe(0);
  });

  test('are waited for when their connection is lost', async () => {
    let cuts = 0;
    const cluster: MockCluster = await serve({
      slots: [[0, 16383, 0]],
      answer: ({ name }, _, connection) => {
        if (name !== 'get' || cuts++ > 0) return undefined;
        connection.reset();
        return null;
      },
    });
    const client = await ready(cluster.startNodes(), { retryDelayOnFailover: 1 });
    expect(await client.get('foo')).toBe('OK');
    expect(cluster.commands()).toEqual(['0 get foo', '0 get foo']);
  });

  test('tell of their errors', async () => {
    const gone = await MockServer.start();
    const port = gone.port;
    await gone.stop();
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, ['127.0.0.1', port]]] });
    const client = await ready(cluster.startNodes(), { maxRedirections: 2, retryDelayOnFailover: 1 });
    const seen: string[] = [];
    client.on('node error', (_: Error, key: string) => seen.push(key));
    const outcome = await result(client.get('foo'));
    // ioredis ends up at a node by chance.
    if (name === 'hawser') expect(outcome).toMatch(/^Error: Too many Cluster redirections\. Last error: /);
    expect(seen).toContain(`127.0.0.1:${port}`);
  });

  test('without an address are no nodes', async () => {
    const cluster = await serve({ slots: [[0, 8191, 0, ['', 2]], [8192, 16383, 1]] });
    const client = await ready(cluster.startNodes(0));
    expect(client.nodes().map((node: any) => node.options.port).sort()).toEqual(cluster.nodes.map(({ port }) => port).sort());
  });

  test('answer for all when the map changes under way', async () => {
    const cluster: MockCluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name }, node) => (name === 'get' && node.index === 0 && cluster.slots[0][2] === 1 ? cluster.moved('foo', 1) : undefined) }, 2);
    const client = await ready(cluster.startNodes(0));
    await client.get('foo');
    cluster.slots = [[0, 16383, 1]];
    expect(await Promise.all(Array.from({ length: 20 }, () => client.get('foo')))).toEqual(Array(20).fill('OK'));
    await until(() => client.nodes().length === 1 && client.nodes()[0].options.port === cluster.nodes[1].port);
  });
});

describe('hawser: a cluster, beyond ioredis', () => {
  const { serve, ready } = clusterSession({ Cluster } as any);

  test('splits a pipeline by node, one write to each, with the results in order', async () => {
    const cluster = await serve({ slots: [[0, 5460, 0], [5461, 10922, 1], [10923, 16383, 2]], answer: ({ name, args }) => (name === 'get' ? bulk(args[0]) : undefined) });
    const client = await ready(cluster.startNodes());
    const keys = Array.from({ length: 50 }, (_, n) => `key:${n}`);
    const pipeline = client.pipeline();
    for (const key of keys) pipeline.get(key);
    expect(await pipeline.exec()).toEqual(keys.map((key) => [null, key]));
    expect(new Set(cluster.commands().map((line) => line[0]))).toEqual(new Set(['0', '1', '2']));
  });

  test('gives each command of a pipeline its own error', async () => {
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: ({ name }, node) => (name === 'get' && node.index === 1 ? '-ERR one\r\n' : undefined) });
    const client = await ready(cluster.startNodes());
    const outcomes = await client.pipeline().get('foo').get('bar').set('foo', '1').exec();
    expect(outcomes).toEqual([[expect.objectContaining({ message: 'ERR one' })], [null, 'OK'], [null, 'OK']]);
  });

  test('reads the map at most twice a second, however many commands are moved', async () => {
    const cluster: MockCluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name }, node) => (name === 'get' && node.index === 0 ? cluster.moved('foo', 1) : undefined) }, 2);
    const client = await ready(cluster.startNodes(0));
    const before = cluster.refreshes;
    const started = performance.now();
    for (let i = 0; i < 50; i++) await client.get('foo');
    for (let i = 0; i < 50; i++) client.refreshSlotsCache();
    const seconds = (performance.now() - started) / 1000;
    expect(cluster.refreshes - before).toBeLessThanOrEqual(2 * (Math.floor(seconds) + 1));
  });

  test('keeps the order of one key through MOVED', async () => {
    let value = '';
    const cluster: MockCluster = await serve({
      slots: [[0, 16383, 0]],
      answer: ({ name, args }, node) => {
        if (name !== 'set') return undefined;
        // The first of them is refused, as by a slot that moves at this moment; a plain resend would come after the others.
        if (node.index === 0) return cluster.moved('foo', 1);
        value = args[1];
        return undefined;
      },
    }, 2);
    const client = await ready(cluster.startNodes(0));
    const first = client.set('foo', '1');
    const second = client.set('foo', '2');
    await first;
    const third = client.set('foo', '3');
    await Promise.all([second, third]);
    expect(value).toBe('3');
    expect(cluster.commands().filter((line) => line.startsWith('1'))).toEqual(['1 set foo 1', '1 set foo 2', '1 set foo 3']);
  });

  test('sends a transaction that was opened by hand to the node of its first key', async () => {
    const cluster = await serve({
      slots: [[0, 8191, 0], [8192, 16383, 1]],
      answer: ({ name }) => (name === 'exec' ? array('+OK\r\n', ':1\r\n') : name === 'set' || name === 'incr' ? '+QUEUED\r\n' : undefined),
    });
    const client = await ready(cluster.startNodes());
    expect(await client.multi({ pipeline: false })).toBe('OK');
    expect(await Promise.all([client.set('foo', '1'), client.incr('{foo}n')])).toEqual(['QUEUED', 'QUEUED']);
    expect(await client.exec()).toEqual([[null, 'OK'], [null, 1]]);
    expect(cluster.commands()).toEqual(['1 multi', '1 set foo 1', '1 incr {foo}n', '1 exec']);
    expect([await client.multi({ pipeline: false }), await client.exec()]).toEqual(['OK', []]);
    expect(await client.get('bar')).toBe('OK');
  });

  test('does not run a guarded transaction elsewhere', async () => {
    const cluster: MockCluster = await serve({
      slots: [[0, 16383, 0]],
      answer: ({ name }) => (name === 'incr' ? cluster.moved('foo', 1) : name === 'exec' ? '-EXECABORT Transaction discarded because of previous errors.\r\n' : undefined),
    }, 2);
    const client = await ready(cluster.startNodes(0));
    await client.watch('foo');
    expect(await result(client.multi().incr('foo').exec())).toBe('ReplyError: EXECABORT Transaction discarded because of previous errors.');
    expect(cluster.commands()).toEqual(['0 watch foo', '0 multi', '0 incr foo', '0 exec']);
  });

  test('refuses redirects to impossible places', async () => {
    const texts = ['MOVED 1 127.0.0.1:99999', 'MOVED 1 nowhere', 'MOVED 1', 'ASK x 127.0.0.1:1', 'MOVED 12182 :0'];
    let next = 0;
    const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name }) => (name === 'get' ? `-${texts[next++]}\r\n` : undefined) });
    const client = await ready(cluster.startNodes());
    for (const text of texts) {
      const error = (await client.get('foo').catch((reason: unknown) => reason)) as { code: string };
      expect([text, error.code]).toEqual([text, expect.stringMatching(/^E_(PROTOCOL|REPLY)$/)]);
    }
    expect(await client.set('foo', '1')).toBe('OK');
    expect(client.nodes()).toHaveLength(1);
  });

  test('subscribes at the next node, if the first takes the subscription with it', async () => {
    let cuts = 0;
    const cluster = await serve({
      slots: [[0, 8191, 0], [8192, 16383, 1]],
      answer: ({ name, args }, _, connection) => {
        if (name !== 'subscribe') return undefined;
        if (cuts++ > 0) return array(bulk(name), bulk(args[0]), ':1\r\n');
        connection.reset();
        return null;
      },
    });
    const client = await ready(cluster.startNodes(), { redisOptions: { protocol: 2 } });
    expect(await client.subscribe('news')).toBe(1);
    expect(cuts).toBe(2);
  });

  test('sends a MULTI without an EXEC, as its caller wants', async () => {
    const cluster = await serve({ slots: [[0, 16383, 0]] });
    const client = await ready(cluster.startNodes());
    expect(await client.pipeline().call('multi').set('foo', '1').exec()).toEqual([[null, 'OK'], [null, 'OK']]);
    expect(await client.pipeline().ping().get('foo').exec()).toEqual([[null, 'OK'], [null, 'OK']]);
  });

  test('takes sharded subscriptions without an option', async () => {
    const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name, args }) => (name === 'ssubscribe' ? array(bulk(name), bulk(args[0]), ':1\r\n') : undefined) });
    const client = await ready(cluster.startNodes(), { redisOptions: { protocol: 2 } });
    expect(await client.ssubscribe('shard')).toBe(1);
  });

  test('errors name the node that answered or was lost', async () => {
    const gone = await MockServer.start();
    const { port } = gone;
    await gone.stop();
    const cluster = await serve({
      slots: [[0, 8191, 0], [8192, 16383, ['127.0.0.1', port]]],
      answer: ({ name, args: [key] }) => (name !== 'get' || key !== 'bar' ? undefined : '-TRYAGAIN\r\n'),
    });
    const client = await ready(cluster.startNodes(), { maxRedirections: 2, retryDelayOnFailover: 1, retryDelayOnTryAgain: 1 });
    const failure = (promise: Promise<unknown>): Promise<{ code: string; node: string }> => promise.then(() => ({ code: '', node: '' }), (error: { code: string; node: string }) => error);
    expect(await failure(client.get('foo'))).toMatchObject({ code: 'E_REDIRECTIONS', node: `127.0.0.1:${port}` });
    expect(await failure(client.get('bar'))).toMatchObject({ code: 'E_REDIRECTIONS', node: cluster.nodes[0].key });
  });

  test('commands that wait for a node keep to commandTimeout', async () => {
    const gone = await MockServer.start();
    const { port } = gone;
    await gone.stop();
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, ['127.0.0.1', port]]] });
    const client = await ready(cluster.startNodes(), { redisOptions: { commandTimeout: 50 }, maxRedirections: 1000, retryDelayOnFailover: 1000 });
    expect(await result(client.get('foo'))).toBe('Error: Command timed out');
  });
});
