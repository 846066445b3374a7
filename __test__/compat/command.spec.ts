/** `Command`, as tracing tools and tests use it, and the bytes of the handshake as a server sees them. */
import * as net from 'node:net';
import IORedis from 'ioredis';
import { Command as HawserCommand } from '../../lib';
import { RedisServer } from '../helpers/redis-server';
import { hawser, ioredis, observe, outcome, peers } from './peers';

const kinds: [string, any][] = [['ioredis', (IORedis as any).Command], ['hawser', HawserCommand]];

describe.each(kinds)('Command of %s', (_, Command) => {
  test('flattens, stringifies and prefixes its arguments, and knows its keys', () => {
    const get = new Command('mget', ['a', ['b', 3]], { keyPrefix: 'p:' });
    expect([get.name, get.args, get.getKeys()]).toEqual(['mget', ['p:a', 'p:b', 'p:3'], ['p:a', 'p:b', 'p:3']]);
    expect([new Command('get', ['foo']).getSlot(), new Command('ping').getSlot()]).toEqual([12182, null]);
    expect(String(new Command('set', ['ż', 1]).toWritable())).toBe('*3\r\n$3\r\nset\r\n$2\r\nż\r\n$1\r\n1\r\n');
  });

  test('settles by its resolve and reject, once', async () => {
    const command = new Command('get', ['a'], { replyEncoding: 'utf8' });
    expect([command.isResolved, command.isSettled]).toEqual([false, false]);
    const { resolve } = command;
    resolve('value');
    command.reject(new Error('too late'));
    expect([await command.promise, command.isResolved, command.isSettled]).toEqual(['value', true, true]);
    const failed = new Command('get', ['a']);
    failed.reject(new Error('reason'));
    await expect(failed.promise).rejects.toThrow('reason');
  });

  test('resolves text or Buffers, as its options say', async () => {
    const settled = async (name: string, options: object, reply: unknown): Promise<unknown> => {
      const command = new Command(name, ['a'], options);
      command.resolve(reply);
      return observe(await command.promise);
    };
    const nested = [Buffer.from('x'), [Buffer.from('y'), 1, null], { f: Buffer.from('z') }, new Date(0)];
    expect(await settled('get', { replyEncoding: 'utf8' }, nested)).toEqual(['x', ['y', 1, null], { f: 'z' }, { instance: 'Date' }]);
    expect(await settled('get', { replyEncoding: null }, Buffer.from('x'))).toEqual({ buffer: 'x' });
    expect(await settled('get', {}, Buffer.from('x'))).toEqual({ buffer: 'x' });
    expect(await settled('hgetall', { replyEncoding: 'utf8' }, [Buffer.from('f'), Buffer.from('v')])).toEqual({ f: 'v' });
  });

  test('knows flags and blocking times', () => {
    expect([Command.checkFlag('ENTER_SUBSCRIBER_MODE', 'SUBSCRIBE'), Command.checkFlag('WILL_DISCONNECT', 'get')]).toEqual([true, false]);
    const of = (...args: unknown[]): unknown => new Command(args[0], args.slice(1)).extractBlockingTimeout();
    expect([of('blpop', 'a', 1.5), of('blpop', 'a', 0), of('bzmpop', 2, 1, 'a', 'MIN'), of('xread', 'BLOCK', 7, 'STREAMS', 'a', '$'), of('xread', 'STREAMS', 'a', '$'), of('get', 'a'), of('blpop', 'a', 'x')]).toEqual([
      1500, 0, 2000, 7, null, undefined, undefined,
    ]);
  });

  test('transformers are global, and tests can remove them', async () => {
    Command.setArgumentTransformer('echo', (args: unknown[]) => [`<${String(args[0])}>`]);
    Command.setReplyTransformer('echo', (reply: unknown) => ({ reply }));
    const command = new Command('echo', ['x'], { replyEncoding: 'utf8' });
    command.resolve('y');
    expect([command.args, await command.promise]).toEqual([['<x>'], { reply: 'y' }]);
    delete Command._transformer.argument.echo;
    delete Command._transformer.reply.echo;
    expect(new Command('echo', ['x']).args).toEqual(['x']);
  });
});

describe.each(peers)('$name', ({ Redis }) => {
  test('every command goes through sendCommand and settles through a replaced `resolve`', async () => {
    const server = await RedisServer.start();
    const redis: any = new Redis(server.port);
    await redis.ping();
    const seen: unknown[] = [];
    const { sendCommand } = redis;
    redis.sendCommand = function (command: any) {
      const { resolve, reject } = command;
      seen.push([command.name, command.pipelineIndex]);
      command.resolve = (value: unknown) => {
        seen.push(`resolved ${command.name}`);
        resolve(value);
      };
      command.reject = (error: Error) => {
        seen.push(`rejected ${command.name}`);
        reject(error);
      };
      // eslint-disable-next-line prefer-rest-params -- any arguments
      return sendCommand.apply(this, arguments);
    };
    expect(await redis.set('a', '1')).toBe('OK');
    await expect(redis.lpush('a', 1)).rejects.toThrow('WRONGTYPE');
    expect(await redis.multi().get('a').exec()).toEqual([[null, '1']]);
    expect(seen).toEqual([
      ['set', undefined], 'resolved set', ['lpush', undefined], 'rejected lpush',
      ['multi', 0], ['get', 1], ['exec', 2], 'resolved multi', 'resolved get', 'resolved exec',
    ]);
    redis.disconnect();
    await server.stop();
  });
});

describe('the handshake is the same as in ioredis:', () => {
  const forms: [string, object][] = [
    ['by default', {}], ['with a password', { password: 'pw' }], ['with a user', { username: 'u', password: 'pw' }], ['RESP2', { protocol: 2 }], ['RESP2 with a password', { protocol: 2, password: 'pw' }],
    ['with everything', { db: 3, connectionName: 'me', readOnly: true, clientInfoTag: 'tag' }], ['with nothing', { disableClientInfo: true, enableReadyCheck: false }],
  ];
  test.each(forms)('%s', async (_name, options) => {
    const commandsOf = async (Redis: typeof ioredis.Redis): Promise<unknown> => {
      const lines: string[] = [];
      const mock = net.createServer((socket) => {
        socket.on('error', () => undefined);
        socket.on('data', (data) => {
          for (const command of data.toString().split(/(?=\*\d+\r\n)/)) {
            lines.push(command.split('\r\n').filter((_line, i) => i > 0 && i % 2 === 0).join(' '));
            socket.write('+OK\r\n');
          }
        });
      });
      await new Promise<void>((resolve) => mock.listen(0, '127.0.0.1', resolve));
      const redis = new Redis((mock.address() as net.AddressInfo).port, '127.0.0.1', options);
      const reply = await outcome(redis.get('key'));
      redis.disconnect();
      mock.close();
      return observe([reply, lines.map((line) => line.replace(/(LIB-VER) \S+/, '$1 version'))]);
    };
    const expected = await commandsOf(ioredis.Redis);
    expect(await commandsOf(hawser.Redis)).toEqual(expected);
  });
});

test('the flags of commands are the same as in ioredis', () => {
  const sorted = (flags: Record<string, string[]>): object => Object.fromEntries(Object.entries(flags).map(([flag, names]) => [flag, [...names].sort()]));
  expect(sorted(HawserCommand.FLAGS)).toEqual(sorted((IORedis as any).Command.FLAGS));
});
