/** Credentials from a function: asked at each connection, renewed on living ones, and never shown. */
import { inspect } from 'node:util';
import { RedisManager } from '../../lib/facade';
import type { Redis } from '../../lib';
import { MockSentinel } from '../compat/mock-sentinel';
import { clientsForTest, endsWithTest, serverForAll } from '../helpers/lifetimes';
import { MockServer } from '../compat/mock-server';
import { until } from '../helpers/until';

const server = serverForAll({ password: 'owner' });
const connect = clientsForTest(() => ({ host: '127.0.0.1', port: server.port, retryStrategy: () => 5 }));
const ends = endsWithTest();

/** A secret that the server takes for the user, in the place of earlier ones. */
let token = '';
let issued = 0;
async function rotate(user = 'app'): Promise<string> {
  token = `token-${++issued}-of-${user}`;
  await server.command('ACL', 'SETUSER', user, 'reset', 'on', `>${token}`, '~*', '&*', '+@all');
  return token;
}

/** The client's errors, in order. */
function errorsOf(redis: Redis): (Error & { code?: string; cause?: unknown })[] {
  const errors: Error[] = [];
  redis.on('error', (error: Error) => errors.push(error));
  return errors;
}

const authentications = async (): Promise<number> => (await server.commandCalls()).auth ?? 0;
const idOf = async (redis: Redis): Promise<number> => Number(await redis.client('ID'));

beforeEach(() => rotate());

describe.each([3, 2] as const)('RESP%i', (protocol) => {
  test('each connection has the credentials of its moment', async () => {
    const asked: string[] = [];
    const redis = connect({
      protocol,
      username: 'nobody',
      password: 'nothing',
      credentials: async () => {
        asked.push(token);
        return { username: 'app', password: token };
      },
    });
    expect(await redis.acl('WHOAMI')).toBe('app');
    const first = token;
    await rotate();
    await server.command('CLIENT', 'KILL', 'TYPE', 'normal');
    expect(await redis.acl('WHOAMI')).toBe('app');
    expect(asked).toEqual([first, token]);
  });

  test('a living connection takes new ones over, and no command is lost, doubled or out of order', async () => {
    await server.command('DEL', 'counter', 'inside');
    const redis = connect({ protocol, credentials: () => ({ username: 'app', password: token, expiresInMs: 60 }) });
    const errors = errorsOf(redis);
    const id = await idOf(redis);
    const before = await authentications();
    let commands = 0;
    let transactions = 0;
    while ((await authentications()) < before + 8) {
      const burst = Array.from({ length: 50 }, () => redis.incr('counter'));
      expect(await Promise.all(burst)).toEqual(burst.map((_, i) => commands + i + 1));
      commands += burst.length;
      const own = [redis.multi({ pipeline: false }), redis.incr('inside'), redis.incr('inside'), redis.exec()];
      expect((await Promise.all(own)).slice(-1)).toEqual([[[null, 2 * transactions + 1], [null, 2 * transactions + 2]]]);
      transactions++;
    }
    expect([await idOf(redis), errors]).toEqual([id, []]);
  });

  test('a transaction that stays open is not disturbed', async () => {
    let asked = 0;
    const redis = connect({ protocol, credentials: () => ({ username: 'app', password: token, expiresInMs: asked++ === 0 ? 100 : undefined }) });
    const before = await authentications();
    await redis.set('a', '1');
    await redis.multi({ pipeline: false });
    await until(() => asked === 2);
    expect(await redis.get('a')).toBe('QUEUED');
    expect(await authentications()).toBe(before + (protocol === 2 ? 1 : 0));
    expect(await redis.exec()).toEqual([[null, '1']]);
    await until(async () => (await authentications()) === before + (protocol === 2 ? 2 : 1));
  });

  test('a subscriber keeps its subscriptions', async () => {
    let asked = 0;
    const redis = connect({ protocol, credentials: () => ({ username: 'app', password: token, expiresInMs: asked++ === 0 ? 100 : undefined }) });
    const errors = errorsOf(redis);
    const messages: string[] = [];
    redis.on('message', (_channel, text) => messages.push(text));
    let ready = 0;
    redis.on('ready', () => ready++);
    await redis.subscribe('news');
    // In RESP2 the renewal asks, and then the new connection.
    await until(() => asked === (protocol === 3 ? 2 : 3));
    await until(async () => {
      await server.command('PUBLISH', 'news', 'hello');
      return messages.includes('hello') && ready === (protocol === 3 ? 1 : 2);
    });
    expect(errors).toEqual([]);
  });
});

