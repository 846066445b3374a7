/** TLS on real servers: what is refused and how that is told, names, and certificates that are replaced while the client runs. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as net from 'node:net';
import * as path from 'node:path';
import * as tls from 'node:tls';
import type { Redis } from '../../lib';
import { makeCertificates } from '../helpers/certificates';
import { clientsForTest, endsWithTest } from '../helpers/lifetimes';
import { freePort, RedisServer } from '../helpers/redis-server';
import { until } from '../helpers/until';

const connect = clientsForTest(() => ({ retryStrategy: () => 5 }));
const ends = endsWithTest();

type Coded = Error & { code?: string };
function errorsOf(redis: Redis): Coded[] {
  const errors: Coded[] = [];
  redis.on('error', (error: Coded) => errors.push(error));
  return errors;
}

describe('what is refused is an error with a code, and tried again by retryStrategy', () => {
  const good = makeCertificates();
  const expired = makeCertificates(['localhost'], { days: -1 });
  const elsewhere = makeCertificates(['cache.example']);

  test.each<[string, { tls: object | false; certificates: ReturnType<typeof makeCertificates> }, object | undefined, RegExp]>([
    ['a certificate that is expired', { tls: {}, certificates: expired }, { ca: expired.ca }, /^CERT_HAS_EXPIRED$/],
    ['a certificate for another host', { tls: {}, certificates: elsewhere }, { ca: elsewhere.ca }, /^ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['an authority that is not known', { tls: {}, certificates: good }, { ca: elsewhere.ca }, /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_SIGNATURE_FAILURE)/],
    ['an authority that Node does not know', { tls: {}, certificates: good }, {}, /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/],
    ['a client without a certificate', { tls: { clientCertificates: true }, certificates: good }, { ca: good.ca }, /CERTIFICATE_REQUIRED|ALERT/],
    ['a client with an expired one', { tls: { clientCertificates: true }, certificates: good }, { ca: good.ca, ...expired.client }, /ALERT/],
    ['a server that speaks no TLS', { tls: false, certificates: good }, { ca: good.ca }, /^(EPROTO|ERR_SSL_|ETIMEDOUT)/],
    ['a client that speaks no TLS', { tls: {}, certificates: good }, undefined, /^E_PROTOCOL$|^ECONNRESET$/],
  ])('%s', async (_what, options, secure, code) => {
    const server = ends(await RedisServer.start({ certificates: options.certificates, ...(options.tls === false ? {} : { tls: options.tls }) }));
    const attempts: number[] = [];
    const redis = connect({
      host: 'localhost',
      port: server.port,
      tls: secure,
      // Redis takes the beginning of TLS for a command that is not complete yet.
      ...(options.tls === false ? { connectTimeout: 200 } : {}),
      maxRetriesPerRequest: 2,
      retryStrategy: (times: number) => {
        attempts.push(times);
        return 5;
      },
    });
    const errors = errorsOf(redis);
    await expect(redis.set('a', '1')).rejects.toThrow();
    await until(() => attempts.length >= 3);
    expect(errors[0].code).toMatch(code);
    expect(redis.status).not.toBe('ready');
  });

  test('a command that waits is run once the certificates fit', async () => {
    const server = ends(await RedisServer.start({ tls: { clientCertificates: true }, certificates: good }));
    let asked = 0;
    const redis = connect({
      host: 'localhost',
      port: server.port,
      tls: () => [{ ca: elsewhere.ca }, { ca: 'no certificate' }, { ca: good.ca, ...good.client, key: 'no key' }, undefined, { ca: good.ca, ...good.client }][Math.min(asked++, 4)],
    });
    const errors = errorsOf(redis);
    expect(await redis.set('a', '1')).toBe('OK');
    expect(asked).toBe(5);
    expect(errors.map(({ code }) => code)).toContain('E_CREDENTIALS');
    expect(errors).toHaveLength(4);
  });
});

describe('a function for TLS options makes no other failure one that is tried again', () => {
  class Failing {
    connect(): Promise<net.Socket> {
      return Promise.reject(new Error('no such service'));
    }
    disconnect(): void {}
  }

  test.each<[string, () => Promise<object>, string]>([
    ['no Sentinel answers, and sentinelRetryStrategy has no delay', async () => ({ sentinels: [{ host: '127.0.0.1', port: await freePort() }], name: 'group', sentinelRetryStrategy: null, enableTLSForSentinelMode: true }), 'All sentinels are unreachable'],
    ['a Connector has no stream', async () => ({ Connector: Failing }), 'no such service'],
  ])('%s', async (_what, options, message) => {
    const redis = connect({ ...(await options()), lazyConnect: true, tls: () => ({}) });
    const errors = errorsOf(redis);
    await expect(redis.set('a', '1')).rejects.toThrow(message);
    await until(() => redis.status === 'end');
    expect(errors.filter((error) => error.message.includes(message))).toHaveLength(1);
  });

  test('an option was changed to a wrong one', async () => {
    const server = ends(await RedisServer.start({ tls: {} }));
    const redis = connect({ host: 'localhost', port: server.port, tls: () => ({ ca: server.certificates?.ca }) });
    const errors = errorsOf(redis);
    await redis.set('a', '1');
    redis.options.lookup = 'localhost' as never;
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await until(() => redis.status === 'end');
    expect(errors).toEqual([expect.objectContaining({ code: 'E_BAD_OPTION', message: expect.stringContaining('lookup must be a function') as string })]);
  });
});

describe('names', () => {
  /** Ends TLS in front of a server, and keeps the names that clients send. */
  async function terminator(server: RedisServer, names: string[]): Promise<{ port: number; stop(): Promise<void>; sent: (string | false | null)[] }> {
    const { server: own } = (authority = makeCertificates(names));
    const sent: (string | false | null)[] = [];
    const listener = tls.createServer({ cert: own.cert, key: own.key }, (socket) => {
      sent.push(socket.servername);
      const inner = net.connect(server.path);
      socket.pipe(inner).pipe(socket);
      for (const end of [socket, inner]) end.on('error', () => undefined);
      socket.on('close', () => inner.destroy());
      inner.on('close', () => socket.destroy());
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as net.AddressInfo;
    return { port, sent, stop: () => new Promise((resolve) => listener.close(() => resolve())) };
  }
  let authority: ReturnType<typeof makeCertificates>;
  const lookup = (_host: string, _options: unknown, done: (error: null, found: object[]) => void): void => done(null, [{ address: '127.0.0.1', family: 4 }]);

  test('a host\'s name is sent and checked, an address is only checked, and servername wins', async () => {
    const server = ends(await RedisServer.start());
    const front = ends(await terminator(server, ['node-1.example', 'localhost']));
    const { ca } = authority;
    for (const [host, secure, sent] of [
      ['node-1.example', { ca }, 'node-1.example'],
      ['127.0.0.1', { ca }, false],
      ['127.0.0.1', { ca, servername: 'node-1.example' }, 'node-1.example'],
      ['node-1.example', async () => Promise.resolve({ ca }), 'node-1.example'],
    ] as const) {
      const redis = connect({ host, port: front.port, tls: secure, lookup });
      expect(await redis.ping()).toBe('PONG');
      expect(front.sent.pop()).toBe(sent);
      redis.disconnect();
    }
    const other = connect({ host: 'node-2.example', port: front.port, tls: { ca }, lookup, retryStrategy: null });
    const errors = errorsOf(other);
    await expect(other.ping()).rejects.toThrow('Connection is closed.');
    expect(errors[0].code).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });
});

