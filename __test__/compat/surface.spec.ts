/** Members that applications and tools read besides commands, and rare options: the same on both clients. */
import * as diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import * as net from 'node:net';
import IORedis from 'ioredis';
import * as lib from '../../lib';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { compareOn, type Scenarios } from './compare';
import { observe, outcome } from './peers';

const server = serverForAll();

const compare = (scenarios: Scenarios): void => compareOn(() => server, scenarios);

describe('queues, as in ioredis:', () => {
  compare({
    'the number of waiting commands, and which they are': async (make) => {
      const r = make({ lazyConnect: true });
      const lengths = [[r.commandQueue.length, r.offlineQueue.length]];
      const early = [r.set('a', 1), r.get('a')];
      const queued = r.offlineQueue.toArray().map(({ command }: any) => [command.name, command.args]);
      const ends = [r.offlineQueue.peekFront().command.name, r.offlineQueue.peekBack().command.name, r.offlineQueue.peekAt(1).command.name];
      lengths.push([r.commandQueue.length, r.offlineQueue.length]);
      await Promise.all(early);
      const late = [r.get('a'), r.get('b'), r.get('c')];
      lengths.push([r.commandQueue.length, r.offlineQueue.length]);
      await Promise.all(late);
      lengths.push([r.commandQueue.length, r.offlineQueue.length]);
      return [lengths, queued, ends, r.offlineQueue.isEmpty()];
    },
    'a command that waits for its reply': async (make) => {
      const r = make();
      await r.ping();
      const popped = r.blpop('list', 0);
      await until(async () => (await server.info('clients')).blocked_clients === '1');
      const { command } = r.commandQueue.peekFront();
      await server.command('RPUSH', 'list', 'x');
      return [command.name, await popped, r.commandQueue.length];
    },
  });
});

describe('private members, as in ioredis:', () => {
  compare({
    _readyCheck: (make) => new Promise((resolve) => make()._readyCheck((error: unknown, info: any) => resolve([error, info.redis_mode, info.loading]))),
    'silentEmit, with and without listeners': async (make) => {
      const r = make({ lazyConnect: true });
      const heard: unknown[] = [];
      const before = r.silentEmit('custom', 1);
      r.on('custom', (value: unknown) => heard.push(value));
      return [before, r.silentEmit('custom', 2), heard];
    },
    'scriptsSet, addedBuiltinSet and retryAttempts': async (make) => {
      const r = make({ port: 1, scripts: { mine: { lua: 'return 1', numberOfKeys: 2, readOnly: true } }, retryStrategy: (times: number) => (times < 3 ? 1 : null) });
      r.addBuiltinCommand('added');
      await until(() => r.status === 'end');
      const { lua, sha, numberOfKeys, readOnly } = r.scriptsSet.mine;
      return [lua, sha, numberOfKeys, readOnly, [...r.addedBuiltinSet], r.retryAttempts];
    },
    'the connector of a client without a custom one': async (make) => {
      const r = make();
      await r.ping();
      return [r.connector.stream === r.stream, r.connector.check({}), r.connector.options === r.options];
    },
    'the default options': (_make, Redis) => [Redis.defaultOptions.port, Redis.defaultOptions.maxRetriesPerRequest],
  });
});

