/** The invalidation bus, between processes through a real server and inside one process on memory://. */
import { inspect } from 'node:util';
import { applyInvalidation, PubSubService, RedisManager, type CacheInvalidationMessage, type Logger } from '../../lib/facade';
import type { CacheRepository } from '../../lib/facade';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

const CHANNEL = 'shipcrowd:cache:invalidation';
const message: CacheInvalidationMessage = { type: 'tags', target: ['company:1:orders'], source: 'test' };
const warn = jest.fn();
const error = jest.fn();
const logger: Logger = { debug() {}, info() {}, warn, error };

const server = serverForAll();

/** The messages that a listener has received so far. */
function listen(id: string): CacheInvalidationMessage[] {
  const got: CacheInvalidationMessage[] = [];
  PubSubService.onInvalidation(id, (one) => got.push(one));
  return got;
}

describe.each(['redis', 'memory'])('the bus on %s', (kind) => {
  const ids = ['a', 'b', 'c', 'late'];

  beforeEach(() => {
    warn.mockReset();
    error.mockReset();
    RedisManager.configure({ url: kind === 'redis' ? server.url : 'memory://', logger, retryDelayMs: 10 });
  });
  afterEach(async () => {
    for (const id of ids) PubSubService.offInvalidation(id);
    await RedisManager.closeAll();
  });

  test('a published message reaches the listeners', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await until(() => got.length === 1);
    expect(got).toEqual([message]);
  });

  test('initializing twice, and at the same time, delivers once', async () => {
    const got = listen('a');
    await Promise.all([PubSubService.initialize(), PubSubService.initialize()]);
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await PubSubService.publish({ type: 'key', target: 'last' });
    await until(() => got.some(({ type }) => type === 'key'));
    expect(got).toHaveLength(2);
  });

  test('if a listener throws, the others still get the message, and the error is reported', async () => {
    const failure = new Error('listener failed');
    const reported: unknown[] = [];
    const onError = (cause: unknown, info: { id: string }): void => void reported.push([cause, info.id]);
    PubSubService.on('listenerError', onError);
    PubSubService.onInvalidation('a', () => {
      throw failure;
    });
    PubSubService.onInvalidation('b', () => Promise.reject(failure));
    const got = listen('c');
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await until(() => reported.length === 2 && got.length === 1);
    PubSubService.off('listenerError', onError);
    expect(reported).toEqual([[failure, 'a'], [failure, 'b']]);
    expect(error).toHaveBeenCalledTimes(2);
    expect(error).toHaveBeenCalledWith(expect.stringContaining('the listener "a" failed'), failure);
    expect(warn).not.toHaveBeenCalled();
  });

  test('a listener that changes its message does not affect the others', async () => {
    PubSubService.onInvalidation('a', (one) => {
      (one.target as string[]).length = 0;
      one.type = 'pattern';
    });
    const got = listen('b');
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await until(() => got.length === 1);
    expect(got).toEqual([message]);
  });

  test('registering an id again replaces its listener; a removed listener gets no messages', async () => {
    const former = listen('a');
    const current = listen('a');
    const gone = listen('b');
    expect(PubSubService.offInvalidation('b')).toBe(true);
    expect(PubSubService.offInvalidation('b')).toBe(false);
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await until(() => current.length === 1);
    expect([former, gone]).toEqual([[], []]);
  });

  test('closeAll ends the bus, keeps its listeners, and initialize starts it again', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await RedisManager.closeAll();
    await PubSubService.publish(message);
    await PubSubService.initialize();
    await PubSubService.publish({ type: 'key', target: 'second' });
    await until(() => got.length > 0);
    expect(got).toEqual([{ type: 'key', target: 'second' }]);
  });

  test('close ends only the subscription', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await PubSubService.close();
    await PubSubService.publish(message);
    await PubSubService.initialize();
    await PubSubService.publish({ type: 'key', target: 'k' });
    await until(() => got.length > 0);
    expect(got).toEqual([{ type: 'key', target: 'k' }]);
  });

  test.each([
    [undefined, 'message must be an object { type, target, source? }, got undefined'],
    [[], 'message must be an object'],
    [{ target: 'x' }, "message.type must be 'tags', 'pattern' or 'key', got undefined"],
    [{ type: 'tag', target: 'x' }, "message.type must be 'tags', 'pattern' or 'key', got a string"],
    [{ type: 'key' }, 'message.target must be a non-empty string, got undefined'],
    [{ type: 'key', target: '' }, 'message.target must be a non-empty string, got an empty string'],
    [{ type: 'key', target: [] }, 'message.target must be a non-empty string or an array of at least one'],
    [{ type: 'key', target: ['a', 5] }, 'message.target[1] must be a non-empty string, got 5'],
    [{ type: 'key', target: '\ud800' }, 'message.target must be a well-formed string, got one with a lone surrogate'],
    [{ type: 'key', target: 'k', source: '\udfff' }, 'message.source must be a well-formed string'],
    [{ type: 'key', target: 'k', source: 1 }, 'message.source must be a string, got 1'],
    [Object.create({ type: 'key', target: 'k' }), "message.type must be 'tags', 'pattern' or 'key', got undefined"],
  ])('refuses to publish %p', async (wrong, text) => {
    const got = listen('a');
    await PubSubService.initialize();
    await expect(PubSubService.publish(wrong as unknown as CacheInvalidationMessage)).rejects.toThrow(TypeError);
    await expect(PubSubService.publish(wrong as unknown as CacheInvalidationMessage)).rejects.toThrow(text);
    await PubSubService.publish(message);
    await until(() => got.length > 0);
    expect(got).toEqual([message]);
  });

  test('refuses invalid ids, callbacks and channels', async () => {
    expect(() => PubSubService.onInvalidation('', () => undefined)).toThrow('id must be a non-empty string');
    expect(() => PubSubService.onInvalidation('a', 5 as never)).toThrow('callback must be a function, got 5');
    await expect(PubSubService.initialize({ channel: '' })).rejects.toThrow('pubsub.channel must be a non-empty string');
    await expect(PubSubService.initialize({ chanel: 'x' } as never)).rejects.toThrow('pubsub.chanel is not an option; there are: channel');
  });

  test('a new channel replaces the former one', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await PubSubService.initialize({ channel: 'other' });
    if (kind === 'redis') {
      await server.command('PUBLISH', CHANNEL, JSON.stringify(message));
      expect(await server.command('PUBSUB', 'NUMSUB', CHANNEL, 'other')).toEqual([CHANNEL, 0, 'other', 1]);
    }
    await PubSubService.publish({ type: 'key', target: 'k' });
    await until(() => got.length > 0);
    expect(got).toEqual([{ type: 'key', target: 'k' }]);
    await PubSubService.initialize({ channel: CHANNEL });
  });
});

