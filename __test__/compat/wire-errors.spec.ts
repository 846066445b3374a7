/** Error replies and what a client does about them: READONLY and the like, forgotten scripts, transactions that do not run. */
import { createHash } from 'node:crypto';
import { serverForAll } from '../helpers/lifetimes';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { array, bulk, type Handler, type MockServer, type Received } from './mock-server';
import { peers } from './peers';
import { events, readyOn, result, session } from './session';

const HANDSHAKE = ['hello', 'client', 'info'];
const READONLY = "READONLY You can't write against a read only replica.";
const EXECABORT = 'EXECABORT Transaction discarded because of previous errors.';
const NOSCRIPT = 'NOSCRIPT No matching script. Please use EVAL.';

/** The user's commands that a connection received. */
const users = (server: MockServer, connection: number): string[] =>
  server.received.filter((command) => command.connection === connection && !HANDSHAKE.includes(command.name)).map(({ text }) => text);

describe.each(peers)('$name', ({ name: peer, Redis }) => {
  const { serve, connect, ready } = session(Redis);
  const isHawser = peer === 'hawser';

  describe('reconnectOnError', () => {
    /** The first connection leads to a replica, which does not answer `silent` commands. */
    const replica = (...silent: string[]): Handler => ({ name, connection }) => {
      if (connection > 1 || HANDSHAKE.includes(name)) return undefined;
      return name === 'set' ? `-${READONLY}\r\n` : silent.includes(name) ? null : undefined;
    };
    const onReadOnly = (verdict: unknown) => (error: Error) => (error.message.startsWith('READONLY') ? verdict : false);
    const comeback = ['close/reconnecting', 'reconnecting/reconnecting', 'connecting/connecting', 'connect/connect', 'ready/ready'];

    test.each([[true], [1]])('%p: the command is rejected, and the client reconnects', async (verdict) => {
      const server = await serve(replica());
      const redis = await ready(server, { reconnectOnError: onReadOnly(verdict) });
      const seen = events(redis);
      const outcomes = [redis.get('a'), redis.set('b', 1), redis.get('c')].map(result);
      expect(await Promise.all(outcomes)).toEqual(['OK', `ReplyError: ${READONLY}`, 'OK']);
      await readyOn(redis, server, 2);
      expect(await redis.set('d', 1)).toBe('OK');
      expect(users(server, 2)).toEqual(['set d 1']);
      expect(seen).toEqual(comeback);
    });

    test('2: the command is sent again, alone', async () => {
      const server = await serve(replica());
      const redis = await ready(server, { reconnectOnError: onReadOnly(2) });
      const seen = events(redis);
      const outcomes = [redis.get('a'), redis.set('b', 1), redis.get('c'), redis.pipeline().get('d').set('e', 1).get('f').exec()].map(result);
      expect(await Promise.all(outcomes)).toEqual(['OK', 'OK', 'OK', [[null, 'OK'], [null, 'OK'], [null, 'OK']]]);
      expect(users(server, 2)).toEqual(['set b 1', 'set e 1']);
      expect(seen).toEqual(comeback);
    });

    test('2: the command is sent after the commands that the connection had not answered', async () => {
      const server = await serve(replica('get'));
      const redis = await ready(server, { reconnectOnError: onReadOnly(2) });
      expect(await Promise.all([redis.set('a', 1), redis.get('b'), redis.get('c')])).toEqual(['OK', 'OK', 'OK']);
      expect(users(server, 2)).toEqual(['get b', 'get c', 'set a 1']);
    });

    test('2: the command is sent again until it is answered', async () => {
      const server = await serve(({ name, connection }) => (name === 'set' && connection < 4 ? `-${READONLY}\r\n` : undefined));
      const redis = await ready(server, { reconnectOnError: onReadOnly(2) });
      expect(await redis.set('a', 1)).toBe('OK');
      expect(server.connections).toHaveLength(4);
    });

    test('2: the command is sent in the database for which it was issued', async () => {
      const server = await serve(replica());
      const redis = await ready(server, { reconnectOnError: onReadOnly(2) });
      const issued = [redis.select(1), redis.set('a', 'in 1'), redis.select(2), redis.get('b')];
      expect(await Promise.all(issued)).toEqual(['OK', 'OK', 'OK', 'OK']);
      expect(await redis.get('c')).toBe('OK');
      // ioredis stays in the other database.
      const sent = isHawser ? ['select 1', 'set a in 1', 'select 2', 'get c'] : ['select 1', 'set a in 1', 'get c'];
      expect(users(server, 2).slice(-sent.length)).toEqual(sent);
    });

    test('2: no part of a transaction is sent again', async () => {
      const server = await serve((command, socket) => {
        if (command.connection > 1) return undefined;
        if (command.name === 'exec') return `-${EXECABORT}\r\n`;
        return command.name === 'get' ? '+QUEUED\r\n' : replica()(command, socket);
      });
      const redis = await ready(server, { reconnectOnError: () => 2 });
      const error = await redis.multi().get('a').set('b', 1).get('c').exec().catch((thrown: unknown) => thrown);
      // ioredis rejects with the end of the connection.
      expect([error.name, error.message]).toEqual(isHawser ? ['ReplyError', EXECABORT] : ['AbortError', 'Command aborted due to connection close']);
      expect(error.previousErrors.map((previous: any) => [previous.name, previous.command.name])).toEqual([[isHawser ? 'ReplyError' : 'AbortError', 'set']]);
      await readyOn(redis, server, 2);
      await redis.ping();
      expect(users(server, 2)).toEqual(['ping']);
    });

    test.each([[false], [0], [null], [undefined], ['yes']])('%p: the command is rejected, and nothing else happens', async (verdict) => {
      const server = await serve(replica());
      const redis = await ready(server, { reconnectOnError: onReadOnly(verdict) });
      expect(await result(redis.set('a', 1))).toBe(`ReplyError: ${READONLY}`);
      expect(await redis.get('b')).toBe('OK');
      expect(server.connections).toHaveLength(1);
    });

    test('is called with the error, but not for the handshake or CLIENT', async () => {
      const server = await serve(({ name, args }) => (name === 'select' || name === 'client' || args[0] === 'bad' ? '-ERR no\r\n' : undefined));
      const asked: unknown[] = [];
      const redis = await ready(server, {
        db: 1,
        connectionName: 'me',
        reconnectOnError: (error: Error) => {
          asked.push([error.name, error.message, error instanceof Error]);
          return false;
        },
      });
      await result(redis.client('LIST'));
      expect(asked).toEqual([]);
      await result(redis.get('bad'));
      expect(asked).toEqual([['ReplyError', 'ERR no', true]]);
    });

    test('2, on a real replica that becomes a master', async () => {
      const server = await RedisServer.start();
      try {
        await server.command('REPLICAOF', '127.0.0.1', '1');
        let refusals = 0;
        const redis = await ready(server, {
          reconnectOnError: (error: Error) => {
            if (!error.message.startsWith('READONLY')) return false;
            if (++refusals === 2) void server.command('REPLICAOF', 'NO', 'ONE');
            return 2;
          },
        });
        expect(await redis.pipeline().get('a').set('a', 'written').get('a').exec()).toEqual([[null, null], [null, 'OK'], [null, null]]);
        expect(await redis.get('a')).toBe('written');
        expect(refusals).toBeGreaterThanOrEqual(2);
        redis.disconnect();
      } finally {
        await server.stop();
      }
    });
  });

  describe('scripts', () => {
    const lua = 'return {KEYS[1], ARGV[1]}';
    const sha = createHash('sha1').update(lua).digest('hex');
    /** A server that knows a script from its EVAL until `forget`. */
    const interpreter = (): { handler: Handler; forget: () => void } => {
      let knows = false;
      const run = ({ name, args }: Received): string | undefined => {
        if (name === 'evalsha') return knows ? bulk(`sha ${args[2] ?? ''}`) : `-${NOSCRIPT}\r\n`;
        if (name !== 'eval') return undefined;
        knows = true;
        return bulk(`source ${args[2] ?? ''}`);
      };
      return { handler: run, forget: () => (knows = false) };
    };
    /** The commands without hash and source. */
    const short = (texts: string[]): string[] => texts.map((text) => text.replace(/^(evalsha) [0-9a-f]{40}/, '$1').replace(`eval ${lua}`, 'eval'));
    const define = (redis: any): void => redis.defineCommand('two', { lua, numberOfKeys: 1 });

    test('the source is sent first, then its hash, and the source again if the server forgot it', async () => {
      const { handler, forget } = interpreter();
      const server = await serve(handler);
      const redis = await ready(server);
      define(redis);
      expect([await redis.two('a', 1), await redis.two('b', 1)]).toEqual(['source a', 'sha b']);
      forget();
      expect([await redis.two('c', 1), await redis.two('d', 1)]).toEqual(['source c', 'sha d']);
      expect(short(users(server, 1))).toEqual(['eval 1 a 1', 'evalsha 1 b 1', 'evalsha 1 c 1', 'eval 1 c 1', 'evalsha 1 d 1']);
      expect([...new Set(server.received.filter(({ name }) => name === 'evalsha').map(({ args }) => args[0]))]).toEqual([sha]);
    });

    test('in a pipeline', async () => {
      const { handler, forget } = interpreter();
      const server = await serve(handler);
      const redis = await ready(server);
      define(redis);
      expect(await redis.pipeline().two('a', 1).get('x').two('b', 1).exec()).toEqual([[null, 'source a'], [null, 'OK'], [null, 'sha b']]);
      forget();
      expect(await redis.pipeline().two('c', 1).get('y').exec()).toEqual([[null, 'source c'], [null, 'OK']]);
      expect(short(users(server, 1))).toEqual(['eval 1 a 1', 'get x', 'evalsha 1 b 1', 'evalsha 1 c 1', 'get y', 'eval 1 c 1']);
    });

    test('in a transaction no extra command is sent', async () => {
      const server = await serve(({ name }) => {
        if (name === 'exec') return array(`-${NOSCRIPT}\r\n`, bulk('x'));
        return name === 'eval' || name === 'evalsha' || name === 'get' ? '+QUEUED\r\n' : undefined;
      });
      const redis = await ready(server);
      define(redis);
      for (const spelling of ['eval', 'evalsha']) {
        expect(await result(redis.multi().two('a', 1).get('x').exec())).toEqual([[`ReplyError: ${NOSCRIPT}`], [null, 'x']]);
        expect(short(users(server, 1)).slice(-4)).toEqual(['multi', `${spelling} 1 a 1`, 'get x', 'exec']);
      }
    });

    test('each connection gets the source', async () => {
      const { handler } = interpreter();
      const server = await serve(handler);
      const redis = await ready(server);
      define(redis);
      await redis.two('a', 1);
      server.connections[0]?.reset();
      await readyOn(redis, server, 2);
      expect([await redis.two('b', 1), await redis.two('c', 1)]).toEqual(['source b', 'sha c']);
      expect(short(users(server, 2))).toEqual(['eval 1 b 1', 'evalsha 1 c 1']);
    });

    test('each connection gets the source, also with calls that waited for it', async () => {
      const { handler } = interpreter();
      const server = await serve(handler);
      const redis = await ready(server);
      define(redis);
      await redis.two('a', 1);
      const issued = new Promise<unknown[]>((resolve) => {
        redis.once('reconnecting', () => resolve(Promise.all([redis.multi().two('b', 1).exec(), redis.two('c', 1)])));
      });
      server.connections[0]?.reset();
      await issued;
      expect(short(users(server, 2))).toEqual(['multi', 'eval 1 b 1', 'exec', 'evalsha 1 c 1']);
    });

    test('each connection gets the source, also with calls that are sent again', async () => {
      const { handler } = interpreter();
      let silent = false;
      const server = await serve((command, socket) => (silent && command.connection === 1 ? null : handler(command, socket)));
      const redis = await ready(server);
      define(redis);
      await redis.two('a', 1);
      silent = true;
      const issued = Promise.all([redis.multi().two('b', 1).exec(), redis.two('c', 1), redis.pipeline().two('d', 1).exec()]);
      await until(() => users(server, 1).length === 6);
      server.connections[0]?.reset();
      await issued;
      expect(short(users(server, 2))).toEqual(['multi', 'eval 1 b 1', 'exec', 'evalsha 1 c 1', 'evalsha 1 d 1']);
    });

    test('run in the database for which the call was issued', async () => {
      const { handler, forget } = interpreter();
      const server = await serve(handler);
      const redis = await ready(server);
      define(redis);
      await redis.two('a', 1);
      forget();
      await Promise.all([redis.select(1), redis.two('b', 1), redis.select(2)]);
      await redis.get('x');
      const sent = ['select 1', 'evalsha 1 b 1', 'select 2'];
      // ioredis runs it in the wrong database.
      expect(short(users(server, 1)).slice(1)).toEqual(isHawser ? [...sent, 'select 1', 'eval 1 b 1', 'select 2', 'get x'] : [...sent, 'eval 1 b 1', 'get x']);
    });

    describe('on a real server', () => {
      const server = serverForAll();

      const pushes = { lua: 'return redis.call("RPUSH", KEYS[1], ARGV[1])', numberOfKeys: 1 };
      const setUp = async (): Promise<any> => {
        await server.command('FLUSHALL');
        // A server may take long to start.
        const redis = await ready(server, { maxRetriesPerRequest: null });
        redis.defineCommand('push', pushes);
        expect(await redis.push('list', 'before')).toBe(1);
        return redis;
      };

      test('after SCRIPT FLUSH', async () => {
        const redis = await setUp();
        await server.command('SCRIPT', 'FLUSH');
        expect(await redis.push('list', 'one')).toBe(2);
        await server.command('SCRIPT', 'FLUSH');
        expect(await redis.pipeline().push('list', 'two').push('list', 'three').exec()).toEqual([[null, 3], [null, 4]]);
        await server.command('SCRIPT', 'FLUSH');
        expect(await result(redis.multi().push('list', 'lost').llen('list').exec())).toEqual([[expect.stringMatching(/^ReplyError: NOSCRIPT/)], [null, 4]]);
        expect(await redis.push('list', 'four')).toBe(5);
        expect(await redis.multi().push('list', 'five').exec()).toEqual([[null, 6]]);
        expect(await redis.lrange('list', 0, -1)).toEqual(['before', 'one', 'two', 'three', 'four', 'five']);
      });

      test.each([
        ['a call', (r: any) => r.push('list', 'x'), 1],
        ['a pipeline', (r: any) => r.pipeline().push('list', 'x').exec(), [[null, 1]]],
        ['a transaction', (r: any) => r.multi().push('list', 'x').exec(), [[null, 1]]],
      ])('%s after a restart', async (_, call, expected) => {
        const redis = await setUp();
        await server.restart();
        await until(async () => (await server.clientIds()).length === 1 && redis.status === 'ready');
        expect(await call(redis)).toEqual(expected);
      });

      test.each([
        ['a call', (r: any) => r.push('list', 'x'), 1],
        ['a pipeline', (r: any) => r.pipeline().push('list', 'x').exec(), [[null, 1]]],
        ['a transaction', (r: any) => r.multi().push('list', 'x').exec(), [[null, 1]]],
      ])('%s while the server is away', async (_, call, expected) => {
        const redis = await setUp();
        await server.kill();
        await until(() => redis.status !== 'ready');
        const issued = result(call(redis));
        await server.launch();
        expect(await issued).toEqual(expected);
      });

      test('calls that are in flight when the server dies', async () => {
        const redis = await setUp();
        server.freeze();
        const before = redis.stream.bytesWritten;
        const issued = [redis.multi().push('list', 'a').exec(), redis.push('list', 'b'), redis.pipeline().push('list', 'c').exec()].map(result);
        await until(() => redis.stream.bytesWritten > before && redis.stream.writableLength === 0);
        await server.kill();
        await server.launch();
        expect(await Promise.all(issued)).toEqual([[[null, 1]], 2, [[null, 3]]]);
        expect(await redis.lrange('list', 0, -1)).toEqual(['a', 'b', 'c']);
      });
    });
  });

  describe('transactions', () => {
    const queued = (exec: string, refused = ''): Handler => ({ name }) => {
      if (name === 'exec') return exec;
      if (name === refused) return '-ERR no\r\n';
      return name === 'get' || name === 'set' ? '+QUEUED\r\n' : undefined;
    };

    test.each([['RESP2', '*-1\r\n'], ['a bulk', '$-1\r\n'], ['RESP3', '_\r\n']])('a null of %s as the answer to EXEC means that a WATCH aborted the transaction', async (_, reply) => {
      const server = await serve(queued(reply));
      const redis = await ready(server);
      expect(await redis.multi().get('a').set('b', 1).exec()).toBeNull();
      expect(await redis.pipeline().multi().get('a').exec().get('c').exec()).toEqual([[null, 'OK'], [null, 'QUEUED'], [null, null], [null, 'QUEUED']]);
      await redis.multi({ pipeline: false });
      expect([await redis.get('a'), await redis.exec()]).toEqual(['QUEUED', null]);
      expect(await new Promise((resolve) => redis.multi().get('a').exec((...args: unknown[]) => resolve(args)))).toEqual([null, null]);
    });

    test('EXECABORT has the errors of the refused commands', async () => {
      const server = await serve(queued(`-${EXECABORT}\r\n`, 'set'));
      const redis = await ready(server);
      const error = await redis.multi().get('a').set('b', 1).exec().catch((thrown: unknown) => thrown);
      expect([error.name, error.message, error.command]).toEqual(['ReplyError', EXECABORT, { name: 'exec', args: [] }]);
      expect(error.previousErrors.map((previous: any) => [previous.message, previous.command])).toEqual([['ERR no', { name: 'set', args: ['b', '1'] }]]);
      expect(await result(redis.pipeline().multi().set('b', 1).exec().exec())).toEqual([[null, 'OK'], ['ReplyError: ERR no'], [`ReplyError: ${EXECABORT}`]]);
      expect(await redis.ping()).toBe('OK');
    });

    test('MULTI is refused', async () => {
      const server = await serve(({ name }) => (name === 'multi' ? '-ERR no\r\n' : name === 'exec' ? '-ERR EXEC without MULTI\r\n' : undefined));
      const redis = await ready(server);
      const error = await redis.multi().get('a').exec().catch((thrown: unknown) => thrown);
      expect([error.message, error.previousErrors.map((previous: any) => previous.message)]).toEqual(['ERR EXEC without MULTI', ['ERR no']]);
      expect(await redis.get('b')).toBe('OK');
      expect(users(server, 1)).toEqual(['multi', 'get a', 'exec', 'get b']);
    });

    test('errors among the replies of EXEC', async () => {
      const server = await serve(queued(array(bulk('x'), '-WRONGTYPE no\r\n', bulk('y'))));
      const redis = await ready(server);
      expect(await result(redis.multi().get('a').set('b', 1).get('c').exec())).toEqual([[null, 'x'], ['ReplyError: WRONGTYPE no'], [null, 'y']]);
    });

    test('tools see the name of each command, whether it is in a transaction, and its index', async () => {
      const server = await serve(queued(array(bulk('x'), bulk('y'))));
      const redis = await ready(server);
      const seen: unknown[] = [];
      const send = redis.sendCommand;
      redis.sendCommand = function (this: unknown, command: any, ...rest: unknown[]) {
        seen.push([command.name, command.inTransaction, command.pipelineIndex]);
        return send.call(this, command, ...rest);
      };
      await redis.multi().get('a').set('b', 1).exec();
      expect(seen.splice(0)).toEqual([['multi', true, 0], ['get', true, 1], ['set', true, 2], ['exec', false, 3]]);
      await redis.pipeline().get('z').multi().get('a').set('b', 1).exec().get('c').exec();
      expect(seen.splice(0)).toEqual([['get', false, 0], ['multi', true, 1], ['get', true, 2], ['set', true, 3], ['exec', false, 4], ['get', false, 5]]);
      await redis.multi({ pipeline: false });
      await redis.get('a');
      await redis.exec();
      expect(seen.splice(0)).toEqual([['multi', false, undefined], ['get', false, undefined], ['exec', false, undefined]]);
    });
  });

  test('NOAUTH rejects only its command', async () => {
    const server = await serve(({ name }) => (name === 'get' ? '-NOAUTH Authentication required.\r\n' : undefined));
    const redis = connect(server);
    const seen = events(redis);
    expect(await result(redis.get('a'))).toBe('ReplyError: NOAUTH Authentication required.');
    expect(await redis.set('a', 1)).toBe('OK');
    expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'ready/ready']);
  });
});