describe('certificates that are replaced while the client runs', () => {
  /** The server has other certificates from now on, and so have the files of the client. */
  async function replace(server: RedisServer, file: (name: string) => string): Promise<void> {
    const next = makeCertificates();
    const at = (name: string): string => path.join(server.directory, `${name}.pem`);
    for (const [name, pem] of [['ca', next.ca], ['cert', next.server.cert], ['key', next.server.key]] as const) writeFileSync(at(name), pem);
    writeFileSync(file('ca'), next.ca);
    writeFileSync(file('cert'), next.client.cert);
    writeFileSync(file('key'), next.client.key);
    // All at once: each alone would not fit the others.
    await server.command('CONFIG', 'SET', 'tls-ca-cert-file', at('ca'), 'tls-cert-file', at('cert'), 'tls-key-file', at('key'));
  }

  test.each(['a function', 'getters', 'options that are set anew'])('by %s', async (how) => {
    const server = ends(await RedisServer.start({ tls: { clientCertificates: true } }));
    const file = (name: string): string => path.join(server.directory, `client-${name}.pem`);
    const read = (name: string): string => readFileSync(file(name), 'utf8');
    const { ca, client } = server.certificates as ReturnType<typeof makeCertificates>;
    writeFileSync(file('ca'), ca);
    writeFileSync(file('cert'), client.cert);
    writeFileSync(file('key'), client.key);
    const now = (): tls.ConnectionOptions => ({ ca: read('ca'), cert: read('cert'), key: read('key') });
    const getters = {
      get ca() { return read('ca'); },
      get cert() { return read('cert'); },
      get key() { return read('key'); },
    };
    const redis = connect({ host: 'localhost', port: server.port, tls: how === 'a function' ? now : how === 'getters' ? getters : now() });
    expect(await redis.incr('n')).toBe(1);
    await replace(server, file);
    if (how === 'options that are set anew') redis.options.tls = now();
    expect(await redis.incr('n')).toBe(2);
    const closed = new Promise((resolve) => redis.once('close', resolve));
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    await closed;
    expect(await redis.incr('n')).toBe(3);
  });
});
