/** Tools, options and streams that interfere: every reply still reaches its own command, and no command waits forever. */
import { Duplex } from 'node:stream';
import * as net from 'node:net';
import { Command } from '../../lib';
import { LIFE } from '../../lib/client/lifecycle';
import { clientsForTest, serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const server = serverForAll();

const connect = clientsForTest();

test('a command that cannot be encoded throws, and the other commands of the tick get their own replies', async () => {
  const redis = connect(server.port);
  await redis.ping();
  const before = redis.echo('before');
  const broken = new Command('echo', ['broken']);
  broken.args = [undefined as unknown as string];
  expect(() => redis.sendCommand(broken)).toThrow(TypeError);
  const after = redis.echo('after');
  expect(await Promise.all([before, after, redis.echo('later')])).toEqual(['before', 'after', 'later']);
});

describe("the user's own streams", () => {
  /** A connector that returns these streams one after another. */
  const of = (...make: (() => unknown)[]): unknown =>
    class {
      connect(): unknown {
        return (make.length > 1 ? make.shift() : make[0])?.();
      }
      disconnect(): void {}
    };
  const real = (): Promise<net.Socket> => Promise.resolve(net.connect(server.port, '127.0.0.1'));

  test('a stream that is already destroyed counts as a failed connection', async () => {
    const dead = (): Promise<net.Socket> =>
      new Promise((resolve) => {
        const stream = net.connect(server.port, '127.0.0.1');
        stream.once('close', () => resolve(stream)).destroy();
      });
    const redis = connect({ Connector: of(dead, real), retryStrategy: () => 1 });
    expect(await redis.echo('second')).toBe('second');
  });

  test('a connector that throws or rejects ends the client, and every command is rejected with its error', async () => {
    const broken = (): never => {
      throw new Error('no stream');
    };
    const errors: string[] = [];
    const redis = connect({ Connector: of(broken, real), retryStrategy: () => 1, lazyConnect: true });
    redis.on('error', (error: Error) => errors.push(error.message));
    await expect(redis.echo('first')).rejects.toThrow('no stream');
    expect([errors, redis.status]).toEqual([['no stream'], 'end']);
    await redis.connect();
    expect(await redis.echo('second')).toBe('second');
  });

  test('a stream that keeps its chunks sees the bytes as they were written', async () => {
    const chunks: Buffer[] = [];
    const tunnel = (): Promise<Duplex> => {
      const socket = net.connect(server.port, '127.0.0.1');
      const stream = new Duplex({
        read: () => undefined,
        write: (chunk: Buffer, _, done) => {
          chunks.push(chunk);
          setTimeout(() => socket.write(chunk), 20);
          done();
        },
        destroy: (error, done) => {
          socket.destroy();
          done(error);
        },
      });
      socket.on('data', (chunk) => stream.push(chunk));
      socket.on('close', () => stream.destroy());
      return Promise.resolve(stream);
    };
    const redis = connect({ Connector: of(tunnel) });
    await redis.ping();
    const first = redis.echo('first');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await Promise.all([first, redis.echo('other')])).toEqual(['first', 'other']);
  });
});

test('the client ends if no socket can be made', async () => {
  const redis = connect({ port: 6379, host: '127.0.0.1', tls: { cert: 'none', key: 'none' }, retryStrategy: () => 1, lazyConnect: true });
  await expect(redis.connect()).rejects.toThrow('PEM');
  await until(() => redis.status === 'end');
});

test('a delay beyond the longest timer does not wake the link again and again', async () => {
  const redis = connect(1, '127.0.0.1', { retryStrategy: () => 2 ** 40 });
  await until(() => redis.status === 'reconnecting');
  const tick = jest.spyOn(redis[LIFE].link as unknown as { tick(): void }, 'tick');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(tick).not.toHaveBeenCalled();
});
