/** The handshake as a server sees it, and the effect of each answer. */
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';
import { array, bulk, type Handler } from './mock-server';
import { peers } from './peers';
import { events, readyOn, result, session } from './session';

/** Commands without the clients' versions. */
const plain = (texts: string[]): string[] => texts.map((text) => text.replace(/(LIB-VER) \S+$/, '$1'));
const INFO = ['client SETINFO LIB-VER', 'client SETINFO LIB-NAME ioredis'];

/** Answers `name` with `reply` on the first `connections` connections. */
const answers = (name: string, reply: string, connections = Infinity): Handler =>
  (command) => (command.name === name && command.connection <= connections ? reply : undefined);

describe.each(peers)('$name', ({ name: peer, Redis }) => {
  const { serve, connect, ready } = session(Redis);
  let warn: jest.SpyInstance;
  beforeEach(() => (warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined)));
  afterEach(() => warn.mockRestore());

  describe('the commands', () => {
    const all = { username: 'u', password: 'p', db: 2, connectionName: 'me', readOnly: true, clientInfoTag: 'tag' };
    const tagged = ['client SETINFO LIB-VER', 'client SETINFO LIB-NAME ioredis(tag)'];
    const cases: [string, object, string[]][] = [
      ['nothing asked for', {}, ['hello 3', ...INFO, 'info']],
      ['everything', all, ['hello 3 AUTH u p', 'select 2', 'client setname me', 'readonly', ...tagged, 'info']],
      ['everything in RESP2', { ...all, protocol: 2 }, ['auth u p', 'select 2', 'client setname me', 'readonly', ...tagged, 'info']],
      ['a password', { password: 'p' }, ['hello 3 AUTH default p', ...INFO, 'info']],
      ['a password in RESP2', { password: 'p', protocol: 2 }, ['auth p', ...INFO, 'info']],
      ['nothing in RESP2', { protocol: 2 }, [...INFO, 'info']],
      ['no ready check, no client info', { enableReadyCheck: false, disableClientInfo: true }, ['hello 3']],
      ['nothing at all', { protocol: 2, enableReadyCheck: false, disableClientInfo: true }, []],
    ];
    test.each(cases)('%s', async (_, options, expected) => {
      const server = await serve();
      const redis = await ready(server, options);
      await redis.get('a');
      expect(plain(server.texts(1))).toEqual([...expected, 'get a']);
    });

    test("the user's commands follow it, in the order of the calls", async () => {
      const server = await serve();
      const redis = connect(server);
      const first = redis.set('a', 1);
      const second = new Promise((resolve) => redis.once('connect', () => resolve(redis.get('a'))));
      const third = new Promise((resolve) => redis.once('ready', () => resolve(redis.get('b'))));
      expect(await Promise.all([first, second, third])).toEqual(['OK', 'OK', 'OK']);
      expect(plain(server.texts(1))).toEqual(['hello 3', ...INFO, 'info', 'set a 1', 'get a', 'get b']);
    });

    test('are the same on every connection, with the current database', async () => {
      const server = await serve();
      const redis = await ready(server, { db: 1, connectionName: 'me' });
      await redis.select(3);
      server.connections[0]?.reset();
      await readyOn(redis, server, 2);
      await redis.get('a');
      expect(plain(server.texts(2))).toEqual(['hello 3', 'select 1', 'client setname me', ...INFO, 'info', 'select 3', 'get a']);
    });
  });

  describe('a server without RESP3', () => {
    const refusals = ['NOPROTO unsupported protocol version', "ERR unknown command 'HELLO'", 'ERR unknown command `hello`, with args beginning with: `3`, '];
    test.each(refusals)('%s', async (text) => {
      const server = await serve(answers('hello', `-${text}\r\n`));
      const redis = await ready(server, { db: 1, connectionName: 'me' });
      expect(await redis.get('a')).toBe('OK');
      // ioredis sends the commands again that did not depend on HELLO.
      expect([...new Set(plain(server.texts()))]).toEqual(['1 hello 3', '1 select 1', '1 client setname me', ...INFO.map((text) => `1 ${text}`), '1 info', '1 get a']);
      expect(warn).not.toHaveBeenCalled();
    });

    test('credentials are sent as AUTH, followed by the commands that depend on them', async () => {
      const server = await serve(({ name, args }) => (name === 'hello' ? '-NOPROTO no\r\n' : name === 'auth' ? (args.join() === 'u,p' ? '+OK\r\n' : '-WRONGPASS no\r\n') : undefined));
      const redis = await ready(server, { username: 'u', password: 'p', db: 1, connectionName: 'me' });
      await redis.get('a');
      const sent = plain(server.texts(1));
      expect(sent[0]).toBe('hello 3 AUTH u p');
      expect(sent.slice(sent.indexOf('auth u p'))).toEqual(['auth u p', 'select 1', 'client setname me', ...INFO, 'info', 'get a']);
      expect(server.connections.length).toBe(1);
    });

    test('credentials that AUTH refuses', async () => {
      const server = await serve(({ name }) => (name === 'hello' ? '-NOPROTO no\r\n' : name === 'auth' ? '-WRONGPASS no\r\n' : undefined));
      const redis = connect(server, { password: 'p', retryStrategy: null });
      expect(await result(redis.get('a'))).toBe('ReplyError: WRONGPASS no');
      await until(() => redis.status === 'end');
    });

    test('the client asks for RESP3 again on the next connection', async () => {
      const server = await serve(answers('hello', '-NOPROTO no\r\n', 1));
      const redis = await ready(server);
      server.connections[0]?.reset();
      await readyOn(redis, server, 2);
      expect(server.texts(2)[0]).toBe('hello 3');
    });

    test('a subscriber accepts subscription commands only', async () => {
      const subscribe: Handler = ({ name, args }) =>
        name === 'hello' ? '-NOPROTO no\r\n' : name === 'subscribe' ? array(bulk('subscribe'), bulk(args[0] ?? ''), ':1\r\n') : undefined;
      const server = await serve(subscribe);
      const redis = await ready(server);
      const messages: unknown[] = [];
      redis.on('message', (...args: unknown[]) => messages.push(args));
      expect(await redis.subscribe('c')).toBe(1);
      expect(redis.mode).toBe('subscriber');
      expect(await result(redis.get('a'))).toBe('Error: Connection in subscriber mode, only subscriber commands may be used');
      server.connections[0]?.write(array(bulk('message'), bulk('c'), bulk('hi')));
      await until(() => messages.length > 0);
      expect(messages).toEqual([['c', 'hi']]);
    });

    test('the user is warned if replies of RESP3 were requested', async () => {
      const server = await serve(({ name }) => (name === 'hello' ? '-NOPROTO no\r\n' : name === 'hgetall' ? array(bulk('f'), bulk('v')) : undefined));
      const redis = await ready(server, { replyMapping: 'resp3' });
      expect(await redis.hgetall('h')).toEqual({ f: 'v' });
      expect(warn.mock.calls.length).toBe(1);
      expect(String(warn.mock.calls[0]?.[0])).toMatch(/replyMapping "resp3" was requested, but the server does not support RESP3/);
    });
  });

  describe('servers that are not Redis', () => {
    test.each([['+OK', '+OK\r\n'], ['an integer', ':1\r\n'], ['a map', '%1\r\n+proto\r\n:3\r\n']])('%s as the answer to HELLO is accepted', async (_, reply) => {
      const server = await serve(answers('hello', reply));
      const redis = await ready(server);
      expect(await redis.get('a')).toBe('OK');
      expect(plain(server.texts())).toEqual(['1 hello 3', ...INFO.map((text) => `1 ${text}`), '1 info', '1 get a']);
    });

    test.each([['+OK', '+OK\r\n'], ['a text without loading', bulk('anything')], ['nothing', '$-1\r\n']])('%s as the answer to INFO counts as ready', async (_, reply) => {
      const server = await serve(answers('info', reply));
      const redis = await ready(server);
      expect(await redis.get('a')).toBe('OK');
      expect(server.texts(1).filter((text) => text === 'info')).toHaveLength(1);
    });
  });

  describe('a server that is loading', () => {
    const loading = bulk('loading:1\r\nloading_eta_seconds:60\r\n');

    test('is asked again on the same connection, after maxLoadingRetryTime at most', async () => {
      let left = 2;
      const server = await serve(({ name }) => (name === 'info' && left-- > 0 ? loading : undefined));
      const redis = connect(server, { maxLoadingRetryTime: 10 });
      const seen = events(redis);
      expect(await redis.get('a')).toBe('OK');
      expect(plain(server.texts(1))).toEqual(['hello 3', ...INFO, 'info', 'info', 'info', 'get a']);
      expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'ready/ready']);
    });

    test('gets another connection if this one ends meanwhile', async () => {
      const server = await serve(answers('info', loading, 1));
      const redis = connect(server, { maxLoadingRetryTime: 50 });
      await until(() => server.texts(1).includes('info'));
      const waiting = result(redis.get('a'));
      server.connections[0]?.end();
      expect(await waiting).toBe('OK');
      expect(server.connections.length).toBe(2);
    });

    test('may answer INFO with -LOADING for a while', async () => {
      let left = 1;
      const server = await serve(({ name }) => (name === 'info' && left-- > 0 ? '-LOADING Redis is loading the dataset in memory\r\n' : undefined));
      const redis = connect(server);
      const waiting = result(redis.get('a'));
      // ioredis takes it for a refusal: it rejects the waiting commands and connects again.
      expect(await waiting).toBe(peer === 'hawser' ? 'OK' : 'ReplyError: LOADING Redis is loading the dataset in memory');
      await readyOn(redis, server, peer === 'hawser' ? 1 : 2);
      expect(await redis.get('b')).toBe('OK');
    });
  });

  describe('refusals', () => {
    const again = ['close/reconnecting', 'reconnecting/reconnecting', 'connecting/connecting', 'connect/connect', 'ready/ready'];

    test.each([
      ['HELLO', 'hello', 'ERR no reason', {}],
      ['HELLO without credentials', 'hello', 'NOAUTH HELLO must be called with the client already authenticated', {}],
      ['HELLO with wrong ones', 'hello', 'WRONGPASS invalid username-password pair or user is disabled.', { password: 'p' }],
      ['AUTH', 'auth', 'ERR invalid password', { password: 'p', protocol: 2 }],
      ['INFO', 'info', 'ERR no reason', {}],
      ['INFO in RESP2', 'info', 'NOAUTH Authentication required.', { protocol: 2 }],
    ])('%s: waiting commands are rejected with it, and the client connects again', async (_, command, text, options) => {
      const server = await serve(answers(command, `-${text}\r\n`, 1));
      const redis = connect(server, options);
      const seen = events(redis);
      expect(await Promise.all([result(redis.get('a')), result(redis.pipeline().get('b').exec())])).toEqual([`ReplyError: ${text}`, [[`ReplyError: ${text}`]]]);
      await readyOn(redis, server, 2);
      expect(await redis.get('c')).toBe('OK');
      expect(seen).toEqual(['connecting/connecting', 'connect/connect', `error ${text}`, ...again]);
      expect(server.texts(1)).not.toContain('get a');
    });

    test('of INFO by an ACL: the client becomes ready with a warning', async () => {
      const server = await serve(answers('info', "-NOPERM this user has no permissions to run the 'info' command\r\n"));
      const redis = await ready(server);
      expect(await redis.get('a')).toBe('OK');
      expect(warn.mock.calls.length).toBe(1);
      expect(String(warn.mock.calls[0]?.[0])).toMatch(/Skipping the ready check because INFO command fails.*NOPERM/);
    });

    test('of the database: the client emits an error and continues', async () => {
      const server = await serve(answers('select', '-ERR DB index is out of range\r\n'));
      const redis = connect(server, { db: 99 });
      const seen = events(redis);
      expect(await redis.get('a')).toBe('OK');
      expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'error ERR DB index is out of range', 'ready/ready']);
    });

    test('of names and READONLY are ignored', async () => {
      const server = await serve(({ name }) => (name === 'client' || name === 'readonly' ? '-ERR unknown command\r\n' : undefined));
      const redis = connect(server, { connectionName: 'me', readOnly: true });
      const seen = events(redis);
      expect(await redis.get('a')).toBe('OK');
      expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'ready/ready']);
      expect(warn).not.toHaveBeenCalled();
    });

    test('an answer that arrives in pieces, followed by the others', async () => {
      const server = await serve(() => null);
      const redis = connect(server);
      const waiting = result(redis.get('a'));
      await until(() => server.received.length >= 3);
      const [connection] = server.connections;
      connection?.write('+O');
      await until(() => redis.stream.bytesRead === 2);
      server.handler = () => undefined;
      // ioredis sends INFO after these answers; hawser sent it before.
      connection?.write(`K\r\n+OK\r\n+OK\r\n${peer === 'hawser' ? '+OK\r\n' : ''}`);
      expect(await waiting).toBe('OK');
    });
  });

  describe('passwords, on a real server', () => {
    const server = serverForAll();
    afterEach(() => server.config.set('requirepass', ''));

    const NOAUTH = /^ReplyError: NOAUTH /;
    const WRONGPASS = /^ReplyError: WRONGPASS /;
    test.each([
      ['missing', {}, NOAUTH],
      ['missing in RESP2', { protocol: 2 }, NOAUTH],
      ['wrong', { password: 'new' }, WRONGPASS],
      ['wrong in RESP2', { password: 'new', protocol: 2 }, WRONGPASS],
      ['of somebody unknown', { username: 'nobody', password: 'new' }, WRONGPASS],
    ])('%s: refused until the server accepts it', async (_, options, refusal) => {
      await server.config.set('requirepass', 'old');
      const redis = connect(server, options);
      const seen = events(redis);
      expect(await result(redis.set('a', 1))).toMatch(refusal);
      // Each attempt is refused with an error event.
      await until(() => seen.filter((event) => event.startsWith('error')).length >= 3);
      expect(seen).not.toContain('ready/ready');
      if ('username' in options) await server.command('ACL', 'SETUSER', 'nobody', 'on', '>new', '~*', '+@all');
      else await server.config.set('requirepass', 'password' in options ? 'new' : '');
      await until(() => redis.status === 'ready');
      expect(await redis.set('a', 1)).toBe('OK');
    });

    test('not required: the client works without it and warns the user', async () => {
      const redis = await ready(server, { password: 'p', protocol: 2 });
      expect(await redis.set('a', 1)).toBe('OK');
      expect(warn.mock.calls.length).toBe(1);
      expect(String(warn.mock.calls[0]?.[0])).toMatch(/password/);
    });
  });
});
