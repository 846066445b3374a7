/** Undocumented habits of applications work the same on both clients. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { once } from 'node:events';
import * as net from 'node:net';
import { Duplex } from 'node:stream';
import IORedis from 'ioredis';
import { Redis as HawserRedis } from '../../lib';
import { hasShards } from '../helpers/redis-server';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { compareOn, type Scenarios } from './compare';
import { outcome } from './peers';

const server = serverForAll();
const compare = (scenarios: Scenarios): void => compareOn(() => server, scenarios);

const endings: [string, (redis: any) => unknown][] = [
  ['disconnect', (redis) => redis.disconnect()],
  ['quit', (redis) => redis.quit()],
  ['a retryStrategy without a delay', (redis) => redis.stream.destroy()],
];

/** Ends the client and connects it again. */
async function reconnect(redis: any, how: (redis: any) => unknown): Promise<void> {
  redis.options.retryStrategy = null;
  const ended = once(redis, 'end');
  await how(redis);
  await ended;
  await redis.connect();
}

describe.each(endings)('connect() after %s', (_name, how) => {
  compare({
    'is in the database that was selected': async (make) => {
      const r = make();
      await r.select(3);
      await reconnect(r, how);
      await r.set('a', 1);
      return [await make({ db: 3 }).get('a'), r.options.db];
    },
    'resubscribes': async (make) => {
      const heard: unknown[] = [];
      const r = make();
      for (const kind of ['message', 'pmessage', 'smessage']) r.on(kind, (...args: unknown[]) => heard.push([kind, ...args]));
      await Promise.all([r.subscribe('a'), r.psubscribe('a*'), ...(hasShards() ? [r.ssubscribe('s')] : [])]);
      await reconnect(r, how);
      const publisher = make();
      await until(async () => (await publisher.publish('a', 'x')) === 2);
      if (hasShards()) await until(async () => (await publisher.spublish('s', 'y')) === 1);
      await until(() => heard.length >= (hasShards() ? 3 : 2));
      return [...new Set(heard.map(String))].sort();
    },
    'has left its former mode': async (make) => {
      const r = make({ autoResubscribe: false, protocol: 2 });
      await r.subscribe('a');
      await reconnect(r, how);
      return [r.mode, await r.get('a')];
    },
    'does not resubscribe where it should not': async (make) => {
      const r = make({ autoResubscribe: false });
      await r.subscribe('a');
      await reconnect(r, how);
      return [await r.publish('a', 'x'), r.mode];
    },
  });
});

describe('life', () => {
  compare({
    'the count of attempts continues when an ended client connects again': async (make) => {
      const seen: number[] = [];
      const r = make({ port: 1, lazyConnect: true, retryStrategy: (times: number) => (seen.push(times), times % 3 === 0 ? null : 1) });
      for (let n = 0; n < 2; n++) {
        const ended = new Promise((resolve) => r.once('end', resolve));
        await r.connect().catch(() => undefined);
        await ended;
      }
      return seen;
    },
    'a connection that the application ended is not a failed attempt': async (make) => {
      const seen: number[] = [];
      const r = make({ retryStrategy: (times: number) => (seen.push(times), times === 2 ? null : 1) });
      await r.ping();
      const ended = (): Promise<unknown> => new Promise((resolve) => r.once('end', resolve));
      const first = ended();
      r.disconnect();
      await first;
      const attempts = r.retryAttempts;
      r.options.port = 1;
      const second = ended();
      await r.connect().catch(() => undefined);
      await second;
      return [attempts, seen];
    },
    'a SELECT that was never sent changes nothing': async (make) => {
      const silent = net.createServer().listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const r = make({ port: (silent.address() as net.AddressInfo).port });
      const selected = outcome(r.select(3));
      const ended = new Promise((resolve) => r.once('end', resolve));
      r.disconnect();
      await ended;
      silent.close();
      r.options.port = server.port;
      await r.connect();
      await r.set('a', 1);
      return [await selected, await make().get('a')];
    },
    'disconnect(true) connects a client in status wait': async (make) => {
      const r = make({ lazyConnect: true, retryStrategy: () => 1 });
      const ready = once(r, 'ready');
      r.disconnect(true);
      await ready;
      return [await r.ping(), r.status];
    },
    'strategies are methods of the options': async (make) => {
      const seen: unknown[] = [];
      const r = make({
        limit: 7,
        retryStrategy(this: any) {
          seen.push(['retry', this?.limit]);
          return 1;
        },
        reconnectOnError(this: any) {
          seen.push(['error', this?.limit]);
          return false;
        },
      });
      await outcome(r.call('nope'));
      r.disconnect(true);
      await once(r, 'ready');
      return seen;
    },
    'handshake commands at connect, without an offline queue': async (make) => {
      const r = make({ enableOfflineQueue: false });
      const named = new Promise((resolve) => {
        r.once('connect', () => resolve(Promise.all([r.client('SETNAME', 'x'), r.select(2)])));
      });
      const refused = await outcome(r.get('a'));
      await once(r, 'ready');
      return [refused, await named, await r.client('GETNAME'), await outcome(r.set('a', 1)), await make({ db: 2 }).get('a')];
    },
    'a client of monitor() is ready, then monitoring': async (make) => {
      const r = make({ monitor: true });
      const seen: string[] = [];
      for (const name of ['connect', 'ready', 'monitoring']) r.on(name, () => seen.push(name));
      await once(r, 'monitoring');
      return seen;
    },
  });
});

