/** Behaviour beyond ioredis's: connectors, options, URLs, `DEBUG`, and cases that need their own process. */
import * as net from 'node:net';
import { inspect } from 'node:util';
import { Command, Redis, RedisManager } from '../../lib';
import { LIFE } from '../../lib/client/lifecycle';
import { nodeList } from '../../lib/connection_url';
import { readEnv } from '../../lib/env';
import { parseConnectionString } from '../../lib/options/options';
import { runNode } from '../helpers/process';
import { clientsForTest, serverForAll } from '../helpers/lifetimes';

const server = serverForAll();

const connect = clientsForTest(() => ({ port: server.port, host: '127.0.0.1' }));

function refusal(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was refused');
}

describe('a Connector', () => {
  const resolving = (value: unknown): unknown =>
    class {
      connect(): Promise<unknown> {
        return Promise.resolve(value);
      }
      disconnect(): void {}
    };

  test.each([[undefined], [{}], ['redis://localhost'], [{ on: () => undefined }]])('that resolves %p instead of a stream: the client emits an error and ends', async (value) => {
    const redis = connect({ Connector: resolving(value), lazyConnect: true });
    const told: unknown[] = [];
    redis.on('error', (error: Error & { code?: string }) => told.push(error.code));
    await expect(redis.get('a')).rejects.toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining('stream') as string });
    expect(told).toEqual(['E_BAD_OPTION']);
    expect(redis.status).toBe('end');
  });

  test('may return a stream instead of a promise', async () => {
    class Connector {
      connect(): net.Socket {
        return net.connect(server.port, '127.0.0.1');
      }
      disconnect(): void {}
    }
    expect(await connect({ Connector }).ping()).toBe('PONG');
  });
});

describe('options', () => {
  test('added by hawser are refused with a code if they are invalid', () => {
    for (const [name, value, Kind] of [['resend', 'sometimes', TypeError], ['maxQueueCommands', '5', TypeError], ['watchdogMs', -1, TypeError], ['poll', true, TypeError], ['maxReplyDepth', null, TypeError]] as const) {
      let error: unknown;
      try {
        new Redis({ [name]: value, lazyConnect: true });
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toBeInstanceOf(Kind);
      expect(error).toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining(name) as string });
    }
  });

  test('are watched only from the first time that somebody reads them', () => {
    const redis = connect({ lazyConnect: true });
    const accessors = (): number => Object.values(Object.getOwnPropertyDescriptors(redis[LIFE].options)).filter(({ get }) => get !== undefined).length;
    const before = accessors();
    const keys = Object.keys(redis[LIFE].options);
    expect([before, Object.keys(redis.options), accessors()]).toEqual([0, keys, 3]);
    expect(redis.options).toBe(redis[LIFE].options);
    expect(Redis.prototype.options).toBeUndefined();
  });

  test('a script without a source is refused when it is defined', () => {
    const redis = connect({ lazyConnect: true });
    expect(() => redis.defineCommand('mine', {} as never)).toThrow(expect.objectContaining({ code: 'E_BAD_OPTION' }));
    expect(() => connect({ lazyConnect: true, scripts: { mine: { lua: 5 } } })).toThrow(TypeError);
  });

  test('a unix socket may have a user, a password and options', () => {
    expect(parseConnectionString('unix://us%40er:p%3Aa:b@/run/redis.sock?db=2')).toEqual({ username: 'us@er', password: 'p:a:b', path: '/run/redis.sock', db: 2 });
    expect(parseConnectionString('unix://:secret@/s')).toEqual({ username: '', password: 'secret', path: '/s' });
    expect(parseConnectionString('unix:///run/redis.sock')).toEqual({ path: '/run/redis.sock' });
  });
});

describe('a connection URL', () => {
  afterEach(() => RedisManager.closeAll());

  test.each([
    'redis://h', 'redis://h:7/3', 'rediss://u%40s:p%2F%3A%40@h.example:1/2', 'valkeys://:%C3%A9@[::1]', 'redis://h?db=4&family=6', 'unix://u:p@/a%20b.sock?db=2', 'redis+unix:///s?user=u&pass=p',
  ])('%s means the same for a client and for the manager', async (url) => {
    const { options } = new Redis(url, { lazyConnect: true });
    RedisManager.configure({ url, redis: { lazyConnect: true } });
    const manager = (await RedisManager.getMainClient()).options;
    const read = ({ host, port, path, db, username, password, family, tls }: typeof options): unknown => [host, port, path, db, username || null, password || null, family, Boolean(tls)];
    expect(read(manager)).toEqual(read(options));
  });

  test.each(['http://h', 'redis://:hunter2%@h', 'unix://hunter2', 'unix://hunter2/s', 'redis://a:1,b:2', 'redis://:hunter2@'])('%s is refused, and the error does not show it', (url) => {
    const error = refusal(() => new Redis(url, { lazyConnect: true }));
    expect(error).toMatchObject({ code: 'E_BAD_OPTION', message: expect.stringContaining('cannot be parsed') as string });
    expect(inspect(error)).not.toContain('hunter2');
  });

  test('each node of a list is parsed', () => {
    const nodes = nodeList('a:1, [::1]:2,rediss://u:p@c/1').map(({ host, port, tls, password }) => [host, port, tls, password]);
    expect(nodes).toEqual([['a', 1, false, null], ['::1', 2, false, null], ['c', null, true, 'p']]);
    for (const text of ['a', 'a:1,', 'a:70000', 'memory://', 'unix:///s', 'redis://:p@', 'a:1,http://b']) {
      expect(refusal(() => readEnv('REDIS_CLUSTER_NODES', { REDIS_CLUSTER_NODES: text }))).toMatchObject({ code: 'E_BAD_OPTION' });
    }
  });
});

