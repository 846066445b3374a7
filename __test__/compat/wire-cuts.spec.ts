/** Replies that arrive in pieces, and connections that end in the middle of them. */
import { until } from '../helpers/until';
import { array, bulk, type Handler, type MockServer } from './mock-server';
import { peers } from './peers';
import { events, readyOn, result, session, settled } from './session';

const ABORTED = 'AbortError: Command aborted due to connection close';
const SPENT = 'MaxRetriesPerRequestError: Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.';
const CLOSED = 'Error: Connection is closed.';
const HANDSHAKE = ['hello', 'client', 'info'];

/** The first connection does not answer the user's commands; later ones run them. */
const silentFirst: Handler = ({ name, args, connection }) => {
  if (HANDSHAKE.includes(name)) return undefined;
  if (connection === 1) return null;
  if (name === 'get') return bulk(args[0] ?? '');
  return name === 'exec' ? array(bulk('x'), bulk('y')) : undefined;
};

/** The user's commands that a connection received. */
const users = (server: MockServer, connection: number): string[] =>
  server.received.filter((command) => command.connection === connection && !HANDSHAKE.includes(command.name)).map(({ text }) => text);

/** Resolves when the client has read these bytes. */
async function deliver(redis: any, server: MockServer, bytes: string | Buffer): Promise<void> {
  const [connection] = server.connections;
  const before = redis.stream.bytesRead;
  connection?.write(bytes);
  await until(() => redis.stream.bytesRead === before + bytes.length, { everyMs: 1, what: 'the client to read what was sent' });
}