describe('options', () => {
  const ping = async (make: any, options: object): Promise<unknown> => outcome(make(options).ping());
  compare({
    'falsy values of tls': async (make) => Promise.all([null, '', 0, false, undefined].map((tls) => ping(make, { tls }))),
    'falsy credentials': async (make) =>
      Promise.all(['username', 'password', 'connectionName'].flatMap((name) => [null, '', 0, false].map((value) => ping(make, { [name]: value })))),
    'a falsy connection name is not set': async (make) => Promise.all([0, false, ''].map((connectionName) => make({ connectionName }).client('GETNAME'))),
    'inherited options': async (_make, Redis) => {
      const r = new Redis(Object.assign(Object.create({ keyPrefix: 'pre:', db: 3 }), { lazyConnect: true }));
      const found = [r.options.keyPrefix, r.options.db];
      r.disconnect();
      return found;
    },
    'a number sets the port, even after an object': async (_make, Redis) =>
      [[{ port: 7, lazyConnect: true }, 8], ['7', 8, { lazyConnect: true }]].map((args) => {
        const r = new Redis(...args);
        r.disconnect();
        return r.options.port;
      }),
    'a path is a file name': async (_make, Redis) =>
      ['/tmp/a%20b.sock?lazyConnect=1', '/tmp/a.sock?lazyConnect=1&db=2&path=/b'].map((path) => {
        const r = new Redis(path);
        r.disconnect();
        return [r.options.path, r.options.db];
      }),
    'two clients of one options object': async (make) => {
      const [a, b] = [make({ keyPrefix: 'p:' }), make({ keyPrefix: 'q:' })];
      b.options = a.options;
      await Promise.all([a.set('a', 1), b.set('b', 1)]);
      b.options.keyPrefix = 's:';
      await Promise.all([a.set('a', 1), b.set('b', 1)]);
      return (await make().keys('*')).sort();
    },
    'a key prefix that is not text': async (make) => {
      await make({ keyPrefix: 42 }).set('a', 1);
      return make().keys('*');
    },
    'scan streams without a pattern, a type, a count': async (make) => {
      const r = make();
      await r.mset({ a: 1, b: 2 });
      const all = async (options: object): Promise<unknown> => {
        const keys: string[] = [];
        for await (const page of r.scanStream(options)) keys.push(...page);
        return keys.sort();
      };
      return Promise.all([{ match: '' }, { match: null }, { type: '' }, { type: null }, { count: 0 }, { count: null }, { match: 'a' }].map(all));
    },
  });
});

