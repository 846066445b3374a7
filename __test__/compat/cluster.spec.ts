/** One specification of `Cluster` for ioredis and hawser, on mock servers that shape slots, redirects and failures. */
import calculateSlot from 'cluster-key-slot';
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { array, bulk } from './mock-server';
import { observe, outcome, peers } from './peers';
import { result } from './session';

const SLOT_OF_FOO = calculateSlot('foo'); // 12182

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

  describe('sends commands', () => {
    test('to the node of their slot', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes(0));
      await Promise.all(['foo', 'bar', 'hello', '{foo}x', 'a{bar}b', 'größe', ''].map((key) => client.set(key, 'v')));
      const at = (key: string): number => Math.floor(calculateSlot(key) / 5461.01);
      expect(cluster.commands().sort()).toEqual(['foo', 'bar', 'hello', '{foo}x', 'a{bar}b', 'größe', ''].map((key) => `${at(key)} set ${key} v`).sort());
    });

    test('with a prefix, whose slot counts', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes(), { redisOptions: { keyPrefix: '{bar}' } });
      await client.get('foo');
      expect(cluster.commands()).toEqual([`${Math.floor(calculateSlot('bar') / 5461.01)} get {bar}foo`]);
      expect(client.options.keyPrefix).toBe('{bar}');
    });

    test('and passes the server\'s error on', async () => {
      const cluster = await thirds(({ name: command }) => (command === 'get' ? '-ERR wrong number of arguments\r\n' : undefined));
      const client = await ready(cluster.startNodes());
      expect(await outcome(client.get('foo', 'bar'))).toEqual({ error: 'ReplyError', message: 'ERR wrong number of arguments', command: { name: 'get', args: ['foo', 'bar'] } });
    });

    test('that wait until it is ready', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes());
      expect(await Promise.all([client.set('foo', '1'), client.get('bar')])).toEqual(['OK', 'OK']);
    });

    test('not before it is ready, without an offline queue', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes(), { enableOfflineQueue: false });
      expect(await result(client.get('foo'))).toBe("Error: Cluster isn't ready and enableOfflineQueue options is false");
      await until(() => client.status === 'ready');
      expect(await client.get('foo')).toBe('OK');
    });

    test('without keys to any master', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0, 1]] });
      const client = await ready(cluster.startNodes(0));
      await Promise.all(Array.from({ length: 10 }, () => client.ping()));
      expect(new Set(cluster.commands())).toEqual(new Set(['0 ping']));
    });

    test('with scripts, as source once per node', async () => {
      const cluster = await thirds(({ name: command, args }) => (command.startsWith('eval') ? array(...args.slice(2).map(bulk)) : undefined));
      const client = await ready(cluster.startNodes(), { scripts: { mine: { lua: 'return 1', numberOfKeys: 1 }, free: { lua: 'return 2' } } });
      expect(await client.mine('foo', 'a')).toEqual(['foo', 'a']);
      expect(await client.mine('foo', 'a')).toEqual(['foo', 'a']);
      expect(await client.mine('bar', 'a')).toEqual(['bar', 'a']);
      expect(await client.free(2, '{foo}1', '{foo}2', 'x')).toEqual(['{foo}1', '{foo}2', 'x']);
      expect(cluster.commands().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['2 eval', '2 evalsha', '0 eval', '2 eval']);
    });
  });

  describe('follows redirects', () => {
    test('MOVED to a node that it knows', async () => {
      const cluster = await thirds(({ text }, node) => (text === 'get foo' && node.index === 2 ? cluster.moved('foo', 0) : undefined));
      const client = await ready(cluster.startNodes());
      cluster.slots = [[0, 5460, 0], [5461, 10922, 1], [10923, 12181, 2], [12182, 12182, 0], [12183, 16383, 2]];
      expect(await client.get('foo')).toBe('OK');
      expect(await client.get('foo')).toBe('OK');
      expect(cluster.commands()).toEqual(['2 get foo', '0 get foo', '0 get foo']);
    });

    test('MOVED to a node that it does not know', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ text }, node) => (text === 'get foo' && node.index === 0 ? cluster.moved('foo', 1) : undefined) }, 2);
      const client = await ready(cluster.startNodes(0));
      cluster.slots = [[0, 12181, 0], [12182, 12182, 1], [12183, 16383, 0]];
      expect(await client.get('foo')).toBe('OK');
      expect(cluster.commands()).toEqual(['0 get foo', '1 get foo']);
      await until(() => client.nodes().length === 2);
      expect(client.slots[SLOT_OF_FOO]).toEqual([cluster.nodes[1].key]);
    });

    test('ASK, without learning from it', async () => {
      const cluster = await thirds(({ text }, node) => (text === 'get foo' && node.index === 2 ? cluster.ask('foo', 0) : undefined));
      const client = await ready(cluster.startNodes());
      await client.get('foo');
      await client.get('foo');
      expect(cluster.commands()).toEqual(['2 get foo', '0 asking', '0 get foo', '2 get foo', '0 asking', '0 get foo']);
    });

    test.each(['TRYAGAIN Multiple keys request during rehashing of slot', 'CLUSTERDOWN The cluster is down'])('after %s', async (text) => {
      let times = 0;
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name: command }) => (command === 'get' && times++ < 2 ? `-${text}\r\n` : undefined) });
      const client = await ready(cluster.startNodes(), { retryDelayOnTryAgain: 1, retryDelayOnClusterDown: 1 });
      expect(await client.get('foo')).toBe('OK');
      expect(times).toBe(3);
    });

    test('up to maxRedirections', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name: command }) => (command === 'get' ? cluster.ask('foo', 1) : undefined) }, 2);
      const client = await ready(cluster.startNodes(0), { maxRedirections: 5 });
      expect(await result(client.get('foo'))).toBe(`Error: Too many Cluster redirections. Last error: ReplyError: ASK ${SLOT_OF_FOO} ${cluster.nodes[1].key}`);
      expect(cluster.commands().filter((line) => line.includes('get'))).toHaveLength(6);
    });

    test.each([
      ['object', (map: Record<string, object>) => map],
      ['function', (map: Record<string, object>) => (announced: string) => map[announced] ?? null],
    ])('with a natMap as %s', async (_, natMap) => {
      const cluster: MockCluster = await serve({
        slots: [[0, 5460, ['10.0.0.1', 1]], [5461, 16383, ['10.0.0.2', 1]]],
        answer: ({ text }, node) => {
          if (text === 'get foo' && node.index === 1) return `-MOVED ${SLOT_OF_FOO} 10.0.0.1:1\r\n`;
          if (text === 'get hello' && node.index === 0) return `-ASK ${calculateSlot('hello')} 10.0.0.2:1\r\n`;
          return undefined;
        },
      }, 2);
      const map = Object.fromEntries(cluster.nodes.map(({ port }, index) => [`10.0.0.${index + 1}:1`, { host: '127.0.0.1', port }]));
      const client = await ready(cluster.startNodes(0), { natMap: natMap(map) });
      cluster.slots = [[0, 5460, ['10.0.0.1', 1]], [5461, 12181, ['10.0.0.2', 1]], [12182, 12182, ['10.0.0.1', 1]], [12183, 16383, ['10.0.0.2', 1]]];
      await client.get('foo');
      await client.get('hello');
      // ioredis may read the map between the two and come back once more.
      const commands = cluster.commands().filter((command, index, all) => isHawser || command !== all[index - 1]);
      expect(commands).toEqual(['1 get foo', '0 get foo', '0 get hello', '1 asking', '1 get hello']);
      expect(client.nodes().map((node: any) => node.options.port).sort()).toEqual(cluster.nodes.map(({ port }) => port).sort());
    });

    test('but not a hostile one', async () => {
      const hostile = ['MOVED __proto__ 127.0.0.1:1', 'MOVED 16384 127.0.0.1:1', 'MOVED -1 127.0.0.1:1'];
      let next = 0;
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ name: command }) => (command === 'get' ? `-${hostile[next++]}\r\n` : undefined) });
      const client = await ready(cluster.startNodes());
      for (const text of hostile) {
        const told = (await outcome(client.get('foo'))) as { message: string };
        if (!isHawser) expect(told.message).toBe(text.replace('127.0.0.1:1', 'ADDRESS'));
        else expect(told.message).toContain('MOVED');
      }
      expect(([] as any)['127.0.0.1:1']).toBeUndefined();
      expect(await client.set('foo', '1')).toBe('OK');
    });
  });

  describe('runs pipelines', () => {
    test('and keeps the order of their results through MOVED', async () => {
      const cluster: MockCluster = await serve({
        slots: [[0, 12181, 0], [12182, 16383, 1]],
        answer: ({ text }, node) => {
          if (node.index === 1 && text.includes(' foo')) return cluster.moved('foo', 0);
          return text === 'get foo' ? bulk('bar') : undefined;
        },
      });
      const client = await ready(cluster.startNodes());
      expect(await client.pipeline().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'bar'], [null, 'OK']]);
    });

    test('and follows ASK', async () => {
      const cluster: MockCluster = await serve({
        slots: [[0, 12181, 0], [12182, 16383, 1]],
        answer: ({ text }, node) => (node.index === 1 && text.includes(' foo') ? cluster.ask('foo', 0) : text === 'get foo' ? bulk('bar') : undefined),
      });
      const client = await ready(cluster.startNodes());
      expect(await client.pipeline().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'bar'], [null, 'OK']]);
      expect(cluster.commands().filter((line) => line.startsWith('0'))).toEqual(['0 asking', '0 get foo', '0 asking', '0 set foo bar']);
    });

    test('and waits after TRYAGAIN', async () => {
      let times = 0;
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: ({ text }) => (text.includes(' foo') && times++ < 2 ? '-TRYAGAIN Multiple keys request during rehashing of slot\r\n' : undefined) });
      const client = await ready(cluster.startNodes(), { retryDelayOnTryAgain: 1 });
      expect(await client.pipeline().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'OK'], [null, 'OK']]);
    });

    test('not with the keys of one command in several slots', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes());
      expect(await result(client.pipeline().set('foo', 'bar').mget('foo1', 'foo2').exec())).toBe('Error: All the keys in a pipeline command should belong to the same slot');
      expect(cluster.commands()).toEqual([]);
    });

    test('before it is ready', async () => {
      const cluster = await thirds();
      const client = connect(cluster.startNodes(), { lazyConnect: true });
      expect(await client.pipeline().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'OK'], [null, 'OK']]);
      expect(await client.pipeline().exec()).toEqual([]);
    });

    test('not when it cannot connect', async () => {
      const cluster = await serve({ slots: [] }, 1);
      const nodes = cluster.startNodes();
      await cluster.stop();
      const client = connect(nodes, { clusterRetryStrategy: null });
      expect(await result(client.pipeline().get('foo').exec())).toBe('Error: None of startup nodes is available');
    });
  });

  describe('runs transactions', () => {
    const EXECABORT = '-EXECABORT Transaction discarded because of previous errors.\r\n';
    /** Node 1 has the slot of `foo`, and refuses as `refusal` says; node 0 takes the transaction. */
    const redirecting = (refusal: 'moved' | 'ask'): Promise<MockCluster> => {
      const cluster: Promise<MockCluster> = serve({
        slots: [[0, 12181, 0], [12182, 12183, 1], [12184, 16383, 0]],
        answer: ({ name: command, args }, node) => {
          if (node.index === 1) return command === 'exec' ? EXECABORT : args[0] === 'foo' ? (refusal === 'moved' ? moved : ask) : undefined;
          if (command === 'exec') return array(bulk('bar'), '+OK\r\n');
          return args[0] === 'foo' ? '+QUEUED\r\n' : undefined;
        },
      });
      let moved = '';
      let ask = '';
      return cluster.then((servers) => {
        moved = servers.moved('foo', 0);
        ask = servers.ask('foo', 0);
        return servers;
      });
    };

    test('and moves them whole', async () => {
      const cluster = await redirecting('moved');
      const client = await ready(cluster.startNodes(0));
      expect(await client.multi().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'bar'], [null, 'OK']]);
      expect(cluster.commands().slice(-4)).toEqual(['0 multi', '0 get foo', '0 set foo bar', '0 exec']);
    });

    test('and asks for them whole', async () => {
      const cluster = await redirecting('ask');
      const client = await ready(cluster.startNodes(0));
      expect(await client.multi().get('foo').set('foo', 'bar').exec()).toEqual([[null, 'bar'], [null, 'OK']]);
      expect(cluster.commands().slice(-5)).toEqual(['0 asking', '0 multi', '0 get foo', '0 set foo bar', '0 exec']);
    });

    test('and rejects with all errors, if the server refuses one for another reason', async () => {
      const cluster = await serve({
        slots: [[0, 16383, 0]],
        answer: ({ name: command }) => (command === 'exec' ? EXECABORT : command === 'set' ? '-ERR wrong\r\n' : command === 'get' ? '+QUEUED\r\n' : undefined),
      });
      const client = await ready(cluster.startNodes());
      expect(await outcome(client.multi().get('foo').set('foo').exec())).toMatchObject({
        error: 'ReplyError',
        message: 'EXECABORT Transaction discarded because of previous errors.',
        previous: [{ error: 'ReplyError', message: 'ERR wrong' }],
      });
    });

    test('not over nodes', async () => {
      const cluster = await thirds();
      const client = await ready(cluster.startNodes());
      expect(await result(client.multi().set('foo', '1').set('bar', '2').exec())).toBe('Error: All keys in the pipeline should belong to the same slots allocation group');
      expect(cluster.commands()).toEqual([]);
    });
  });

  describe('reads from replicas', () => {
    const replicated = (): Promise<MockCluster> =>
      serve({ slots: [[0, 16381, 0, 2, 3], [16382, 16383, 1]], answer: ({ name: command }, node) => (['get', 'set', 'hgetall', 'eval'].includes(command) ? `:${node.index}\r\n` : undefined) });

    test('never, by default', async () => {
      const client = await ready((await replicated()).startNodes(0));
      expect(new Set(await Promise.all(Array.from({ length: 20 }, () => client.get('foo'))))).toEqual(new Set([0]));
    });

    test('always with slave, if it only reads', async () => {
      const cluster = await replicated();
      const client = await ready(cluster.startNodes(0), { scaleReads: 'slave' });
      const readers = await Promise.all(Array.from({ length: 40 }, () => client.get('foo')));
      expect(new Set(readers)).toEqual(new Set([2, 3]));
      expect(await client.set('foo', 'bar')).toBe(0);
      client.defineCommand('mine', { lua: 'return 1', numberOfKeys: 1, readOnly: true });
      expect([2, 3]).toContain(await client.mine('foo'));
      expect(cluster.nodes.map(({ server }) => server.texts().some((text) => text.endsWith(' readonly')))).toEqual([false, false, true, true]);
    });

    test('and from masters with all', async () => {
      const client = await ready((await replicated()).startNodes(0), { scaleReads: 'all' });
      expect(new Set(await Promise.all(Array.from({ length: 60 }, () => client.get('foo'))))).toEqual(new Set([0, 2, 3]));
    });

    test('by choice of a function', async () => {
      const client = await ready((await replicated()).startNodes(0), { scaleReads: (nodes: any[], command: any) => (command.name === 'get' ? nodes[1] : [nodes[2]]) });
      expect([await client.get('foo'), await client.hgetall('foo').catch((error: Error) => error), await client.set('foo', '1')]).toEqual([2, expect.anything(), 0]);
    });

    test('not by a word without a meaning', () => {
      expect(() => connect([{ port: 1 }], { scaleReads: 'some', lazyConnect: true })).toThrow('Invalid option scaleReads "some". Expected "all", "master", "slave" or a custom function');
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
