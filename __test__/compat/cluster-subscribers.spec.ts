/** Subscriptions of a cluster for ioredis and hawser: the connection that has them, and what becomes of them when it or a slot moves. */
import calculateSlot from 'cluster-key-slot';
import { until } from '../helpers/until';
import { clusterSession, type MockCluster, type MockNode } from './mock-cluster';
import { bulk, type MockConnection, type Received } from './mock-server';
import { peers, testIf } from './peers';
import { result } from './session';

/** What a server under RESP3 says to a subscription. */
const confirm = (name: string, channels: string[], counted: number): string =>
  channels.map((channel, index) => `>3\r\n${bulk(name)}${bulk(channel)}:${counted + index}\r\n`).join('');
const message = (kind: string, ...parts: string[]): string => `>${parts.length + 1}\r\n${bulk(kind)}${parts.map(bulk).join('')}`;

/** Servers that take subscriptions, and count them per connection. */
function subscribable(also?: (command: Received, node: MockNode) => string | undefined) {
  const counts = new WeakMap<MockConnection, Set<string>>();
  return (command: Received, node: MockNode, connection: MockConnection): string | undefined => {
    const own = also?.(command, node);
    if (own !== undefined) return own;
    // The clients ask for RESP3, and a map says that they have it.
    if (command.name === 'hello') return `%1\r\n${bulk('proto')}:3\r\n`;
    if (!/^[ps]?(un)?subscribe$/.test(command.name)) return undefined;
    const channels = counts.get(connection) ?? new Set<string>();
    counts.set(connection, channels);
    return command.args
      .map((channel) => {
        if (command.name.includes('un')) channels.delete(channel);
        else channels.add(channel);
        return confirm(command.name, [channel], channels.size);
      })
      .join('');
  };
}

/** The connection of this name, on whatever node, and its number there. */
function named(cluster: MockCluster, name: string, index?: number): { node: MockNode; number: number }[] {
  return cluster.nodes
    .filter((node) => index === undefined || node.index === index)
    .flatMap((node) =>
      node.server.received
        .filter(({ text, connection }) => text.toLowerCase() === `client setname ${name}` && node.server.connections[connection - 1]?.closed === false)
        .map(({ connection }) => ({ node, number: connection })),
    );
}