describe('another channel', () => {
  const [FROM, TO] = ['from', 'to'];
  const subscribers = async (): Promise<unknown> => server.command('PUBSUB', 'NUMSUB', FROM, TO);
  /** Publishes a message to a channel, as another instance would. */
  const send = (to: string, target: string): Promise<unknown> => server.command('PUBLISH', to, JSON.stringify({ type: 'key', target }));
  let got: CacheInvalidationMessage[];

  beforeEach(async () => {
    await server.command('ACL', 'SETUSER', 'default', 'allchannels');
    RedisManager.configure({ url: server.url, logger, retryDelayMs: 10 });
    got = listen('a');
    await PubSubService.initialize({ channel: FROM });
  });
  afterEach(async () => {
    await server.command('ACL', 'SETUSER', 'default', 'allchannels');
    PubSubService.offInvalidation('a');
    await PubSubService.initialize({ channel: CHANNEL });
    await RedisManager.closeAll();
  });
  const targets = (): unknown[] => got.map(({ target }) => target);

  test('that is refused leaves the former one in use, and the change may be tried again', async () => {
    await server.command('ACL', 'SETUSER', 'default', 'resetchannels', `&${FROM}`);
    await expect(PubSubService.initialize({ channel: TO })).rejects.toMatchObject({ code: 'E_REPLY' });
    await PubSubService.publish({ type: 'key', target: 'still' });
    await until(() => got.length === 1);
    await server.command('ACL', 'SETUSER', 'default', 'allchannels');
    await PubSubService.initialize({ channel: TO });
    expect(await subscribers()).toEqual([FROM, 0, TO, 1]);
    await send(FROM, 'former');
    await PubSubService.publish({ type: 'key', target: 'new' });
    await until(() => got.length === 2);
    expect(targets()).toEqual(['still', 'new']);
  });

  test('that was not confirmed in time is left', async () => {
    server.freeze();
    const changed = PubSubService.initialize({ channel: TO });
    await expect(changed).rejects.toMatchObject({ code: 'E_TIMEOUT' });
    server.thaw();
    await until(async () => JSON.stringify(await subscribers()) === JSON.stringify([FROM, 1, TO, 0]));
    await send(FROM, 'heard');
    await until(() => got.length === 1);
  });

  test.each([[[TO, FROM]], [[TO, FROM, TO]], [[TO, 'third', FROM]], [[FROM, TO, TO, FROM]]])('the last of several at the same time counts: %p', async (channels) => {
    await Promise.all(channels.map((channel) => PubSubService.initialize({ channel })));
    const last = channels.at(-1) as string;
    await until(async () => JSON.stringify(await subscribers()) === JSON.stringify([FROM, last === FROM ? 1 : 0, TO, last === TO ? 1 : 0]));
    await send(last, 'once');
    await PubSubService.publish({ type: 'key', target: 'own' });
    await until(() => targets().includes('own'));
    expect(targets()).toEqual(['once', 'own']);
  });

  test('and close at the same time: nothing stays subscribed', async () => {
    const changed = PubSubService.initialize({ channel: TO });
    await Promise.all([changed, PubSubService.close()]);
    expect(await subscribers()).toEqual([FROM, 0, TO, 0]);
    const redis = await RedisManager.getSubscriberClient();
    expect(redis.listenerCount('message')).toBe(0);
  });
});

