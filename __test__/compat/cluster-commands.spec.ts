/** Commands on a `Cluster`, for ioredis and hawser: to the node of their slot, after redirects, in pipelines and transactions, from replicas. */
import calculateSlot from 'cluster-key-slot';
import { until } from '../helpers/until';
import { clusterSession, type MockCluster } from './mock-cluster';
import { array, bulk } from './mock-server';
import { outcome, peers, testIf } from './peers';
import { result } from './session';

const SLOT_OF_FOO = calculateSlot('foo'); // 12182

describe.each(peers)('$name: a cluster', ({ name, Redis }) => {
  const { serve, connect, ready } = clusterSession(Redis);
  const isHawser = name === 'hawser';
  /** Three masters, 0 to 2, with about a third of the slots each. */
  const thirds = (answer?: MockCluster['answer']): Promise<MockCluster> => serve({ slots: [[0, 5460, 0], [5461, 10922, 1], [10923, 16383, 2]], ...(answer ? { answer } : {}) });

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

    // ioredis looks at nobody's queue.
    testIf(isHawser, 'without keys to a master with the fewest commands in flight, and to each of those', async () => {
      const cluster = await thirds(({ name: command }) => (command === 'get' ? null : undefined));
      const client = await ready(cluster.startNodes());
      // Node 2 answers no GET.
      void client.get('foo').catch(() => undefined);
      await until(() => cluster.commands().includes('2 get foo'));
      for (let i = 0; i < 60; i++) await client.publish('news', String(i));
      const asked = new Set(cluster.commands().filter((line) => line.includes('publish')).map((line) => line[0]));
      expect([...asked].sort()).toEqual(['0', '1']);
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

    // With ioredis, commands that wait behind it are never answered.
    testIf(isHawser, 'by a function that throws: that command alone is rejected, ready or not', async () => {
      const scaleReads = (nodes: unknown[], { args }: { args: string[] }): unknown => {
        if (args[0] === 'bad') throw new Error('mine');
        return nodes[0];
      };
      const client = connect((await replicated()).startNodes(0), { scaleReads });
      const issue = (): Promise<unknown[]> => Promise.all([client.get('bad'), client.get('foo'), client.pipeline().get('foo').get('bad').get('foo').exec()].map(result));
      expect(client.status).not.toBe('ready');
      const waiting = await issue();
      expect(waiting).toEqual(['Error: mine', 0, [[null, 0], ['Error: mine'], [null, 0]]]);
      expect(await issue()).toEqual(waiting);
    });

    testIf(isHawser, 'by a function that gives something else than a node: that command alone is rejected', async () => {
      for (const other of [{}, 'a node', Promise.resolve([]), [{ host: 'h' }]]) {
        const scaleReads = (nodes: unknown[], { args }: { args: string[] }): unknown => (args[0] === 'bad' ? other : nodes[0]);
        const client = connect((await replicated()).startNodes(0), { scaleReads });
        const issue = (): Promise<unknown[]> => Promise.all([client.get('bad'), client.get('foo'), client.pipeline().get('foo').get('bad').exec()].map(result));
        const refused = 'TypeError: scaleReads must return one of the nodes it was given, or a list of them';
        const waiting = await issue();
        expect(waiting).toEqual([refused, 0, [[null, 0], [refused]]]);
        expect(await issue()).toEqual(waiting);
      }
    });

    testIf(isHawser, 'never for a transaction that is opened by hand', async () => {
      const cluster = await replicated();
      const client = await ready(cluster.startNodes(0), { scaleReads: 'slave' });
      await client.multi({ pipeline: false });
      await Promise.all([client.get('foo'), client.set('foo', 1), client.exec()]);
      expect(cluster.commands()).toEqual(['0 multi', '0 get foo', '0 set foo 1', '0 exec']);
    });

    test('not by a word without a meaning', () => {
      expect(() => connect([{ port: 1 }], { scaleReads: 'some', lazyConnect: true })).toThrow('Invalid option scaleReads "some". Expected "all", "master", "slave" or a custom function');
    });
  });
});
