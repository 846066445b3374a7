/** The life of a `Cluster`, for ioredis and hawser, on mock servers: how it connects, knows its nodes and ends. */
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { bulk } from './mock-server';
import { observe, outcome, peers, testIf } from './peers';
import { result } from './session';

/** Everything a cluster tells from now on. */
function told(client: any): string[] {
  const seen: string[] = [];
  for (const name of ['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'disconnecting', 'end']) client.on(name, () => seen.push(name));
  return seen;
}

describe.each(peers)('$name: a cluster', ({ name, Redis }) => {
  const { serve, connect, ready } = clusterSession(Redis);
  const isHawser = name === 'hawser';
  /** Three masters, 0 to 2, with about a third of the slots each. */
  const thirds = (answer?: MockCluster['answer']): Promise<MockCluster> => serve({ slots: [[0, 5460, 0], [5461, 10922, 1], [10923, 16383, 2]], ...(answer ? { answer } : {}) });

  describe('connects', () => {
    test('through the first start node that answers', async () => {
      const cluster = await thirds();
      const dead = cluster.nodes[0].server;
      const start = cluster.startNodes();
      await dead.stop();
      const client = await ready(start);
      expect(await client.get('foo')).toBe('OK');
      expect(cluster.commands()).toContain('2 get foo');
    });

    test.each([
      ['a port', (port: number) => [port]],
      ['a URL', (port: number) => [`redis://127.0.0.1:${port}`]],
      ['a port as text', (port: number) => [{ host: '127.0.0.1', port: String(port) }]],
    ])('by %s', async (_, nodes) => {
      const cluster = await serve({ slots: [[0, 16383, 0]] });
      const client = await ready(nodes(cluster.nodes[0].port));
      expect(client.nodes().map((node: any) => node.options.port)).toEqual([cluster.nodes[0].port]);
    });

    test('and tells its statuses in order', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes());
      const seen = told(client);
      await until(() => client.status === 'ready');
      client.disconnect();
      await until(() => seen.includes('end'));
      // With ioredis, each further node that has ended is one more `close`.
      expect(isHawser ? seen : seen.filter((status, index) => seen.indexOf(status) === index)).toEqual(['connecting', 'connect', 'ready', 'disconnecting', 'close', 'end']);
    });

    test('when the first command comes, if it is lazy', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes(), { lazyConnect: true });
      expect(client.status).toBe('wait');
      expect(await client.get('foo')).toBe('OK');
      expect(client.status).toBe('ready');
    });

    test('and resolves connect() when it is ready', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes(), { lazyConnect: true });
      await client.connect();
      expect(client.status).toBe('ready');
      expect(await result(client.connect())).toBe('Error: Redis is already connecting/connected');
    });

    test('and rejects connect() and commands when no start node answers', async () => {
      const cluster = await serve({ slots: [] }, 1);
      const nodes = cluster.startNodes();
      await cluster.stop();
      const client = connect(nodes, { lazyConnect: true, clusterRetryStrategy: null });
      const outcomes = await Promise.all([result(client.connect()), result(client.get('foo'))]);
      expect(outcomes).toEqual(['Error: None of startup nodes is available', 'Error: None of startup nodes is available']);
      expect(client.status).toBe('end');
    });

    test('again as clusterRetryStrategy says', async () => {
      const cluster = await serve({ slots: [] }, 1);
      const nodes = cluster.startNodes();
      await cluster.stop();
      const times: number[] = [];
      const client = connect(nodes, {
        clusterRetryStrategy: (count: number) => {
          times.push(count);
          return count === 3 ? null : 0;
        },
      });
      expect(await result(client.get('foo'))).toBe('Error: None of startup nodes is available');
      expect(times).toEqual([1, 2, 3]);
    });

    test('and tells why no node gave a map', async () => {
      const cluster = await serve({ slots: [], answer: ({ name: command }) => (command === 'cluster' ? '-ERR This instance has cluster support disabled\r\n' : undefined) }, 2);
      const client = connect(cluster.startNodes(), { clusterRetryStrategy: null });
      const errors: any[] = [];
      const nodeErrors: any[] = [];
      client.on('error', (error: Error) => errors.push(error));
      client.on('node error', (error: Error, key: string) => nodeErrors.push([error.message, key]));
      await until(() => client.status === 'end');
      expect(errors.map((error) => [error.message, error.lastNodeError.message])).toEqual([
        ['Failed to refresh slots cache.', 'ERR This instance has cluster support disabled'],
      ]);
      expect(nodeErrors.sort()).toEqual(cluster.nodes.map(({ key }) => ['ERR This instance has cluster support disabled', key]).sort());
    });

    test('again while the cluster is down', async () => {
      let infos = 0;
      const cluster = await serve({
        slots: [[0, 16383, 0]],
        answer: ({ text }) => (text === 'cluster INFO' ? bulk(`cluster_state:${infos++ < 2 ? 'fail' : 'ok'}\r\n`) : undefined),
      });
      const delays: number[] = [];
      const client = connect(cluster.startNodes(), { clusterRetryStrategy: (times: number) => (delays.push(times), 0) });
      await until(() => client.status === 'ready');
      expect(delays).toEqual([1, 2]);
    });

    test('without a ready check', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ text }) => (text === 'cluster INFO' ? bulk('cluster_state:fail\r\n') : undefined) });
      const client = await ready(cluster.startNodes(), { enableReadyCheck: false });
      expect(await client.get('foo')).toBe('OK');
    });

    test('to start nodes that clusterRetryStrategy has changed', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]] });
      const other = await serve({ slots: [] }, 1);
      const nowhere = other.startNodes();
      await other.stop();
      const client = connect(nowhere, {
        clusterRetryStrategy(this: any) {
          this.startupNodes = cluster.startNodes();
          return 0;
        },
      });
      await until(() => client.status === 'ready');
    });

    test('not at all without start nodes', async () => {
      const reasons: string[] = [];
      const client = connect(null, {
        lazyConnect: true,
        clusterRetryStrategy: (_: number, reason: Error) => {
          reasons.push(reason.message);
          return null;
        },
      });
      expect(await result(client.connect())).toBe('Error: `startupNodes` should contain at least one node.');
      await until(() => client.status === 'end');
      expect(reasons).toEqual(['`startupNodes` should contain at least one node.']);
    });

    test('with the options of a node before those of all nodes', async () => {
      const cluster = await thirds();
      const [first, second] = cluster.startNodes();
      const client = await ready([{ ...first, password: 'one' }, { ...second, password: null }], { redisOptions: { lazyConnect: false, password: 'all' } });
      await until(() => cluster.nodes.every(({ server }) => server.received.some(({ name: command }) => command === 'info')));
      const passwords = cluster.nodes.map(({ server }) => [...new Set(server.received.filter(({ name: command }) => command === 'hello' || command === 'auth').map(({ args }) => args.at(-1)))]);
      expect(passwords).toEqual([expect.arrayContaining(['one']), expect.not.arrayContaining(['all', 'one']), expect.arrayContaining(['all'])]);
      expect(client.nodes()).toHaveLength(3);
    });

    test('and looks names up, once each', async () => {
      const cluster = await thirds();
      const names: string[] = [];
      const client = await ready(cluster.startNodes().map(({ port }) => ({ host: 'redis.test', port })), {
        dnsLookup: (host: string, callback: any) => {
          names.push(host);
          callback(null, '127.0.0.1');
        },
      });
      expect(names).toEqual(['redis.test']);
      expect(client.nodes().map((node: any) => node.options.host)).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    });

    test.each(['reports', 'throws'])('again after a look-up that %s an error', async (how) => {
      const cluster = await serve({ slots: [[0, 16383, 0]] });
      let failures = 0;
      const reasons: string[] = [];
      await ready([{ host: 'redis.test', port: cluster.nodes[0].port }], {
        dnsLookup: (_: string, callback: any) => {
          if (failures++ > 0) return callback(null, '127.0.0.1');
          if (how === 'throws') throw new Error('no such name');
          callback(new Error('no such name'));
        },
        clusterRetryStrategy: (_: number, reason: Error) => {
          reasons.push(reason.message);
          return 0;
        },
      });
      expect(reasons).toEqual(['no such name']);
    });

    test('by SRV records, by priority', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]] });
      const asked: string[] = [];
      const client = await ready([{ host: 'redis.test', port: 1 }], {
        useSRVRecords: true,
        resolveSrv: (host: string, callback: any) => {
          asked.push(host);
          callback(null, [
            { priority: 2, weight: 1, port: 1, name: '127.0.0.2' },
            { priority: 1, weight: 1, port: cluster.nodes[0].port, name: '127.0.0.1' },
          ]);
        },
      });
      expect(asked).toEqual(['redis.test']);
      expect(client.nodes()[0].options).toMatchObject({ host: '127.0.0.1', port: cluster.nodes[0].port });
    });
  });

  describe('knows its nodes', () => {
    test('by role, and tells when they come and go', async () => {
      const cluster = await serve({ slots: [[0, 16381, 0, 2], [16382, 16383, 1]] });
      const client = connect(cluster.startNodes(0));
      const seen: string[] = [];
      client.on('+node', (node: any) => seen.push(`+${cluster.nodes.findIndex(({ port }) => port === node.options.port)}`));
      client.on('-node', (node: any) => seen.push(`-${cluster.nodes.findIndex(({ port }) => port === node.options.port)}`));
      await until(() => client.status === 'ready');
      await client.get('foo');
      const ports = (role?: string): number[] => client.nodes(role).map((node: any) => cluster.nodes.findIndex(({ port }) => port === node.options.port)).sort();
      expect([ports(), ports('all'), ports('master'), ports('slave')]).toEqual([[0, 1, 2], [0, 1, 2], [0, 1], [2]]);
      expect(() => client.nodes('some')).toThrow('Invalid role "some". Expected "all", "master" or "slave"');
      cluster.slots = [[0, 16381, 2], [16382, 16383, 1]];
      await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
      await until(() => seen.includes('-0'));
      expect([ports('master'), ports('slave')]).toEqual([[1, 2], []]);
      expect(client.nodes('master').map((node: any) => Boolean(node.options.readOnly))).toEqual([false, false]);
      expect(seen.slice(0, 3).sort()).toEqual(['+0', '+1', '+2']);
    });

    test('and shows the nodes of each slot', async () => {
      const cluster = await serve({ slots: [[0, 16381, 0, 2], [16382, 16383, 1]] });
      const client = connect(cluster.startNodes(0));
      expect(client.slots).toEqual([]);
      await until(() => client.status === 'ready');
      expect(client.slots).toHaveLength(16384);
      expect([client.slots[0], client.slots[16383]]).toEqual([[cluster.nodes[0].key, cluster.nodes[2].key], [cluster.nodes[1].key]]);
    });

    test('and reads the map again from time to time', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]] }, 2);
      const client = await ready(cluster.startNodes(0), { slotsRefreshInterval: 20 });
      cluster.slots = [[0, 8191, 0], [8192, 16383, 1]];
      await until(() => client.nodes().length === 2);
    });
  });

  describe('ends', () => {
    test('by quit, after what was sent', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes());
      const seen: unknown[] = [];
      let ended = false;
      client.once('end', () => (ended = true));
      void client.set('foo', 'bar').then((reply: unknown) => seen.push(reply));
      expect(await client.quit()).toBe('OK');
      expect(seen).toEqual(['OK']);
      await until(() => ended);
      if (isHawser) expect(await result(client.get('foo'))).toBe('Error: Connection is closed.');
    });

    test('by quit before it has connected', async () => {
      const client = connect([{ port: 1 }], { lazyConnect: true });
      const seen = told(client);
      expect(await client.quit()).toBe('OK');
      await until(() => seen.includes('end'));
      expect(seen.filter((status) => status !== 'wait')).toEqual(['disconnecting', 'close', 'end']);
    });

    test('by quit with the error of a server', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name: command }) => (command === 'quit' ? '-ERR not now\r\n' : undefined) });
      const client = await ready(cluster.startNodes());
      await client.get('foo');
      expect(await outcome(client.quit())).toMatchObject({ error: 'ReplyError', message: 'ERR not now' });
    });

    test('by disconnect, and can connect again', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes());
      const ended = new Promise((resolve) => client.once('end', resolve));
      client.disconnect();
      await ended;
      await client.connect();
      expect(await client.get('foo')).toBe('OK');
    });

    // ioredis asks once for each node, and one of its timers connects again after the end.
    testIf(isHawser, 'for good by disconnect while it waits for its next attempt, which clusterRetryStrategy was asked for once', async () => {
      const cluster = await thirds();
      const clusterRetryStrategy = jest.fn(() => 100);
      const client = await ready(cluster.startNodes(), { clusterRetryStrategy });
      for (const key of ['foo', 'a', 'b', 'c']) await client.get(key);
      const ends = Promise.all(client.nodes().map((node: any) => new Promise((resolve) => node.once('end', resolve))));
      const seen = told(client);
      client.disconnect(true);
      await until(() => client.status === 'reconnecting');
      await ends;
      client.disconnect();
      await until(() => client.status === 'end');
      const later = connect(cluster.startNodes(), { lazyConnect: true, clusterRetryStrategy: () => 150 });
      // Its pause begins later and is longer.
      later.disconnect(true);
      await until(() => later.status === 'ready');
      expect(clusterRetryStrategy).toHaveBeenCalledTimes(1);
      expect([client.status, seen]).toEqual(['end', ['disconnecting', 'close', 'reconnecting', 'disconnecting', 'close', 'end']]);
    });

    test('at once by disconnect before it has connected', async () => {
      const client = connect([{ port: 1 }], { lazyConnect: true });
      const seen = told(client);
      client.disconnect();
      expect(client.status).toBe('end');
      await until(() => seen.includes('end'));
      expect(seen.filter((status) => status !== 'wait')).toEqual(['disconnecting', 'close', 'end']);
      expect(await result(client.get('foo'))).toBe('Error: Connection is closed.');
    });

    test('by disconnect while it connects', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes(), { lazyConnect: true });
      const ended = new Promise((resolve) => client.once('end', resolve));
      const connecting = result(client.connect());
      client.disconnect();
      expect(await connecting).toBe('RedisError: Connection is aborted');
      // ioredis stays in `disconnecting`.
      if (isHawser) await ended;
    });

    test('for good when a listener of close disconnects', async () => {
      const cluster = await serve({ slots: [] }, 1);
      const nodes = cluster.startNodes();
      await cluster.stop();
      const client = connect(nodes, { clusterRetryStrategy: () => 0 });
      const seen = told(client);
      client.once('close', () => client.disconnect());
      await until(() => seen.includes('end'));
      expect(seen).not.toContain('reconnecting');
    });

    test('and lives on in a duplicate', async () => {
      const cluster = await thirds();
      const client = connect([], { lazyConnect: true, redisOptions: { connectionName: 'one', commandTimeout: 5000 } });
      const copy = client.duplicate(cluster.startNodes(0), { lazyConnect: false, redisOptions: { connectionName: 'two' } });
      await until(() => copy.status === 'ready');
      expect(copy.options.redisOptions).toEqual({ connectionName: 'two', commandTimeout: 5000 });
      expect(await copy.get('foo')).toBe('OK');
      copy.disconnect();
    });
  });

  test('has ioredis\'s options with their defaults', () => {
    const client = connect([{ port: 1 }], Object.freeze({ maxRedirections: 3, lazyConnect: true, unknown: 1 }));
    const { clusterRetryStrategy, resolveSrv, dnsLookup, ...plain } = client.options;
    expect(observe(plain)).toMatchObject({
      clusterNodeRetryStrategy: null, enableOfflineQueue: true, enableReadyCheck: true, scaleReads: 'master', maxRedirections: 3, retryDelayOnMoved: 0,
      retryDelayOnFailover: 100, retryDelayOnClusterDown: 100, retryDelayOnTryAgain: 100, slotsRefreshTimeout: 1000, useSRVRecords: false,
      enableAutoPipelining: false, autoPipeliningIgnoredCommands: [], shardedSubscribers: false, lazyConnect: true, unknown: 1,
    });
    expect([clusterRetryStrategy(1), clusterRetryStrategy(5000), typeof resolveSrv, typeof dnsLookup]).toEqual([102, 2000, 'function', 'function']);
  });
});