describe('the bus on a server', () => {
  beforeEach(() => {
    warn.mockReset();
    RedisManager.configure({ url: server.url, logger, retryDelayMs: 10 });
  });
  afterEach(async () => {
    PubSubService.offInvalidation('a');
    await RedisManager.closeAll();
  });

  test('uses the same channel and JSON as instances without hawser', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await server.command('PUBLISH', CHANNEL, '{"type":"pattern","target":"zone:*"}');
    await until(() => got.length === 1);
    expect(got).toEqual([{ type: 'pattern', target: 'zone:*' }]);

    const other = await server.connect();
    await other.command('HELLO', 3);
    void other.command('SUBSCRIBE', CHANNEL).catch(() => undefined);
    await until(async () => Number(((await server.command('PUBSUB', 'NUMSUB', CHANNEL)) as unknown[])[1]) === 2);
    await PubSubService.publish(message);
    await until(() => other.pushes.some((push) => (push as unknown[])[0] === 'message'));
    expect(other.pushes.at(-1)).toEqual(['message', CHANNEL, JSON.stringify(message)]);
    other.close();
  });

  test('continues after its connection was cut', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    for (const id of await server.clientIds('pubsub')) await server.command('CLIENT', 'KILL', 'ID', id);
    await until(async () => Number(((await server.command('PUBSUB', 'NUMSUB', CHANNEL)) as unknown[])[1]) === 1);
    await PubSubService.publish(message);
    await until(() => got.length === 1);
  });

  test('continues when its client was ended and initialize is called again', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    (await RedisManager.getSubscriberClient()).disconnect();
    await PubSubService.initialize();
    await PubSubService.publish(message);
    await until(() => got.length === 1);
  });

  test('initialize rejects if it cannot reach the server, and can be called again', async () => {
    await RedisManager.closeAll();
    RedisManager.configure({ url: server.url, logger, retryDelayMs: 1, maxRetries: 1 });
    await server.kill();
    const got = listen('a');
    await expect(PubSubService.initialize()).rejects.toThrow('max retries per request');
    await server.launch();
    await until(() => PubSubService.initialize().then(() => true), { deadlineMs: 20_000 });
    await PubSubService.publish(message);
    await until(() => got.length === 1);
    await PubSubService.publish({ type: 'key', target: 'last' });
    await until(() => got.some(({ type }) => type === 'key'));
    expect(got).toHaveLength(2);
  });

  test('unknown members of a message are kept, and a null source counts as absent', async () => {
    const got = listen('a');
    await PubSubService.initialize();
    await server.command('PUBLISH', CHANNEL, '{"later":{"__proto__":1},"__proto__":{"x":1},"target":["é€😀"],"type":"key","source":null}');
    await until(() => got.length === 1);
    expect(JSON.stringify(got[0])).toBe('{"later":{"__proto__":1},"__proto__":{"x":1},"target":["é€😀"],"type":"key"}');
    expect((got[0] as { x?: unknown }).x).toBeUndefined();
  });

  test('invalid text on the channel is logged with the reason, reported as badMessage, and otherwise ignored', async () => {
    const got = listen('a');
    const reasons: string[] = [];
    const onBad = ({ reason }: { reason: string }): void => void reasons.push(reason);
    PubSubService.on('badMessage', onBad);
    await PubSubService.initialize();
    for (const text of ['not json', '{"type":"tag","target":"x"}', '[]']) await server.command('PUBLISH', CHANNEL, text);
    await PubSubService.publish(message);
    await until(() => got.length === 1 && reasons.length === 3);
    PubSubService.off('badMessage', onBad);
    expect(reasons).toEqual(['it is not JSON', "message.type must be 'tags', 'pattern' or 'key', got a string", 'message must be an object { type, target, source? }, got an array']);
    expect(warn).toHaveBeenCalledTimes(3);
  });
});