describe.each(peers)('$name', ({ name: peer, Redis }) => {
  const { serve, connect, ready } = session(Redis);

  describe('a pipeline whose replies are cut after each byte', () => {
    const replies = ['+OK\r\n', '$5\r\nh\u00e9ya\r\n', ':42\r\n', '*2\r\n$1\r\na\r\n$-1\r\n', '-ERR no\r\n', '%1\r\n+f\r\n$1\r\nv\r\n', '_\r\n'].map((text) => Buffer.from(text));
    const bytes = Buffer.concat(replies);
    const values = [[null, 'OK'], [null, 'h\u00e9ya'], [null, 42], [null, ['a', null]], ['ReplyError: ERR no'], [null, { f: 'v' }], [null, null]];
    const issue = (redis: any): Promise<unknown> => redis.pipeline().set('a', 1).get('a').incr('n').mget('a', 'b').lpush('a', 1).hgetall('h').get('none').exec();

    test('and arrive in two writes', async () => {
      const server = await serve(({ name }) => (HANDSHAKE.includes(name) ? undefined : null));
      const redis = await ready(server);
      for (let cut = 1; cut < bytes.length; cut++) {
        const results = result(issue(redis));
        await until(() => users(server, 1).length === cut * replies.length, { everyMs: 1 });
        await deliver(redis, server, bytes.subarray(0, cut));
        await deliver(redis, server, bytes.subarray(cut));
        expect([cut, await results]).toEqual([cut, values]);
      }
      expect(server.connections).toHaveLength(1);
    });

    test('and arrive one byte at a time', async () => {
      const server = await serve(({ name }) => (HANDSHAKE.includes(name) ? undefined : null));
      const redis = await ready(server);
      const results = result(issue(redis));
      await until(() => users(server, 1).length === replies.length);
      for (const byte of bytes) await deliver(redis, server, Buffer.from([byte]));
      expect(await results).toEqual(values);
    });

    test('and end there: the pipeline is sent again if no command was answered; otherwise the results are those that arrived', async () => {
      let at = 0;
      const ends = replies.map((reply) => (at += reply.length));
      for (let cut = 0; cut < bytes.length; cut++) {
        // ioredis delivers some replies before their last bytes have arrived: `$-` is a null.
        if (peer === 'ioredis' && ends.some((end) => cut < end && cut >= end - 4)) continue;
        const server = await serve(({ name, connection }) => (HANDSHAKE.includes(name) ? undefined : connection === 1 ? null : replies[users(server, connection).length - 1]));
        const redis = await ready(server);
        const results = result(issue(redis));
        await until(() => users(server, 1).length === replies.length, { everyMs: 1 });
        if (cut > 0) await deliver(redis, server, bytes.subarray(0, cut));
        server.connections[0]?.reset();
        const answered = ends.filter((end) => end <= cut).length;
        const expected = answered === 0 ? values : values.map((value, index) => (index < answered ? value : [ABORTED]));
        expect([cut, await results]).toEqual([cut, expected]);
        await readyOn(redis, server, 2);
        expect([cut, users(server, 2).length]).toEqual([cut, answered === 0 ? replies.length : 0]);
        redis.disconnect();
      }
    });
  });

  describe('a connection that is reset', () => {
    interface Case {
      issue: (redis: any) => Promise<unknown>[];
      /** The last command of the scenario. */
      last: string;
      /** What the server answers before the reset. */
      answered: string;
      /** The outcome by default, and what is sent on the next connection. */
      sentAgain: { outcomes: unknown[]; commands: string[] };
      /** The outcome with `maxRetriesPerRequest: 0`, where nothing is sent again. */
      spent: unknown[];
    }
    const cases: Record<string, Case> = {
      'before a reply': {
        issue: (r) => [r.get('a'), r.set('b', 1), r.getBuffer('c')],
        last: 'get c',
        answered: '',
        sentAgain: { outcomes: ['a', 'OK', Buffer.from('c')], commands: ['get a', 'set b 1', 'get c'] },
        spent: [SPENT, SPENT, SPENT],
      },
      'behind the first reply': {
        issue: (r) => [r.get('a'), r.set('b', 1), r.get('c')],
        last: 'get c',
        answered: bulk('first'),
        sentAgain: { outcomes: ['first', 'OK', 'c'], commands: ['set b 1', 'get c'] },
        spent: ['first', SPENT, SPENT],
      },
      'before the replies of a pipeline': {
        issue: (r) => [r.pipeline().get('a').set('b', 1).exec(), r.get('c')],
        last: 'get c',
        answered: '',
        sentAgain: { outcomes: [[[null, 'a'], [null, 'OK']], 'c'], commands: ['get a', 'set b 1', 'get c'] },
        spent: [[[SPENT], [SPENT]], SPENT],
      },
      'in the middle of the replies of a pipeline': {
        issue: (r) => [r.pipeline().get('a').set('b', 1).get('c').exec(), r.get('d'), r.pipeline().get('e').get('f').exec()],
        last: 'get f',
        answered: bulk('first'),
        sentAgain: { outcomes: [[[null, 'first'], [ABORTED], [ABORTED]], 'd', [[null, 'e'], [null, 'f']]], commands: ['get d', 'get e', 'get f'] },
        spent: [[[null, 'first'], [ABORTED], [ABORTED]], SPENT, [[SPENT], [SPENT]]],
      },
      'before the replies of a transaction': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec(), r.get('c')],
        last: 'get c',
        answered: '',
        sentAgain: { outcomes: [[[null, 'x'], [null, 'y']], 'c'], commands: ['multi', 'get a', 'set b 1', 'exec', 'get c'] },
        spent: [SPENT, SPENT],
      },
      'behind MULTI': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec(), r.get('c')],
        last: 'get c',
        answered: '+OK\r\n',
        sentAgain: { outcomes: [ABORTED, 'c'], commands: ['get c'] },
        spent: [ABORTED, SPENT],
      },
      'in the middle of a transaction': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec(), r.get('c')],
        last: 'get c',
        answered: '+OK\r\n+QUEUED\r\n',
        sentAgain: { outcomes: [ABORTED, 'c'], commands: ['get c'] },
        spent: [ABORTED, SPENT],
      },
      'before the reply of EXEC': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec()],
        last: 'exec',
        answered: '+OK\r\n+QUEUED\r\n+QUEUED\r\n',
        sentAgain: { outcomes: [ABORTED], commands: [] },
        spent: [ABORTED],
      },
      'in the middle of the reply of EXEC': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec()],
        last: 'exec',
        answered: '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\nx\r\n$1',
        sentAgain: { outcomes: [ABORTED], commands: [] },
        spent: [ABORTED],
      },
      'behind the reply of EXEC': {
        issue: (r) => [r.multi().get('a').set('b', 1).exec(), r.get('c')],
        last: 'get c',
        answered: '+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$1\r\n1\r\n$1\r\n2\r\n',
        sentAgain: { outcomes: [[[null, '1'], [null, '2']], 'c'], commands: ['get c'] },
        spent: [[[null, '1'], [null, '2']], SPENT],
      },
      'in a transaction inside a pipeline': {
        issue: (r) => [r.pipeline().get('a').multi().get('b').exec().get('c').exec()],
        last: 'get c',
        answered: `${bulk('first')}+OK\r\n`,
        sentAgain: { outcomes: [[[null, 'first'], [null, 'OK'], [ABORTED], [ABORTED], [ABORTED]]], commands: [] },
        spent: [[[null, 'first'], [null, 'OK'], [ABORTED], [ABORTED], [ABORTED]]],
      },
    };

    /** Issues, answers, resets, and returns the outcome after the first reply of the next connection. */
    async function run({ issue, last, answered }: Case, options: object): Promise<{ outcomes: unknown[]; commands: string[] }> {
      const server = await serve(silentFirst);
      const redis = await ready(server, options);
      const promises = issue(redis);
      for (const promise of promises) promise.catch(() => undefined);
      await until(() => users(server, 1).includes(last));
      if (answered !== '') await deliver(redis, server, answered);
      server.connections[0]?.reset();
      await readyOn(redis, server, 2);
      const outcomes = await settled(redis, ...promises);
      return { outcomes, commands: users(server, 2).slice(0, -1) };
    }

    test.each(Object.entries(cases))('%s', async (_, one) => {
      expect(await run(one, {})).toEqual(one.sentAgain);
      expect(await run(one, { maxRetriesPerRequest: null })).toEqual(one.sentAgain);
      expect(await run(one, { maxRetriesPerRequest: 0 })).toEqual({ outcomes: one.spent, commands: [] });
    });

    test.each(Object.entries(cases))('%s, where nothing is sent again', async (_, one) => {
      // ioredis forgets commands that it does not send again; their promises stay pending.
      const given = (outcome: unknown): unknown => (peer === 'hawser' ? ABORTED : outcome === SPENT ? 'pending' : outcome);
      const lost = (outcome: unknown): unknown => {
        if (!Array.isArray(outcome)) return outcome === SPENT ? given(outcome) : outcome;
        if (peer === 'ioredis' && outcome.some(([error]) => error === SPENT)) return 'pending';
        return outcome.map(([error, ...reply]) => [error === SPENT ? ABORTED : error, ...reply]);
      };
      expect(await run(one, { autoResendUnfulfilledCommands: false })).toEqual({ outcomes: one.spent.map(lost), commands: [] });
    });

    test.each(Object.entries(cases))('%s, while the client is closed by hand', async (_, one) => {
      const server = await serve(silentFirst);
      const redis = await ready(server);
      const outcomes = one.issue(redis).map(result);
      await until(() => users(server, 1).includes(one.last));
      if (one.answered !== '') await deliver(redis, server, one.answered);
      redis.disconnect();
      server.connections[0]?.reset();
      const closed = JSON.parse(JSON.stringify(one.spent).replaceAll(JSON.stringify(SPENT), JSON.stringify(CLOSED))) as unknown[];
      expect(await Promise.all(outcomes)).toEqual(closed);
      expect(server.connections).toHaveLength(1);
    });
  });

  test('commands in flight of a transaction without a pipeline', async () => {
    const server = await serve((command, socket) => (command.connection === 1 && command.name === 'multi' ? '+OK\r\n' : silentFirst(command, socket)));
    const redis = await ready(server);
    expect(await redis.multi({ pipeline: false })).toBe('OK');
    const [set, exec] = [result(redis.set('a', 1)), result(redis.exec())];
    await until(() => users(server, 1).includes('exec'));
    server.connections[0]?.reset();
    // ioredis runs it outside its transaction.
    expect(await set).toBe(peer === 'hawser' ? ABORTED : 'OK');
    if (peer === 'hawser') expect(await exec).toBe(ABORTED);
    await readyOn(redis, server, 2);
    await redis.ping();
    expect(users(server, 2)).toEqual(peer === 'hawser' ? ['ping'] : ['set a 1', 'exec', 'ping']);
  });

  test('commands issued without a connection are sent in their order', async () => {
    const server = await serve(silentFirst);
    const redis = await ready(server, { maxRetriesPerRequest: 0 });
    const issued = new Promise<unknown[]>((resolve) => {
      redis.once('reconnecting', () => resolve(Promise.all([redis.get('a'), redis.multi().get('b').set('c', 1).exec(), redis.pipeline().get('d').exec()])));
    });
    server.connections[0]?.reset();
    expect(await issued).toEqual(['a', [[null, 'x'], [null, 'y']], [[null, 'd']]]);
    expect(users(server, 2)).toEqual(['get a', 'multi', 'get b', 'set c 1', 'exec', 'get d']);
  });

  test('a command on which the server closes every connection', async () => {
    const server = await serve(({ name }, connection) => {
      if (name !== 'poison') return undefined;
      connection.end();
      return null;
    });
    const redis = await ready(server, { maxRetriesPerRequest: 2 });
    let outcome: unknown = 'pending';
    void result(redis.call('poison')).then((value) => (outcome = value));
    // ioredis starts to count again with each connection that becomes ready, and never stops.
    await until(() => (peer === 'hawser' ? outcome !== 'pending' : server.received.filter(({ name }) => name === 'poison').length >= 8));
    expect(outcome).toBe(peer === 'hawser' ? SPENT.replace('0', '2') : 'pending');
    if (peer === 'hawser') expect(server.received.filter(({ name }) => name === 'poison')).toHaveLength(3);
  });

  const comeback = ['close/reconnecting', 'reconnecting/reconnecting', 'connecting/connecting', 'connect/connect', 'ready/ready'];

  test('a reset causes an error event and a reconnect, an orderly end only a reconnect', async () => {
    const server = await serve();
    const redis = connect(server);
    const seen = events(redis);
    await readyOn(redis, server, 1);
    server.connections[0]?.reset();
    await readyOn(redis, server, 2);
    server.connections[1]?.end();
    await readyOn(redis, server, 3);
    expect(await redis.get('a')).toBe('OK');
    expect(seen).toEqual(['connecting/connecting', 'connect/connect', 'ready/ready', 'error read ECONNRESET', ...comeback, ...comeback]);
  });

  test('a connection that ends before its handshake is over', async () => {
    const server = await serve(({ connection, name }, socket) => {
      if (connection > 2 || name !== 'hello') return connection > 2 ? undefined : null;
      socket.end();
      return null;
    });
    const redis = connect(server);
    const seen = events(redis);
    expect(await redis.get('a')).toBe('OK');
    const [close, reconnecting, connecting, connected, isReady] = comeback;
    const failed = [connected, close, reconnecting, connecting];
    expect(seen).toEqual([connecting, ...failed, ...failed, connected, isReady]);
  });

  test('bytes that are not a reply: the commands in flight are rejected, not sent again', async () => {
    const server = await serve(silentFirst);
    const redis = await ready(server);
    const seen = events(redis);
    const outcomes = Promise.all([result(redis.get('a')), result(redis.get('b'))]);
    await until(() => users(server, 1).includes('get b'));
    server.connections[0]?.write('what is this\r\n');
    for (const outcome of await outcomes) expect(outcome).toMatch(/^Error: .*\. Please report this\.$/);
    await readyOn(redis, server, 2);
    expect(await redis.get('c')).toBe('c');
    expect(users(server, 2)).toEqual(['get c']);
    expect(seen[0]).toMatch(/^error .*\. Please report this\.$/);
    expect(seen.slice(1)).toEqual(comeback);
  });

  test('an unexpected reply is an error event and goes to no command', async () => {
    const server = await serve();
    const redis = await ready(server);
    const seen = events(redis);
    server.connections[0]?.write(bulk('for whom?'));
    await until(() => seen.some((event) => event.startsWith('error')));
    expect(await redis.get('a')).toBe('OK');
    // hawser closes such a connection.
    expect(server.connections.length).toBe(peer === 'hawser' ? 2 : 1);
  });
});