describe('names', () => {
  const NAMES = ['put', 'send', 'transform', 'queue', 'link', 'lifecycle', 'life', 'options2', 'settledBy', 'isSpent', 'place', 'trace'];
  compare({
    'scripts of any name': async (make) => {
      const r = make();
      await r.ping();
      for (const name of NAMES) r.defineCommand(name, { lua: 'return ARGV[1]', numberOfKeys: 0 });
      const own = await Promise.all(NAMES.map((name) => r[name](name)));
      const chain = r.pipeline().set('a', 1);
      for (const name of ['put', 'queue', 'settledBy']) chain[name](name);
      return [own, await chain.exec(), await r.multi().put('x').get('a').exec(), await r.select(1), await r.get('a')];
    },
    'an invalid number of keys': async (make) => {
      const r = make();
      r.defineCommand('nulled', { lua: 'return {KEYS, ARGV}', numberOfKeys: null });
      r.defineCommand('text', { lua: 'return {KEYS, ARGV}', numberOfKeys: '1' });
      return [await r.nulled(1, 'a', 'b'), await r.text(1, 'a', 'b')];
    },
    'a subclass with its own fields': async (_make, Redis) => {
      class Client extends (Redis as new (...args: unknown[]) => any) {
        link = 'http://x';
        lifecycle = 'short';
        resolved = true;
        queue = [1];
        slowPath = 1;
      }
      const r: any = new Client(server.port, '127.0.0.1');
      const found = [await r.set('a', 1), await r.pipeline().get('a').exec(), r.link, r.queue, r.duplicate({ lazyConnect: true }).options.port === server.port];
      r.disconnect();
      return found;
    },
    'for ... in finds commands': async (make) => {
      const names: string[] = [];
      for (const name in make({ lazyConnect: true })) names.push(name);
      return ['get', 'setBuffer', 'hgetall', 'call'].map((name) => names.includes(name));
    },
    'a client in JSON': async (make) => {
      const r = make({ password: null });
      await r.ping();
      return typeof JSON.stringify({ connection: r, pipeline: Object.keys(r.pipeline().get('a')).length > 0 });
    },
    'a command that a wrapper renames': async (_make, Redis) => {
      class Renaming extends (Redis as new (...args: unknown[]) => any) {
        sendCommand(command: any, ...rest: unknown[]): unknown {
          if (command.name === 'keys') Object.assign(command, { name: 'dbsize', args: [] });
          return super.sendCommand(command, ...rest);
        }
      }
      const r: any = new Renaming(server.port, '127.0.0.1');
      const found = [await r.keys('*'), await r.pipeline().keys('*').exec()];
      r.disconnect();
      return found;
    },
    'call() with an invalid name': async (make) => {
      const r = make();
      const kindOf = (name: unknown): string => {
        try {
          r.call(name).catch(() => undefined);
          return 'sent';
        } catch (error) {
          return (error as Error).name;
        }
      };
      return [undefined, null, 5, ['get', 'a'], 'ping'].map(kindOf);
    },
    'a reply transformer that is not a function': async (_make, Redis) => {
      Redis.Command.setReplyTransformer('getset', null);
      const r = new Redis(server.port, '127.0.0.1');
      const found = await outcome(r.getset('a', 1));
      delete Redis.Command._transformer.reply.getset;
      r.disconnect();
      return found;
    },
  });
});

describe('order and context', () => {
  compare({
    'an error arrives before the replies behind it': async (make) => {
      const r = make();
      await r.ping();
      const heard: string[] = [];
      const note = (text: string) => () => heard.push(text);
      const all = [r.call('nope').catch(note('first')), r.ping().then(note('second')), r.call('nope').catch(note('third')), r.ping().then(note('fourth'))];
      const first = outcome(Promise.race([r.call('nope'), r.ping()]));
      await Promise.all(all);
      return [heard, await first];
    },
    'an error arrives before them also if a stream delivers several chunks at once': async (_make, Redis) => {
      // Joins the data and emits it as two chunks in one turn.
      class Halving extends Duplex {
        constructor(readonly socket: net.Socket) {
          super({ readableHighWaterMark: 1 << 20 });
          socket.on('data', (data: Buffer) => {
            const at = data.indexOf('+1\r\n');
            if (at < 0) this.push(data);
            else for (const part of [data.subarray(0, at + 4), data.subarray(at + 4)]) if (part.length > 0) this.emit('data', part);
          });
          socket.on('close', () => this.destroy());
        }
        setNoDelay(): void {}
        setKeepAlive(): void {}
        setTimeout(): void {}
        override _read(): void {}
        override _write(chunk: Buffer, _: string, done: () => void): void {
          this.socket.write(chunk, () => done());
        }
        override _destroy(error: Error | null, done: (error: Error | null) => void): void {
          this.socket.destroy();
          done(error);
        }
      }
      class Connector {
        async connect(): Promise<unknown> {
          const socket = net.connect(server.port, '127.0.0.1');
          await once(socket, 'connect');
          return new Halving(socket);
        }
        check(): boolean {
          return true;
        }
        disconnect(): void {}
      }
      const r = new Redis({ Connector, retryStrategy: null, keepAlive: -1 });
      await r.ping();
      const heard: string[] = [];
      const echo = (text: string): Promise<unknown> => r.eval(`return redis.status_reply('${text}')`, 0).then(() => heard.push(text));
      await Promise.all([r.call('nope').catch(() => heard.push('error')), echo('1'), echo('2'), echo('3')]);
      r.stream.destroy();
      r.disconnect();
      return heard;
    },
    'callbacks of pipelined commands run in the context of their callers': async (make) => {
      const context = new AsyncLocalStorage<string>();
      const r = make();
      await r.ping();
      const heard: unknown[] = [];
      const note = (): unknown => heard.push(context.getStore());
      await context.run('caller', () => Promise.all([r.pipeline().get('a', note).call('nope', note).exec(note), r.multi().get('a', note).exec(), r.get('a', note)]));
      return heard;
    },
  });
});

test('internal members of a client have symbols as names', () => {
  const own = (Redis: any): string[] => Object.keys(new Redis({ lazyConnect: true })).filter((name) => !name.startsWith('_'));
  expect(own(HawserRedis).filter((name) => !own(IORedis).includes(name))).toEqual([]);
});