test('applyInvalidation calls the matching method of the repository for each kind of message', async () => {
  const calls: unknown[] = [];
  const repository = {
    invalidateTags: (tags: string[]) => Promise.resolve(calls.push(['tags', tags])),
    deleteMany: (keys: string[]) => Promise.resolve(calls.push(['keys', keys])),
    deletePattern: (glob: string) => Promise.resolve(calls.push(['glob', glob])),
  } as unknown as CacheRepository;
  await applyInvalidation(repository, { type: 'tags', target: 't' });
  await applyInvalidation(repository, { type: 'key', target: ['k', 'l'] });
  await applyInvalidation(repository, { type: 'pattern', target: ['a*', 'b*'] });
  expect(calls).toEqual([['tags', ['t']], ['keys', ['k', 'l']], ['glob', 'a*'], ['glob', 'b*']]);
  await expect(applyInvalidation(repository, { type: 'x' } as never)).rejects.toThrow(TypeError);
});

describe('on a server that does not answer', () => {
  const frozen = serverForAll({ password: 'secret-of-the-server' });
  afterEach(async () => {
    frozen.thaw();
    await RedisManager.closeAll();
  });

  test('every call ends within its budget, and its error shows nothing of the message', async () => {
    RedisManager.configure({ url: frozen.url, logger, retryDelayMs: 10 });
    await PubSubService.initialize();
    await PubSubService.publish({ type: 'key', target: 'k' });
    frozen.freeze();
    const calls = [
      PubSubService.publish({ type: 'key', target: 'a-key-of-mine' }),
      PubSubService.close(),
      PubSubService.initialize({ channel: 'another' }),
    ];
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'E_TIMEOUT', maybeExecuted: true } });
      expect(inspect((call as PromiseRejectedResult).reason, { depth: 9, showHidden: true })).not.toMatch(/a-key-of-mine|secret-of/);
    }
    frozen.thaw();
    await PubSubService.initialize({ channel: CHANNEL });
  });

  test('an error shows the code of the server\'s error, but neither its text nor the message', async () => {
    RedisManager.configure({ url: frozen.url, logger, retryDelayMs: 10 });
    await frozen.command('ACL', 'SETUSER', 'default', '-publish', '-subscribe');
    const failures = await Promise.all([
      PubSubService.publish({ type: 'key', target: 'a-key-of-mine' }).catch((error: unknown) => error),
      PubSubService.initialize().catch((error: unknown) => error),
    ]);
    await frozen.command('ACL', 'SETUSER', 'default', '+@all');
    for (const failure of failures) {
      expect(failure).toMatchObject({ name: 'HawserError', code: 'E_REPLY', message: expect.stringMatching(/: the server refused it: NOPERM$/) as string });
      expect(inspect(failure, { depth: 9, showHidden: true })).not.toContain('a-key-of-mine');
    }
  });
});