describe.each(peers)('$name: a cluster that is subscribed', ({ name, Redis }) => {
  const { serve, connect, ready } = clusterSession(Redis);
  const isHawser = name === 'hawser';
  const SUBSCRIBER = 'ioredis-cluster(subscriber)';
  const SHARDED = 'ioredis-cluster(ssubscriber)';

  test('receives messages on a connection of its own', async () => {
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: subscribable() });
    const client = await ready(cluster.startNodes());
    const seen: unknown[] = [];
    client.on('message', (channel: string, text: string) => seen.push([channel, text]));
    client.on('messageBuffer', (channel: Buffer, text: Buffer) => seen.push([channel, text]));
    client.on('pmessage', (pattern: string, channel: string, text: string) => seen.push([pattern, channel, text]));
    expect(await client.subscribe('news')).toBe(1);
    expect(await client.psubscribe('n*')).toBe(2);
    const [subscriber] = await until(() => (named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    const connection = subscriber.node.server.connections[subscriber.number - 1];
    connection.write(message('message', 'news', 'hi') + message('pmessage', 'n*', 'news', 'hi'));
    await until(() => seen.length === 3);
    expect(seen).toEqual([['news', 'hi'], [Buffer.from('news'), Buffer.from('hi')], ['n*', 'news', 'hi']]);
    expect(await client.set('foo', 'bar')).toBe('OK');
  });

  test('gives that connection a name', async () => {
    const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() });
    const client = await ready(cluster.startNodes(), { redisOptions: { connectionName: 'mine' } });
    await client.subscribe('news');
    await until(() => named(cluster, `${SUBSCRIBER}:mine`).length === 1);
  });

  test('subscribes again when the connection is lost, without those it has given up', async () => {
    const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() });
    const client = await ready(cluster.startNodes());
    await client.subscribe('a', 'b');
    await client.psubscribe('p*');
    await client.unsubscribe('b');
    const [subscriber] = await until(() => (named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    subscriber.node.server.connections[subscriber.number - 1].reset();
    await until(() => cluster.commands().filter((line) => line === '0 psubscribe p*').length === 2);
    expect(cluster.commands().filter((line) => line.includes(' subscribe'))).toEqual(['0 subscribe a b', '0 subscribe a']);
  });

  // ioredis shows such messages twice.
  testIf(isHawser, 'does not show what arrives on a connection that has a successor', async () => {
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: subscribable() });
    const client = await ready(cluster.startNodes());
    const seen: string[] = [];
    client.on('message', (_: string, text: string) => seen.push(text));
    await client.subscribe('news');
    const [former] = await until(() => (named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    const other = 1 - former.node.index;
    cluster.slots = [[0, 16383, other]];
    client.refreshSlotsCache();
    await new Promise((resolve) => client.once('-node', resolve));
    former.node.server.connections[former.number - 1].write(message('message', 'news', 'to the former'));
    const [present] = await until(() => (cluster.commands().includes(`${other} subscribe news`) ? named(cluster, SUBSCRIBER, other) : undefined));
    present.node.server.connections[present.number - 1].write(message('message', 'news', 'to its successor'));
    await until(() => seen.length > 0 && former.node.server.connections[former.number - 1].closed);
    expect(seen).toEqual(['to its successor']);
  });

  test('asks a connection once for the subscriptions, however many before it were lost while they were asked', async () => {
    let losing = 0;
    const cluster = await serve({
      slots: [[0, 8191, 0], [8192, 16383, 1]],
      answer: subscribable((command, node) => {
        if (command.name !== 'subscribe' || losing === 0) return undefined;
        losing--;
        node.server.connections[command.connection - 1].reset();
        return '';
      }),
    });
    const client = await ready(cluster.startNodes());
    await client.subscribe('a', 'b');
    const [subscriber] = await until(() => (named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    losing = 3;
    subscriber.node.server.connections[subscriber.number - 1].reset();
    const [present] = await until(() => (losing === 0 && named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    await client.subscribe('last');
    const asked = present.node.server.received.filter(({ connection, name: asks }) => connection === present.number && asks === 'subscribe');
    expect(asked.map(({ args }) => args.join(' '))).toEqual(['a b', 'last']);
  });

  test('subscribes again after disconnect and connect', async () => {
    const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() });
    const client = await ready(cluster.startNodes());
    await client.subscribe('news');
    const ended = new Promise((resolve) => client.once('end', resolve));
    client.disconnect();
    await ended;
    await client.connect();
    await until(() => cluster.commands().filter((line) => line === '0 subscribe news').length === 2);
  });

  test('moves to another node when its own is gone', async () => {
    const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: subscribable() });
    const client = await ready(cluster.startNodes());
    await client.subscribe('news');
    const [subscriber] = await until(() => (named(cluster, SUBSCRIBER).length > 0 ? named(cluster, SUBSCRIBER) : undefined));
    const other = 1 - subscriber.node.index;
    cluster.slots = [[0, 16383, other]];
    await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
    await subscriber.node.server.stop();
    await until(() => cluster.commands().includes(`${other} subscribe news`));
  });

  describe('to shards', () => {
    const options = { shardedSubscribers: true };
    const half = (channel: string): number => (calculateSlot(channel) < 8192 ? 0 : 1);

    test('has a connection to the master of each channel, when it is needed', async () => {
      const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: subscribable() });
      const client = await ready(cluster.startNodes(), options);
      expect(named(cluster, SHARDED)).toEqual([]);
      const seen: unknown[] = [];
      client.on('smessage', (channel: string, text: string) => seen.push([channel, text]));
      const [first, second] = ['a', 'b', 'c', 'd'].sort((one, other) => half(one) - half(other)).filter((_, index, all) => index === 0 || index === all.length - 1);
      expect([half(first), half(second)]).toEqual([0, 1]);
      await client.ssubscribe(first);
      await client.ssubscribe(second);
      expect(cluster.commands()).toEqual([`0 ssubscribe ${first}`, `1 ssubscribe ${second}`]);
      for (const [index, channel] of [first, second].entries()) {
        const [subscriber] = named(cluster, SHARDED, index);
        subscriber.node.server.connections[subscriber.number - 1].write(message('smessage', channel, 'hi'));
      }
      await until(() => seen.length === 2);
      expect(seen.sort()).toEqual([[first, 'hi'], [second, 'hi']].sort());
    });

    test('takes channels of one slot only', async () => {
      const cluster = await serve({ slots: [[0, 8191, 0], [8192, 16383, 1]], answer: subscribable() });
      const client = await ready(cluster.startNodes(), options);
      expect(await result(client.ssubscribe('a', 'b'))).toBe('AbortError: Possible CROSSSLOT error: All channels must hash to the same slot');
      expect(await client.ssubscribe('{t}a', '{t}b')).toBe(2);
    });

    test('follows its channels when their slots move, and those only', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() }, 2);
      const client = await ready(cluster.startNodes(0), options);
      await client.ssubscribe('{t}kept', '{t}left');
      // ioredis takes a Buffer for another channel.
      await client.sunsubscribe(isHawser ? Buffer.from('{t}left') : '{t}left');
      cluster.slots = [[0, 16383, 1]];
      await new Promise<void>((resolve) => client.refreshSlotsCache(() => resolve()));
      await until(() => cluster.commands().includes('1 ssubscribe {t}kept'));
      expect(cluster.commands().filter((line) => line.startsWith('1 ssubscribe'))).toEqual(['1 ssubscribe {t}kept']);
    });

    test('subscribes again when the server takes a channel away', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() }, 2);
      const client = await ready(cluster.startNodes(0), options);
      await client.ssubscribe('shard');
      cluster.slots = [[0, 16383, 1]];
      const [subscriber] = named(cluster, SHARDED, 0);
      subscriber.node.server.connections[subscriber.number - 1].write(confirm('sunsubscribe', ['shard'], 0));
      await until(() => cluster.commands().includes('1 ssubscribe shard'));
    });

    // ioredis gives up after the first one.
    testIf(isHawser, 'asks a connection once for its channels, however many before it were lost while they were asked', async () => {
      let losing = 0;
      const cluster = await serve({
        slots: [[0, 16383, 0]],
        answer: subscribable((command, node) => {
          if (command.name !== 'ssubscribe' || losing === 0) return undefined;
          losing--;
          node.server.connections[command.connection - 1].reset();
          return '';
        }),
      });
      const client = await ready(cluster.startNodes(), options);
      await client.ssubscribe('{t}a', '{t}b');
      const [subscriber] = named(cluster, SHARDED);
      losing = 3;
      subscriber.node.server.connections[subscriber.number - 1].reset();
      const of = (connection: number): string[] => cluster.nodes[0].server.received.filter((command) => command.connection === connection && command.name === 'ssubscribe').map(({ args }) => args.join(' '));
      const present = await until(() => (losing === 0 ? named(cluster, SHARDED).map(({ number }) => number).find((number) => of(number).length > 0) : undefined), { deadlineMs: 15_000 });
      // A pause that begins later and is longer than those before another attempt.
      const other = connect(cluster.startNodes(), { lazyConnect: true, clusterRetryStrategy: () => 500 });
      other.disconnect(true);
      await until(() => other.status === 'ready');
      await client.ssubscribe('{t}last');
      expect(of(present)).toEqual(['{t}a {t}b', '{t}last']);
    });

    // ioredis fails after the first refusal.
    testIf(isHawser, 'a subscription that is refused again and again ends with its client, and not at its next attempt', async () => {
      const refusal = '-CLUSTERDOWN Hash slot not served\r\n';
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable(({ name }) => (name === 'ssubscribe' ? refusal : undefined)) });
      const client = await ready(cluster.startNodes(), { ...options, maxRedirections: 1000 });
      const outcome = result(client.ssubscribe('shard'));
      const attempts = (): number => cluster.commands().filter((line) => line === '0 ssubscribe shard').length;
      // From here on the pauses are longer than this test lasts.
      await until(() => attempts() >= 6, { deadlineMs: 15_000 });
      const before = attempts();
      client.disconnect();
      expect(await outcome).toBe('Error: Connection is closed.');
      expect(attempts()).toBe(before);
    });

    test('subscribes again when the connection is lost', async () => {
      const cluster = await serve({ slots: [[0, 16383, 0]], answer: subscribable() });
      const client = await ready(cluster.startNodes(), options);
      await client.ssubscribe('shard');
      const [subscriber] = named(cluster, SHARDED);
      subscriber.node.server.connections[subscriber.number - 1].reset();
      await until(() => cluster.commands().filter((line) => line === '0 ssubscribe shard').length === 2);
    });
  });

  test('refuses subscriptions when there is no node', async () => {
    const client = connect([{ port: 1 }], { lazyConnect: true, enableOfflineQueue: false, clusterRetryStrategy: null });
    expect(await result(client.subscribe('news'))).toBe("Error: Cluster isn't ready and enableOfflineQueue options is false");
  });
});