describe('a function that fails', () => {
  const late = new Promise<never>(() => undefined);
  test.each<[string, () => unknown, string]>([
    ['rejects', () => Promise.reject(new Error('vault is sealed')), 'credentials() has failed'],
    ['throws', () => { throw new Error('vault is sealed'); }, 'credentials() has failed'],
    ['hangs', () => late, 'credentials() has not answered within 80 ms (connectTimeout)'],
    ['brings nothing', () => undefined, 'The result of credentials() must be'],
    ['brings no password', () => ({ username: 'secret-name' }), 'password of credentials() must be a string, got undefined'],
    ['brings no text', () => ({ password: Buffer.from('secret') }), 'password of credentials() must be a string, got an object'],
    ['brings no time', () => ({ password: 'secret', expiresAt: 'secret' }), 'expiresAt of credentials() must be a Date'],
  ])('%s: an error event, and asked again by retryStrategy', async (_how, fail, message) => {
    let asked = 0;
    const delays: number[] = [];
    const redis = connect({
      connectTimeout: 80,
      credentials: () => (asked++ < 2 ? fail() : { username: 'app', password: token }) as never,
      retryStrategy: (times: number) => {
        delays.push(times);
        return 1;
      },
    });
    const errors = errorsOf(redis);
    expect(await redis.acl('WHOAMI')).toBe('app');
    expect(errors.map(({ code }) => code)).toEqual(['E_CREDENTIALS', 'E_CREDENTIALS']);
    expect(errors[0].message).toContain(message);
    expect(inspect(errors)).not.toContain('secret');
    expect(delays).toEqual([1, 2]);
  });

  test('connect() rejects with the reason as its cause, and without a retryStrategy that is all', async () => {
    const reason = new Error('vault is sealed');
    const redis = connect({ lazyConnect: true, retryStrategy: null, credentials: () => Promise.reject(reason) });
    await expect(redis.connect()).rejects.toMatchObject({ message: 'Connection is closed.', cause: { code: 'E_CREDENTIALS', cause: reason } });
    await until(() => redis.status === 'end');
    await expect(redis.get('a')).rejects.toThrow('Connection is closed.');
  });

  test('a renewal that fails is an error event, and the connection lives on', async () => {
    let asked = 0;
    const redis = connect({
      credentials: () => (asked++ === 1 ? Promise.reject(new Error('no')) : Promise.resolve({ username: 'app', password: token, expiresInMs: asked > 2 ? undefined : 100 })),
    });
    const errors = errorsOf(redis);
    const id = await idOf(redis);
    await until(() => asked === 3);
    expect([errors.map(({ code }) => code), await idOf(redis)]).toEqual([['E_CREDENTIALS'], id]);
  });

  test('a renewal that the server refuses is an error event, and the function is asked again', async () => {
    let asked = 0;
    const redis = connect({
      credentials: () => ({ username: 'app', password: asked++ === 1 ? 'stale' : token, expiresInMs: asked > 2 ? undefined : 100 }),
    });
    const errors = errorsOf(redis);
    const id = await idOf(redis);
    await until(() => asked === 3 && errors.length === 1);
    expect(errors[0]).toMatchObject({ name: 'ReplyError', message: expect.stringContaining('WRONGPASS') as string });
    expect([await redis.acl('WHOAMI'), await idOf(redis)]).toEqual(['app', id]);
  });

  test('credentials that were replaced a moment ago fail no command', async () => {
    let asked = 0;
    const redis = connect({ credentials: () => ({ username: 'app', password: asked++ < 2 ? 'stale' : token }) });
    const errors = errorsOf(redis);
    expect(await redis.acl('WHOAMI')).toBe('app');
    expect(errors.map(({ message }) => message.split(' ')[0])).toEqual(['WRONGPASS', 'WRONGPASS']);
  });

  test('credentials that stay wrong fail what waits, with the server\'s words', async () => {
    const redis = connect({ credentials: () => ({ username: 'app', password: 'wrong' }) });
    await expect(redis.get('a')).rejects.toThrow('WRONGPASS');
  });

  test.each(['disconnect', 'quit'] as const)('%s while it is asked ends the client, and its answer counts no more', async (how) => {
    let answer!: (credentials: { username: string; password: string }) => void;
    const redis = connect({ credentials: () => new Promise((resolve) => (answer = resolve)) });
    await until(() => answer as unknown);
    const ended = new Promise((resolve) => redis.once('end', resolve));
    void Promise.resolve(redis[how]()).catch(() => undefined);
    await ended;
    answer({ username: 'app', password: token });
    await new Promise(setImmediate);
    expect([redis.status, redis.stream]).toEqual(['end', undefined]);
  });
});