describe('a Connector, as in ioredis:', () => {
  const connectorOf = (over: (instance: any) => object = () => ({})): any =>
    class {
      stream: net.Socket | undefined;
      constructor(readonly options: unknown) {
        Object.assign(this, over(this));
      }
      connect(): Promise<net.Socket> {
        return Promise.resolve((this.stream = net.connect(server.port, '127.0.0.1')));
      }
      disconnect(): void {
        this.stream?.end();
      }
      check(_info: unknown): boolean {
        return true;
      }
    };

  compare({
    'is made once, with the options': async (make) => {
      let made = 0;
      const Connector = connectorOf(() => ({ number: ++made }));
      const r = make({ Connector, retryStrategy: () => 1 });
      await r.ping();
      const { connector } = r;
      const closed = once(r, 'close');
      r.stream.destroy();
      await closed;
      await r.ping();
      return [made, r.connector === connector, connector instanceof Connector, connector.options === r.options];
    },
    'may throw in its constructor': async (make) => {
      try {
        return make({ Connector: connectorOf(() => { throw new Error('no'); }) });
      } catch (error) {
        return error;
      }
    },
    'sees the INFO of each connection, and decides': async (make) => {
      const seen: unknown[] = [];
      const Connector = connectorOf(() => ({
        check(info: any) {
          seen.push([info.role, info.loading, typeof info.redis_version]);
          return seen.length > 2;
        },
      }));
      const r = make({ Connector, retryStrategy: () => 1 });
      const events: string[] = [];
      for (const event of ['connect', 'close', 'ready']) r.on(event, () => events.push(event));
      return [await r.ping(), seen, events, r.retryAttempts];
    },
    'is not asked without a ready check': async (make) => {
      const Connector = connectorOf(() => ({ check: () => false }));
      return make({ Connector, enableReadyCheck: false }).ping();
    },
    'that rejects ends the client: all commands are rejected with its error, and nothing is retried': async (make) => {
      let attempts = 0;
      const Connector = connectorOf(() => ({
        connect() {
          attempts++;
          return Promise.reject(new Error('no such service'));
        },
      }));
      const r = make({ Connector, lazyConnect: true, retryStrategy: () => 1 });
      const connected = outcome(r.connect());
      const all = await Promise.all([connected, outcome(r.get('a')), outcome(r.pipeline().get('b').exec())]);
      await until(() => r.status === 'end');
      return [all, r.events, attempts];
    },
  });
});

describe('callbacks and replies, as in ioredis:', () => {
  compare({
    'a callback is called before the reactions of its promise': async (make) => {
      const r = make();
      const log: string[] = [];
      await r.get('a', () => log.push('callback')).then(() => log.push('promise'));
      return log;
    },
    'the number of arguments of callbacks': async (make) => {
      const r = make({ lazyConnect: true });
      const counts: number[] = [];
      const count = (...args: unknown[]): number => counts.push(args.length);
      await r.connect(count);
      await r.get('a', count);
      await r.call('nosuch', count).catch(() => undefined);
      await r.pipeline().get('a', count).call('nosuch', count).exec(count);
      return counts;
    },
    'quitBuffer of a client that has nothing to send': async (make) => [await make({ lazyConnect: true }).quitBuffer(), await make().quitBuffer()],
    'reconnectOnError is told which command failed': async (make) => {
      const told: unknown[] = [];
      await outcome(make({ reconnectOnError: (error: any) => { told.push(observe(error)); return false; } }).call('nosuch', 'x'));
      return told;
    },
    'the commands of a transaction are marked, and EXEC is not': async (make) => {
      const r = make();
      await r.ping();
      const seen: unknown[] = [];
      const { sendCommand } = r;
      r.sendCommand = function (command: any, ...rest: unknown[]) {
        seen.push([command.name, command.inTransaction, command.pipelineIndex]);
        return sendCommand.call(this, command, ...rest);
      };
      await r.multi().set('a', 1).exec();
      await r.pipeline().get('a').multi().set('b', 1).exec().get('b').exec();
      await r.multi({ pipeline: false });
      await Promise.all([r.set('c', 1), r.exec()]);
      return seen;
    },
  });
});

