/** `commandTimeout` counts from the call, once, wherever the command is sent after that: elsewhere by a redirect, again after a loss, again after an error. */
import { pause } from '../helpers/clock';
import { until } from '../helpers/until';
import { clusterSession } from './mock-cluster';
import { MockServer, type MockConnection } from './mock-server';
import { peers } from './peers';

const TIMEOUT_MS = 1500;

/** Issues `first`, then `second`; `disturb` sends the first one elsewhere. Resolves with the order in which they time out. */
async function order(first: () => Promise<unknown>, second: () => Promise<unknown>, disturb: () => void): Promise<string[]> {
  const seen: string[] = [];
  const watch = async (name: string, outcome: Promise<unknown>): Promise<void> => {
    const error = await outcome.then(
      (reply) => new Error(`a reply: ${String(reply)}`),
      (reason: Error) => reason,
    );
    seen.push(`${name}: ${error.message}`);
  };
  const one = watch('first', first());
  await pause(TIMEOUT_MS / 4);
  const two = watch('second', second());
  await pause(TIMEOUT_MS / 4);
  disturb();
  await Promise.all([one, two]);
  return seen;
}

const IN_ORDER = ['first: Command timed out', 'second: Command timed out'];

describe.each(peers)('$name: commandTimeout', ({ name, Redis }) => {
  const { serve, ready } = clusterSession(Redis);

  // ioredis lets the promise of its ASKING reject unheard.
  const asks = name === 'hawser' ? ['ASK'] : [];
  test.each(['MOVED', ...asks, 'TRYAGAIN', 'CLUSTERDOWN', 'a lost connection'])('goes on through %s', async (kind) => {
    let asked: MockConnection | undefined;
    const cluster = await serve({
      slots: [[0, 8191, 0], [8192, 16383, 1]],
      answer: ({ name: command, args: [key] }, { index }, connection) => {
        // The mock answers in order, so an ASKING must not be answered before what has no reply.
        if (!/^(get|asking)$/i.test(command)) return undefined;
        if (key === 'foo' && index === 1 && asked === undefined) asked = connection;
        return null;
      },
    });
    const client = await ready(cluster.startNodes(), { redisOptions: { commandTimeout: TIMEOUT_MS } });
    const answers: Record<string, string> = { MOVED: cluster.moved('foo', 0), ASK: cluster.ask('foo', 0), TRYAGAIN: '-TRYAGAIN\r\n', CLUSTERDOWN: '-CLUSTERDOWN\r\n' };
    const seen = await order(() => client.get('foo'), () => client.get('bar'), () => {
      if (kind in answers) asked?.write(answers[kind]);
      else asked?.reset();
    });
    expect(seen).toEqual(IN_ORDER);
    expect(cluster.commands().filter((line) => line.endsWith('get foo')).length).toBeGreaterThan(1);
  });

  describe('of a client of one server', () => {
    let server: MockServer;
    let client: any;
    let asked: MockConnection | undefined;
    beforeEach(async () => {
      asked = undefined;
      server = await MockServer.start(({ name: command }, connection) => {
        if (!/^(get|evalsha|eval)$/i.test(command)) return undefined;
        asked ??= connection;
        return null;
      });
    });
    afterEach(async () => {
      client?.disconnect();
      await server.stop();
    });
    const connect = async (options: object = {}): Promise<void> => {
      client = new Redis({ port: server.port, commandTimeout: TIMEOUT_MS, retryStrategy: () => 1, ...options });
      client.on('error', () => undefined);
      await until(() => client.status === 'ready');
    };

    test('goes on over a reconnect', async () => {
      await connect();
      expect(await order(() => client.get('foo'), () => client.get('bar'), () => asked?.reset())).toEqual(IN_ORDER);
      expect(server.received.filter(({ text }) => text === 'get foo')).toHaveLength(2);
    });

    test('goes on over reconnectOnError', async () => {
      await connect({ reconnectOnError: () => 2 });
      expect(await order(() => client.get('foo'), () => client.get('bar'), () => asked?.write('-ERR again\r\n'))).toEqual(IN_ORDER);
      expect(server.received.filter(({ text }) => text === 'get foo')).toHaveLength(2);
    });

    // ioredis makes another command of it.
    if (name === 'hawser') test('goes on when a script is sent again', async () => {
      await connect({ scripts: { scripted: { lua: 'return 1', numberOfKeys: 0 } } });
      client.scripted().catch(() => undefined);
      await until(() => asked !== undefined);
      // The connection knows it.
      asked?.write(':1\r\n');
      await until(() => server.received.some(({ name: command }) => /^eval/i.test(command)));
      expect(await order(() => client.scripted(), () => client.get('bar'), () => asked?.write('-NOSCRIPT No matching script\r\n'))).toEqual(IN_ORDER);
    });
  });

  if (name === 'hawser') {
    test('says whether a server may have run the command', async () => {
      let asked: MockConnection | undefined;
      const cluster = await serve({
        slots: [[0, 16383, 0]],
        answer: ({ name: command }, _, connection) => {
          if (command !== 'incr') return undefined;
          asked = connection;
          return '-CLUSTERDOWN\r\n';
        },
      });
      const client = await ready(cluster.startNodes(), { redisOptions: { commandTimeout: 100 }, retryDelayOnClusterDown: 60_000 });
      const error = await client.incr('foo').catch((reason: unknown) => reason);
      expect([error.code, error.node, error.maybeExecuted]).toEqual(['E_TIMEOUT', cluster.nodes[0].key, undefined]);
      expect(asked).toBeDefined();
    });
  }
});