test('an option that is no function is refused', () => {
  expect(() => connect({ credentials: { password: 'secret' } })).toThrow('credentials must be a function, got an object');
  expect(() => connect({ lookup: 'localhost' })).toThrow('lookup must be a function, got a string');
  expect(() => RedisManager.configure({ redis: { credentials: 'secret' as never } })).toThrow('manager.redis.credentials must be a function, got a string');
});

test('a user name may be left out, and a time in the past is none that ends a connection', async () => {
  let asked = 0;
  const redis = connect({ credentials: () => ({ password: 'owner', expiresAt: asked++ === 0 ? new Date(0) : undefined }) });
  expect(await redis.acl('WHOAMI')).toBe('default');
  await until(() => asked === 2);
  expect(await redis.acl('WHOAMI')).toBe('default');
});

test('the secret is in no error, no line, no inspected client and no CLIENT LIST', async () => {
  const lines = jest.spyOn(console, 'error').mockImplementation(() => undefined);
  let asked = 0;
  const redis = connect({ credentials: () => ({ username: 'app', password: asked++ === 1 ? 'stale-secret' : token, expiresInMs: 60 }) });
  const errors = errorsOf(redis);
  await until(() => errors.length > 0 && asked > 3);
  const seen = [inspect(redis, { depth: 20, showHidden: true }), inspect(errors, { depth: 20 }), await redis.client('LIST'), JSON.stringify(redis.options), inspect(lines.mock.calls)].join('\n');
  expect(seen).not.toMatch(/stale-secret|token-\d/);
  lines.mockRestore();
});

test('duplicate() and monitor() ask the same function', async () => {
  const redis = connect({ credentials: () => ({ username: 'app', password: token }) });
  const other = ends(redis.duplicate());
  expect(await other.acl('WHOAMI')).toBe('app');
  const monitor = ends(await redis.monitor());
  const seen = new Promise((resolve) => monitor.on('monitor', (_time: string, args: string[]) => args[0] === 'echo' && resolve(args)));
  await redis.echo('hi');
  expect(await seen).toEqual(['echo', 'hi']);
});

test('the server that Sentinel names gets them, Sentinel does not', async () => {
  const sentinel = await MockSentinel.start();
  ends(sentinel.server);
  sentinel.master = server.port;
  const redis = connect({ sentinels: [sentinel.address], name: 'group', host: undefined, port: undefined, credentials: () => ({ username: 'app', password: token, expiresInMs: 80 }) });
  const before = await authentications();
  expect(await redis.acl('WHOAMI')).toBe('app');
  await until(async () => (await authentications()) > before + 2);
  expect(sentinel.server.received.map(({ name }) => name.toLowerCase())).not.toContain('auth');
  expect(inspect(sentinel.server.received, { depth: 5 })).not.toContain('token-');
});

test('every client of the manager asks', async () => {
  let asked = 0;
  RedisManager.configure({
    url: `redis://127.0.0.1:${server.port}`,
    redis: {
      credentials: async () => {
        asked++;
        return { username: 'app', password: token };
      },
    },
  });
  try {
    for (const role of ['getMainClient', 'getSubscriberClient', 'getPublisherClient'] as const) {
      expect(await (await RedisManager[role]()).acl('WHOAMI')).toBe('app');
    }
    expect(await RedisManager.withConnection((own) => own.acl('WHOAMI'))).toBe('app');
    expect(asked).toBe(4);
  } finally {
    await RedisManager.closeAll();
  }
});

test('a server that is loading gets the renewed ones once it is ready', async () => {
  let asked = 0;
  const info = (text: string): string => `$${text.length}\r\n${text}\r\n`;
  const isLoading = (): boolean => asked < 2;
  const mock = ends(await MockServer.start(({ name }) => (name.toLowerCase() === 'info' ? info(isLoading() ? 'loading:1\r\nloading_eta_seconds:0\r\n' : 'loading:0') : undefined)));
  const redis = connect({ port: mock.port, credentials: () => ({ password: `p${asked++}`, expiresInMs: asked === 1 ? 60 : undefined }) });
  await redis.get('a');
  const words = mock.received.map(({ name, args }) => [name, ...args.map(String)].join(' ').toLowerCase());
  expect(words[0]).toBe('hello 3 auth default p0');
  expect(words.slice(-3)).toEqual(['info', 'auth p1', 'get a']);
});
