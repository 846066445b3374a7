/** How a client connects: names with several addresses, unix sockets, TLS, the user's own streams. */
import dns from 'node:dns';
import * as net from 'node:net';
import { type Redis } from '../../lib';
import { makeCertificates } from '../helpers/certificates';
import { Proxy } from '../helpers/proxy';
import { clientsForTest, serverForAll } from '../helpers/lifetimes';
import { RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const connect = clientsForTest();

const large = Buffer.alloc(300_000, 'z');

/** Sends more than one buffer in both directions, and a pipeline. */
async function works(redis: Redis): Promise<void> {
  expect(await redis.set('large', large)).toBe('OK');
  expect(large.equals((await redis.getBuffer('large')) as unknown as Buffer)).toBe(true);
  const outcomes = await redis.pipeline().set('a', 1).incr('a').exec();
  expect(outcomes).toEqual([[null, 'OK'], [null, 2]]);
}

describe('localhost', () => {
  const four = { address: '127.0.0.1', family: 4 };
  const six = { address: '::1', family: 6 };
  afterEach(() => jest.restoreAllMocks());

  test.each([
    ['127.0.0.1', [four, six]],
    ['127.0.0.1', [six, four]],
    ['::1', [four, six]],
    ['::1', [six, four]],
  ])('works if the server listens on %s only (addresses %j)', async (address, addresses) => {
    const server = await RedisServer.start({ bind: [address] });
    // Machines resolve `localhost` differently.
    jest.spyOn(dns, 'lookup').mockImplementation(((_host: string, _options: object, done: (error: null, found: object[]) => void) => {
      process.nextTick(done, null, addresses);
    }) as never);
    await works(connect(server.port, 'localhost'));
    await works(connect(`redis://localhost:${server.port}`));
    await works(connect({ port: server.port }));
    await server.stop();
  });

  test('family 4 and 6 try addresses of that family only', async () => {
    const server = await RedisServer.start();
    await works(connect(server.port, 'localhost', { family: 4 }));
    const other = connect(server.port, 'localhost', { family: 6, retryStrategy: null, lazyConnect: true });
    await expect(other.connect()).rejects.toThrow('Connection is closed.');
    await server.stop();
  });
});

describe('unix sockets', () => {
  test('can be given by path, option or URL', async () => {
    const server = await RedisServer.start();
    await works(connect(server.path));
    await works(connect({ path: server.path, db: 1 }));
    const redis = connect(`${server.path}?db=2`);
    await works(redis);
    expect(await redis.client('LIST')).toContain('db=2');
    await server.stop();
  });

  test('a missing socket is an error that names its path', async () => {
    const redis = connect('/tmp/hawser-no-such.sock', { retryStrategy: null });
    const error = await new Promise<NodeJS.ErrnoException & { address?: string }>((resolve) => redis.once('error', resolve));
    expect([error.code, error.address]).toEqual(['ENOENT', '/tmp/hawser-no-such.sock']);
  });
});

describe('TLS', () => {
  const server = serverForAll({ tls: { clientCertificates: true } });
  let ca: string;
  beforeAll(() => {
    ca = server.certificates?.ca ?? '';
  });

  test('rediss:// with the user\'s own certificates', async () => {
    await works(connect(`rediss://localhost:${server.port}`, { tls: { ca, ...server.certificates?.client } }));
    await works(connect({ host: '127.0.0.1', port: server.port, tls: { ca, ...server.certificates?.client } }));
  });

  test('100,000 commands of one tick', async () => {
    const redis = connect(`rediss://localhost:${server.port}`, { tls: { ca, ...server.certificates?.client } });
    const replies = await Promise.all(Array.from({ length: 100_000 }, (_, i) => redis.echo(String(i))));
    expect(replies.every((reply, i) => reply === String(i))).toBe(true);
  });

  test('an untrusted server is an error, and waiting commands are rejected', async () => {
    const redis = connect(`rediss://localhost:${server.port}`, { tls: { ca: makeCertificates().ca }, retryStrategy: null });
    const error = new Promise<NodeJS.ErrnoException>((resolve) => redis.once('error', resolve));
    await expect(redis.get('a')).rejects.toThrow('Connection is closed.');
    expect((await error).code).toMatch(/CERT|SELF_SIGNED|UNABLE/);
  });

  test('the client reconnects after a cut', async () => {
    // Not over the unix socket, which does not speak TLS.
    const proxy = await Proxy.start({ port: server.port });
    const redis = connect(`rediss://localhost:${proxy.port}`, { tls: { ca, ...server.certificates?.client }, retryStrategy: () => 1 });
    await works(redis);
    proxy.cutAll();
    await works(redis);
    expect(proxy.accepted).toBe(2);
    await proxy.stop();
  });
});

describe('a Connector', () => {
  test('returns its own stream', async () => {
    const server = await RedisServer.start();
    const streams: net.Socket[] = [];
    class Connector {
      connect(): Promise<net.Socket> {
        const stream = net.connect(server.port, '127.0.0.1');
        streams.push(stream);
        return Promise.resolve(stream);
      }
      disconnect(): void {
        for (const stream of streams) stream.end();
      }
    }
    const redis = connect({ Connector, retryStrategy: () => 1 });
    await works(redis);
    expect(redis.stream).toBe(streams[0]);
    streams[0]?.destroy();
    await works(redis);
    expect(streams.length).toBe(2);
    redis.disconnect();
    await until(() => redis.status === 'end');
    await server.stop();
  });

  test('may return a connected stream, and may fail', async () => {
    const server = await RedisServer.start();
    class Ready {
      async connect(): Promise<net.Socket> {
        const stream = net.connect(server.port, '127.0.0.1');
        await new Promise((resolve) => stream.once('connect', resolve));
        return stream;
      }
      disconnect(): void {}
    }
    await works(connect({ Connector: Ready }));
    class Failing {
      connect(): Promise<net.Socket> {
        return Promise.reject(new Error('no such service'));
      }
      disconnect(): void {}
    }
    const redis = connect({ Connector: Failing, retryStrategy: null, lazyConnect: true });
    const told = new Promise<Error>((resolve) => redis.once('error', resolve));
    await expect(redis.connect()).rejects.toThrow();
    expect((await told).message).toBe('no such service');
    await server.stop();
  });

  test.each([null, undefined, 'no such service', { code: 7 }])('may fail with what is no error: %p', async (thrown) => {
    class Failing {
      connect(): Promise<net.Socket> {
        return Promise.reject(thrown);
      }
      disconnect(): void {}
    }
    const redis = connect({ Connector: Failing, retryStrategy: null, lazyConnect: true });
    const told = new Promise<Error>((resolve) => redis.once('error', resolve));
    await expect(redis.connect()).rejects.toThrow();
    expect(await told).toMatchObject({ message: expect.stringContaining('no error'), cause: thrown });
  });

  test('a function for tls that throws null is a failed attempt', async () => {
    const redis = connect({
      tls: () => {
        throw null;
      },
      retryStrategy: null,
      lazyConnect: true,
    });
    const told = new Promise<Error>((resolve) => redis.once('error', resolve));
    await expect(redis.connect()).rejects.toThrow();
    expect(await told).toBeInstanceOf(Error);
  });
});

describe('the stream', () => {
  test("is Node's own socket: its address can be read, and destroying it counts as a lost connection", async () => {
    const server = await RedisServer.start();
    const redis = connect(server.port, '127.0.0.1', { retryStrategy: () => 1 });
    await redis.ping();
    expect([redis.stream?.remotePort, redis.stream?.remoteAddress]).toEqual([server.port, '127.0.0.1']);
    for (const drop of ['destroy', 'end'] as const) {
      const before = redis.stream;
      before?.[drop]();
      expect(await redis.echo(drop)).toBe(drop);
      expect(redis.stream).not.toBe(before);
    }
    await server.stop();
  });

  test('connectTimeout applies to a server that does not accept the connection', async () => {
    // A listener whose backlog is full accepts no more connections.
    const full = net.createServer().listen(0, '127.0.0.1', 0);
    await new Promise((resolve) => full.once('listening', resolve));
    const tls = connect({ host: '127.0.0.1', port: (full.address() as net.AddressInfo).port, tls: {}, connectTimeout: 50, retryStrategy: null });
    const error = await new Promise<NodeJS.ErrnoException & { errorno?: string }>((resolve) => tls.once('error', resolve));
    expect([error.message, error.code, error.errorno, error.syscall]).toEqual(['connect ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT', 'connect']);
    full.close();
  });
});
