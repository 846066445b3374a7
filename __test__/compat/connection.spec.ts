/** The life of a connection: options, status, the order of events, and connect, quit and disconnect in every state. */
import { once } from 'node:events';
import { DEFAULT_REDIS_OPTIONS } from '../../lib/options/options';
import { Proxy } from '../helpers/proxy';
import { serverForAll } from '../helpers/lifetimes';
import { freePort } from '../helpers/redis-server';
import { until } from '../helpers/until';
import { hawser, ioredis, observe, outcome, peers } from './peers';

const server = serverForAll();

const STATUSES = ['wait', 'connecting', 'connect', 'ready', 'close', 'reconnecting', 'end'];

/** Records every status event, with the status at that moment. */
function record(redis: any): string[] {
  const events: string[] = [];
  for (const name of STATUSES) redis.on(name, () => events.push(`${name}/${redis.status}`));
  redis.on('error', (error: Error) => events.push(`error ${(observe(error) as { message: string }).message}`));
  redis.on('select', (db: number) => events.push(`select ${db}`));
  return events;
}

type Scenario = (make: (options?: object) => any, events: () => string[]) => unknown;

const settled = (redis: any): Promise<unknown> => until(() => redis.status === 'end', { what: 'the status end' });

const scenarios: Record<string, Scenario> = {
  'connecting, ready, disconnect': async (make) => {
    const r = make();
    await r.ping();
    r.disconnect();
    await settled(r);
  },
  'the status after construction': (make) => [make().status, make({ lazyConnect: true }).status],
  'a lazy client connects at its first command': async (make) => [await make({ lazyConnect: true }).ping()],
  'connect resolves when the client is ready, and a second call rejects': async (make) => {
    const r = make({ lazyConnect: true });
    return [await outcome(r.connect()), r.status, await outcome(r.connect())];
  },
  'connect while it is connecting': async (make) => [await outcome(make().connect())],
  'connect with a callback': (make) => new Promise((resolve) => make({ lazyConnect: true }).connect((...args: unknown[]) => resolve(args))),
  'connect after the end': async (make) => {
    const r = make();
    await r.ping();
    r.disconnect();
    await settled(r);
    return [await outcome(r.connect()), await r.ping()];
  },
  'quit when ready': async (make) => {
    const r = make();
    await r.ping();
    const last = r.set('a', 1);
    const replies = [await r.quit(), await last];
    await settled(r);
    return [replies, await outcome(r.get('a')), await outcome(r.quit())];
  },
  'quit of a lazy client': async (make) => {
    const r = make({ lazyConnect: true });
    const reply = await r.quit();
    await settled(r);
    return reply;
  },
  'quit before it is connected': async (make) => {
    const r = make();
    const reply = await outcome(r.quit());
    await settled(r);
    return reply;
  },
  'quit behind waiting commands': async (make) => {
    const r = make();
    const all = await Promise.all([r.set('a', 1), r.get('a'), r.quit()]);
    await settled(r);
    return all;
  },
  'disconnect of a lazy client': async (make) => {
    const r = make({ lazyConnect: true });
    r.disconnect();
    await settled(r);
    return outcome(r.get('a'));
  },
  'disconnect while it is connecting': async (make) => {
    const r = make();
    const waiting = outcome(r.get('a'));
    r.disconnect();
    return [await waiting, await settled(r)];
  },
  'disconnect with commands in flight': async (make) => {
    const r = make();
    await r.ping();
    const blocked = outcome(r.blpop('nothing', 0));
    await until(async () => (await server.info('clients')).blocked_clients === '1');
    r.disconnect();
    return [await blocked, await settled(r)];
  },
  'disconnect twice, then end': async (make) => {
    const r = make();
    await r.ping();
    r.disconnect();
    r.disconnect();
    await settled(r);
  },
  'disconnect and reconnect': async (make) => {
    const r = make({ retryStrategy: () => 1 });
    await r.ping();
    const gone = once(r, 'reconnecting');
    r.disconnect(true);
    await gone;
    return r.ping();
  },
  'end is disconnect': async (make) => {
    const r = make();
    await r.ping();
    r.end();
    await settled(r);
  },
  'a retryStrategy that gives up': async (make) => {
    const port = await freePort();
    const r = make({ port, host: '127.0.0.1', retryStrategy: (times: number) => (times < 3 ? 1 : null) });
    const waiting = outcome(r.get('a'));
    await settled(r);
    return waiting;
  },
  'connect to a closed port': async (make) => {
    const port = await freePort();
    const r = make({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
    return [await outcome(r.connect()), await settled(r)];
  },
  'maxRetriesPerRequest': async (make) => {
    const port = await freePort();
    const r = make({ port, host: '127.0.0.1', maxRetriesPerRequest: 1, retryStrategy: (times: number) => (times < 5 ? 1 : null) });
    const first = outcome(r.get('a'));
    return [await first, await outcome(r.pipeline().get('a').get('b').exec()), await settled(r)];
  },
  'maxRetriesPerRequest 0': async (make) => {
    const port = await freePort();
    const r = make({ port, host: '127.0.0.1', maxRetriesPerRequest: 0, retryStrategy: (times: number) => (times < 3 ? 1 : null) });
    return [await outcome(r.get('a')), await settled(r)];
  },
  'a queue that is switched off': async (make) => {
    const r = make({ enableOfflineQueue: false });
    const early = await outcome(r.get('a'));
    await until(() => r.status === 'ready');
    return [early, await r.get('none')];
  },
  'a queue that is switched off, in a pipeline': async (make) => {
    const r = make({ enableOfflineQueue: false });
    return [await outcome(r.pipeline().get('a').get('b').exec()), await outcome(r.multi().get('a').exec())];
  },
  'a connection that the server kills': async (make) => {
    const r = make({ retryStrategy: () => 1 });
    const id = await r.client('ID');
    const gone = once(r, 'reconnecting');
    await server.command('CLIENT', 'KILL', 'ID', String(id));
    await gone;
    return r.ping();
  },
  'a wrong password': async (make) => {
    await server.command('CONFIG', 'SET', 'requirepass', 'right');
    try {
      const r = make({ password: 'wrong', retryStrategy: () => null });
      // ioredis says which command of its handshake failed, and shows the password with it.
      const { error, message } = (await outcome(r.get('a'))) as { error: string; message: string };
      await settled(r);
      return { error, message };
    } finally {
      await server.command('CONFIG', 'SET', 'requirepass', '');
    }
  },
  'a password that is missing': async (make) => {
    await server.command('CONFIG', 'SET', 'requirepass', 'right');
    try {
      const r = make({ retryStrategy: () => null });
      // ioredis says which command of its handshake failed, and shows the password with it.
      const { error, message } = (await outcome(r.get('a'))) as { error: string; message: string };
      await settled(r);
      return { error, message };
    } finally {
      await server.command('CONFIG', 'SET', 'requirepass', '');
    }
  },
  'select is announced and survives a reconnect': async (make) => {
    const r = make({ retryStrategy: () => 1, db: 2 });
    await r.select(3);
    await r.select(3);
    await r.set('which', 'three');
    const gone = once(r, 'reconnecting');
    r.disconnect(true);
    await gone;
    return [await r.get('which'), await outcome(r.select('x')), await outcome(r.select(99)), await r.get('which')];
  },
  'commands of two databases that wait': async (make) => {
    const r = make({ db: 1 });
    const all = await Promise.all([r.set('x', 'one'), r.select(2), r.set('x', 'two'), r.select(1), r.get('x'), r.select(2), r.get('x')]);
    return all;
  },
  'commands in the handlers of connect and ready': async (make) => {
    const r = make();
    const replies: unknown[] = [];
    r.once('connect', () => void r.set('h', 1).then((reply: unknown) => replies.push(reply)));
    r.once('ready', () => void r.get('h').then((reply: unknown) => replies.push(reply)));
    await until(() => replies.length === 2);
    return replies;
  },
  'duplicate': async (make) => {
    // A lazy one. The progress of a connecting one by the end of the test is random.
    const r = make({ db: 1, keyPrefix: 'p:', connectionName: 'one', lazyConnect: true });
    const d = r.duplicate({ db: 2 });
    const seen = [d.status, d.options.db, d.options.keyPrefix, d.options.connectionName, r.options.db, await d.client('GETNAME'), d.constructor === r.constructor];
    d.disconnect();
    return seen;
  },
  'commandTimeout': async (make) => {
    const r = make({ commandTimeout: 30 });
    await until(() => r.status === 'ready');
    await server.command('CLIENT', 'PAUSE', '200', 'ALL');
    const error = await outcome(r.get('a'));
    await server.command('CLIENT', 'UNPAUSE');
    await until(async () => (await outcome(r.ping())) === 'PONG');
    return error;
  },
  'reset': async (make) => {
    const r = make();
    return [await outcome(r.reset()), await r.ping()];
  },
};

/** hawser closes the socket that is being opened and emits `close`; ioredis may end without it. */
const BEFORE_A_SOCKET = ['quit of a lazy client', 'quit before it is connected', 'disconnect while it is connecting'];

async function run(peer: typeof ioredis, name: string, scenario: Scenario): Promise<unknown> {
  await server.command('FLUSHALL');
  const made: any[] = [];
  let events: string[] = [];
  const make = (options: object = {}): any => {
    const redis = new peer.Redis({ port: server.port, ...options });
    made.push(redis);
    events = record(redis);
    return redis;
  };
  const seen = await outcome((async () => scenario(make, () => events))());
  // Events are emitted on the next tick.
  await new Promise(setImmediate);
  const before = [...events];
  for (const redis of made) if (redis.status !== 'end') redis.disconnect();
  for (const redis of made) await settled(redis);
  if (name === 'commands of two databases that wait') return { seen };
  return { seen, events: BEFORE_A_SOCKET.includes(name) ? before.filter((event) => !event.startsWith('close')) : before };
}

describe('as in ioredis:', () => {
  test.each(Object.entries(scenarios))('%s', async (name, scenario) => {
    const expected = await run(ioredis, name, scenario);
    expect(await run(hawser, name, scenario)).toEqual(expected);
  });
});

describe('constructor', () => {
  const forms: unknown[][] = [
    [], [6380], ['6380'], [6380, 'h'], [6380, 'h', { db: 2 }], [6380, { host: 'h' }], [{ port: '7000', db: '3' }], ['/tmp/x.sock'], ['/tmp/x.sock?db=2'], ['/tmp/x.sock', { db: 1 }],
    ['redis://'], ['redis://h'], ['redis://h:1234/4'], ['redis://user:p%40ss@h:1234/4?family=6&keyPrefix=a&connectTimeout=5'], ['redis://:pw@h'], ['rediss://h:1'], ['rediss://h:1', { tls: { ca: 'x' } }],
    ['//h:7/1'], ['h:7?db=1'], ['h'], ['redis://[::1]:7'], ['redis://h/1', { db: 5, host: 'other' }], [{ host: 'a' }, { port: 1 }], [null, { db: 1 }], [undefined, undefined, { db: 1 }],
    [{ path: '/x', host: 'y' }], [{ db: undefined, host: undefined }], [{ maxRetriesPerRequest: null, retryStrategy: null }], [{ unknown: 1, nested: { a: 1 } }], ['redis://h/'], ['redis://h:1/0'], ['redis://user@h'],
    [{ family: 4 }], [{ tls: 'RedisCloudFixed' }], [{ tls: true }], ['REDIS://H:1'], ['redis://h?db=3'], ['127.0.0.1:7000/2'], [true], [() => 1], [{ replyMapping: 'resp3', protocol: 2 }], ['redis://h:1?tls=x'],
  ];
  test.each(forms.map((form) => [form]))('%j gives the options that ioredis gives', (form) => {
    const optionsOf = (Redis: typeof ioredis.Redis): unknown => {
      try {
        const redis = new (Redis as any)(...form, ...(form.length < 3 ? [{ lazyConnect: true }] : []));
        redis.disconnect();
        const options: Record<string, unknown> = { ...redis.options };
        // Options that hawser adds.
        for (const own of Object.keys(DEFAULT_REDIS_OPTIONS)) if (!(own in (ioredis.Redis as any).defaultOptions)) delete options[own];
        return observe(options);
      } catch (error) {
        return observe(error);
      }
    };
    expect(optionsOf(hawser.Redis)).toEqual(optionsOf(ioredis.Redis));
  });
});

describe.each(peers)('$name', ({ Redis }) => {
  test('after a cut in the middle of a reply, the client reconnects and the command is answered', async () => {
    const proxy = await Proxy.start(server);
    const redis = new Redis(proxy.port, { retryStrategy: () => 1 });
    redis.on('error', () => undefined);
    await redis.set('cut', 'value');
    const [live] = proxy.live;
    if (live) live.plan = { direction: 'toClient', afterBytes: live.bytes.toClient + 6, afterMs: 5 };
    expect(await redis.get('cut')).toBe('value');
    expect(proxy.accepted).toBe(2);
    redis.disconnect();
    await proxy.stop();
  });
});
