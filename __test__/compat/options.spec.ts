/** Options for time-outs, stacks and tracing. */
import * as diagnostics from 'node:diagnostics_channel';
import * as net from 'node:net';
import { endsWithTest, serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { observe, outcome, peers } from './peers';

const server = serverForAll();
beforeEach(() => server.command('FLUSHALL'));

describe.each(peers)('$name', ({ Redis }) => {
  const ends = endsWithTest();
  const make = (options: object = {}): any => {
    const redis = ends(new Redis({ port: server.port, ...options }));
    redis.on('error', () => undefined);
    return redis;
  };

  describe('blockingTimeout', () => {
    test('a blocking command resolves null after its own time and the grace', async () => {
      const redis = make({ blockingTimeout: 5000, blockingTimeoutGrace: 20 });
      await redis.ping();
      await server.command('CLIENT', 'PAUSE', 400, 'ALL');
      expect(await redis.blpop('none', 0.03)).toBeNull();
      await server.command('CLIENT', 'UNPAUSE');
      expect(await redis.echo('next')).toBe('next');
    });

    test('a command without a time-out resolves null after blockingTimeout, and so does one that waits for a connection', async () => {
      const redis = make({ blockingTimeout: 60 });
      await redis.ping();
      expect(await redis.bzpopmin('none', 0)).toBeNull();
      const lost = make({ port: 1, host: '127.0.0.1', blockingTimeout: 60, retryStrategy: () => 10, maxRetriesPerRequest: null });
      expect(await lost.xread('BLOCK', 0, 'STREAMS', 's', '$')).toBeNull();
    });

    test('a reply in time is resolved', async () => {
      const redis = make({ blockingTimeout: 5000 });
      const popped = redis.blpop('list', 0);
      await until(async () => (await server.info('clients')).blocked_clients === '1');
      await server.command('RPUSH', 'list', 'x');
      expect(await popped).toEqual(['list', 'x']);
    });
  });

  describe('socketTimeout', () => {
    test('the connection of a silent server is closed with an error while replies are due', async () => {
      const silent = net.createServer((socket) => {
        socket.on('error', () => undefined);
        // Answers the handshake, then nothing.
        socket.on('data', (data) => socket.write('+OK\r\n'.repeat(data.toString().match(/\r\n(hello|client|info)\r\n/g)?.length ?? 0)));
      });
      await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
      const redis = make({ port: (silent.address() as net.AddressInfo).port, host: '127.0.0.1', socketTimeout: 60, retryStrategy: null });
      const error = new Promise<Error>((resolve) => redis.once('error', resolve));
      const lost = outcome(redis.get('a'));
      expect((await error).message).toBe("Socket timeout. Expecting data, but didn't receive any in 60ms.");
      expect(await lost).toEqual({ error: 'Error', message: 'Connection is closed.' });
      silent.close();
    });

    test('an idle connection stays open', async () => {
      const redis = make({ socketTimeout: 30 });
      await redis.ping();
      const { stream } = redis;
      await until(() => false, { deadlineMs: 120 }).catch(() => undefined);
      expect(await redis.ping()).toBe('PONG');
      expect(redis.stream).toBe(stream);
    });
  });

  test('showFriendlyErrorStack appends the stack of the call to the message', async () => {
    const redis = make({ showFriendlyErrorStack: true });
    const theCaller = (): Promise<unknown> => redis.call('nosuch');
    const inPipeline = (): Promise<unknown> => redis.pipeline().call('nosuch').exec();
    const error: Error = await theCaller().catch((e: Error) => e) as Error;
    const lines = error.stack?.split('\n') ?? [];
    expect(lines[0]).toMatch(/ReplyError: ERR unknown command/);
    expect(lines[1]).toContain('theCaller');
    expect(((await inPipeline()) as Error[][])[0]?.[0]?.stack).toContain('inPipeline');
  });

  describe('tracing channels', () => {
    function record(name: string): { events: unknown[]; stop(): void } {
      const events: unknown[] = [];
      const channel = diagnostics.tracingChannel<unknown, object>(name);
      const note = (event: string) => (message: any) => {
        const { serverPort, connectionEpoch: _, ...rest } = message;
        if (serverPort === server.port) events.push([event, observe(rest)]);
      };
      const handlers = { start: note('start'), end: note('end'), asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd'), error: note('error') };
      channel.subscribe(handlers);
      return { events, stop: () => channel.unsubscribe(handlers) };
    }

    test('each command is traced once, with its secrets hidden', async () => {
      const redis = make();
      await redis.ping();
      const { events, stop } = record('ioredis:command');
      await redis.set('key', 'secret', 'EX', 10);
      await redis.call('nosuch', 'x').catch(() => undefined);
      await redis.pipeline().get('a').hset('h', 'f', 'v').exec();
      await until(() => events.filter(([event]: any) => event === 'asyncEnd').length === 4);
      stop();
      await redis.get('untraced');
      const starts = events.filter(([event]: any) => event === 'start').map(([, context]: any) => [context.command, context.args, context.database, context.serverAddress]);
      expect(starts).toEqual([
        ['set', ['key', '?', '?', '?'], 0, 'localhost'], ['nosuch', ['?'], 0, 'localhost'], ['get', ['a'], 0, 'localhost'], ['hset', ['h', 'f', '?'], 0, 'localhost'],
      ]);
      expect(events.filter(([event]: any) => event === 'error').map(([, context]: any) => context.command)).toEqual(['nosuch']);
    });

    test('transactions and connections are traced', async () => {
      const batches = record('ioredis:batch');
      const connects = record('ioredis:connect');
      const redis = make();
      await redis.multi().set('a', 1).get('a').exec();
      await until(() => connects.events.length >= 4 && batches.events.length >= 4);
      batches.stop();
      connects.stop();
      expect(batches.events[0]).toEqual(['start', { batchMode: 'MULTI', batchSize: 2, database: 0, serverAddress: 'localhost' }]);
      expect(connects.events[0]).toEqual(['start', { serverAddress: 'localhost' }]);
      expect(connects.events.map(([event]: any) => event)).toEqual(['start', 'end', 'asyncStart', 'asyncEnd']);
    });
  });
});