test('EXEC keeps its place in a transaction, so that a cut transaction is not sent again in part', () => {
  const command = new Command('exec');
  const alone = command.class;
  command.pipelineIndex = 2;
  expect([command.inTransaction, command.class & alone, command.class > alone]).toEqual([false, alone, true]);
});

const program = (body: string): string => `
const Redis = require('hawser');
const redis = new Redis(${server.port}, '127.0.0.1', { connectionName: 'me', enableAutoPipelining: process.env.AUTO === '1' });
(async () => { ${body}; redis.disconnect(); })();
`;

test("Redis.Promise exists, cannot be replaced, warns, and is not a named export", async () => {
  const script = `
import * as hawser from 'hawser';
import Redis from 'hawser';
const warned = [];
console.warn = (text) => warned.push(typeof text);
const before = Redis.Promise === Promise;
Redis.Promise = class Other {};
console.log(before, Redis.Promise === Promise, warned.length, 'Promise' in hawser, Object.keys(Redis).includes('Promise'));
`;
  const { stdout, stderr } = await runNode(script, { esm: true });
  expect([stdout, stderr]).toEqual(['true true 3 false false\n', '']);
});

test('if a Connector\'s check throws, that is an uncaught exception, and the client connects again', async () => {
  const script = `
const net = require('node:net');
const Redis = require('hawser');
let asked = 0;
class Connector {
  connect() { return Promise.resolve(net.connect(${server.port}, '127.0.0.1')); }
  disconnect() {}
  check() { if (++asked === 1) throw new Error('from check'); return true; }
}
process.on('uncaughtException', (error) => console.log('told', error.message));
const redis = new Redis({ Connector, retryStrategy: () => 1 });
redis.ping().then((reply) => { console.log(reply, asked); redis.disconnect(); });
`;
  const { stdout } = await runNode(script);
  expect(stdout).toBe('told from check\nPONG 2\n');
});

test('an uncaught rejection of an auto-pipelined command is an unhandled rejection', async () => {
  const body = "process.on('unhandledRejection', (error) => console.log('told', error.message.slice(0, 11))); redis.call('nosuch'); await redis.ping()";
  const { stdout } = await runNode(program(body), { env: { AUTO: '1', DEBUG: undefined } });
  expect(stdout).toBe('told ERR unknown\n');
});

describe('DEBUG', () => {
  const talk = "const early = redis.set('early', 'x'.repeat(300)); await early; await redis.select(1); await redis.get('late'); await redis.auth('secret').catch(() => undefined)";
  /** Lines without times and ports. */
  const lines = (stderr: string): string[] =>
    stderr
      .split('\n')
      .map((line) => line.replace(/^\S+ (?=ioredis:)/, '').replace(/ \+\d+m?s$/, '').replaceAll(String(server.port), 'PORT'))
      .filter((line) => line !== '');

  test('ioredis:* logs statuses and commands under ioredis\'s names, without passwords', async () => {
    const { stderr } = await runNode(program(talk), { env: { DEBUG: 'ioredis:*', DEBUG_COLORS: '0' } });
    const told = lines(stderr);
    expect(told).toEqual(
      expect.arrayContaining([
        'ioredis:redis status[127.0.0.1:PORT (me)]: wait -> connecting',
        'ioredis:redis status[127.0.0.1:PORT (me)]: connect -> ready',
        'ioredis:connection send 1 commands in offline queue',
        'ioredis:redis switch to db [1]',
        "ioredis:redis write command[127.0.0.1:PORT (me)]: 1 -> get([ 'late' ])",
        "ioredis:redis write command[127.0.0.1:PORT (me)]: 1 -> auth([ '?' ])",
        'ioredis:connection skip reconnecting: closed by hand',
      ]),
    );
    const verbs = told.flatMap((line) => /redis (queue|write) command.* set/.exec(line)?.[1] ?? []);
    expect(verbs).toEqual(['queue', 'write']);
    expect(stderr).toContain('<REDACTED full-length="306">');
    expect(stderr).not.toContain('secret');
  });

  test('may name one namespace, or none', async () => {
    const only = await runNode(program(talk), { env: { DEBUG: 'ioredis:connection', DEBUG_COLORS: '0' } });
    expect(lines(only.stderr).every((line) => line.startsWith('ioredis:connection '))).toBe(true);
    expect(lines(only.stderr).length).toBeGreaterThan(0);
    const none = await runNode(program(talk), { env: { DEBUG: 'other' } });
    expect(none.stderr).toBe('');
  });

  test('clients have no own sendCommand while it is off', async () => {
    const shows = "console.log(Object.hasOwn(redis, 'sendCommand'))";
    const of = async (DEBUG: string): Promise<string> => (await runNode(program(shows), { env: { DEBUG } })).stdout;
    expect([await of(''), await of('ioredis:redis')]).toEqual(['false\n', 'true\n']);
  });
});