describe('tracing, as in ioredis:', () => {
  /** Events of the application's commands. hawser's core sends the handshake, which is not traced. */
  function record(): { events: unknown[][]; stop(): unknown[][] } {
    const events: unknown[][] = [];
    const channel = diagnostics.tracingChannel<unknown, object>('ioredis:command');
    const note = (event: string) => (message: any) => {
      if (message.serverPort === server.port && !['hello', 'client', 'info'].includes(message.command)) events.push([event, message.command, message.args, message.database]);
    };
    const handlers = { start: note('start'), end: note('end'), asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd'), error: note('error') };
    channel.subscribe(handlers);
    return { events, stop: () => (channel.unsubscribe(handlers), events) };
  }

  compare({
    'a waiting command is traced when it is written': async (make) => {
      const { events, stop } = record();
      const r = make({ lazyConnect: true });
      const replies = [r.set('a', 'secret'), r.get('a')];
      const early = events.length;
      await Promise.all(replies);
      await until(() => events.length >= 8);
      return [early, stop()];
    },
    'a waiting command is traced also if nobody listened when it was issued': async (make) => {
      const reply = make().get('a');
      const { events, stop } = record();
      await reply;
      await until(() => events.length >= 4);
      return stop();
    },
    'SELECT and the commands behind it are traced in the new database': async (make) => {
      const r = make();
      await r.ping();
      const { events, stop } = record();
      await Promise.all([r.get('a'), r.select(3), r.get('a')]);
      await until(() => events.length >= 12);
      return stop();
    },
    'a command that is never written is not traced': async (make) => {
      const { stop } = record();
      const lost = make({ enableOfflineQueue: false });
      const refused = await outcome(lost.get('a'));
      const subscriber = make({ protocol: 2 });
      await subscriber.subscribe('x');
      const inMode = await outcome(subscriber.get('a'));
      subscriber.disconnect();
      await until(() => subscriber.status === 'end');
      const ended = await outcome(subscriber.get('a'));
      return [refused, inMode, ended, stop().filter(([, command]) => command === 'get')];
    },
    'an auto-pipelined command is traced when it is sent': async (make) => {
      const r = make({ enableAutoPipelining: true });
      await r.ping();
      const { events, stop } = record();
      const reply = r.get('a');
      const early = events.length;
      await reply;
      await until(() => events.length >= 4);
      return [early, stop()];
    },
  });
});

describe.each<[string, any, any]>([
  ['ioredis', IORedis, IORedis],
  ['hawser', lib.Redis, lib],
])('what %s exports', (_name, Redis, exported) => {
  test('a connector may be derived from AbstractConnector', async () => {
    class Connector extends exported.AbstractConnector {
      constructor(options: any) {
        super(options.disconnectTimeout);
      }
      connect(): Promise<net.Socket> {
        this.connecting = true;
        return Promise.resolve((this.stream = net.connect(server.port, '127.0.0.1')));
      }
    }
    const redis = new Redis({ Connector });
    expect(await redis.ping()).toBe('PONG');
    expect([redis.connector.connecting, redis.connector.check({})]).toEqual([true, true]);
    redis.disconnect();
    await until(() => redis.status === 'end' && redis.connector.stream.destroyed);
    expect(redis.connector.connecting).toBe(false);
  });

  test('AbstractConnector destroys a stream that the other side keeps open', async () => {
    const open = net.createServer({ allowHalfOpen: true }, (socket) => socket.resume().on('error', () => undefined)).listen(0, '127.0.0.1');
    await once(open, 'listening');
    class Connector extends exported.AbstractConnector {}
    const connector: any = new (Connector as any)(1);
    connector.disconnect();
    connector.stream = net.connect((open.address() as net.AddressInfo).port, '127.0.0.1');
    await once(connector.stream, 'connect');
    const closed = once(connector.stream, 'close');
    connector.disconnect();
    await closed;
    open.close();
  });

  test('SentinelIterator goes through a list and can start over', () => {
    const iterator = new exported.SentinelIterator([{ host: 'a', port: 1 }, { port: 2 }]);
    expect([iterator.next(), iterator.add({ host: 'a', port: 1 }), iterator.add({ host: '127.0.0.1', port: 2 }), iterator.add({ host: 'c' })]).toEqual([
      { done: false, value: { host: 'a', port: 1 } }, false, false, true,
    ]);
    expect(iterator.add({ host: 'c', port: 26379 })).toBe(false);
    iterator.next();
    iterator.reset(true);
    expect(String(iterator)).toBe('[{"port":2},{"host":"c"},{"host":"a","port":1}] @0');
    const rest = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    expect(rest.map(({ done, value }) => [done, value?.host])).toEqual([[false, undefined], [false, 'c'], [false, 'a'], [true, undefined]]);
    iterator.reset(false);
    expect(iterator.next().value).toEqual({ port: 2 });
  });

  test('print shows the kind of an error', () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    exported.print(new TypeError('x'));
    exported.print(null, [1, 2]);
    const printed = log.mock.calls.flat();
    log.mockRestore();
    expect(printed).toEqual(['Error: TypeError: x', 'Reply: 1,2']);
  });
});
