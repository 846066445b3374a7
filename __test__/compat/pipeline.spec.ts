/** Pipelines and transactions, as ioredis runs them. */
import { serverForAll } from '../helpers/lifetimes';
import { hawser, ioredis, observe, outcome, peers } from './peers';

const server = serverForAll();

type Scenario = (redis: any) => unknown;

const scenarios: Record<string, Scenario> = {
  'an empty pipeline': (r) => r.pipeline().exec(),
  'results in order, errors in their places': (r) => r.pipeline().set('a', 1).incr('a').lpush('a', 'x').get('a').getBuffer('a').exec(),
  'an array of commands': (r) => r.pipeline([['set', 'a', 1], ['get', 'a'], ['mget', ['a', 'b']], ['call', 'echo', 'x']]).exec(),
  'its length before exec': (r) => [r.pipeline().length, r.pipeline().get('a').get('b').length, r.multi().length, r.multi().get('a').length],
  'an unknown command in an array of commands throws': (r) => {
    r.pipeline([['nosuch', 'a']]);
  },
  'own callbacks beside exec': (r) =>
    new Promise((resolve) => {
      const seen: unknown[] = [];
      r.pipeline()
        .set('a', 1, (e: unknown, v: unknown) => seen.push(['set', e, v]))
        .lpush('a', 1, (e: Error, v: unknown) => seen.push(['lpush', e.message, v]))
        .exec((e: unknown, v: unknown) => seen.push(['exec', e, observe(v)]))
        .then(() => setImmediate(() => resolve(seen)));
    }),
  'exec twice': async (r) => {
    const p = r.pipeline().set('a', 1);
    return [await outcome(p.exec()), await outcome(p.exec())];
  },
  'exec of a transaction twice': async (r) => {
    const p = r.multi().set('a', 1);
    return [await outcome(p.exec()), await outcome(p.exec())];
  },
  'exec of an empty transaction': (r) => r.multi().exec(),
  'exec with an argument that is not a function': async (r) => [await r.multi().set('a', 1).exec(true), await r.pipeline().get('a').exec(1)],
  'a transaction': (r) => r.multi().set('a', '1').incr('a').getBuffer('a').hgetall('none').hset('h', { f: 1 }).hgetall('h').exec(),
  'a failing command inside a transaction': (r) => r.multi().set('a', 'x').incr('a').get('a').exec(),
  'a command that cannot be queued': (r) => r.multi().set('a').get('a').exec(),
  'two commands that cannot be queued': (r) => r.multi().set('a').call('nosuch', 1).exec(),
  'callbacks inside a transaction': (r) =>
    new Promise((resolve) => {
      const seen: unknown[] = [];
      r.multi()
        .set('a', 1, (e: unknown, v: unknown) => seen.push([observe(e), v]))
        .get('a', (e: unknown, v: unknown) => seen.push([observe(e), v]))
        .exec((e: unknown, v: unknown) => {
          seen.push([observe(e), v]);
          resolve(seen);
        });
    }),
  'a callback of an aborted transaction': (r) =>
    new Promise((resolve) => {
      r.multi().set('a').exec((e: unknown, v: unknown) => resolve([observe(e), v])).catch(() => undefined);
    }),
  'a watched key that changed': async (r) => {
    await r.watch('a');
    await server.command('SET', 'a', 'other');
    return r.multi().set('a', 1).exec();
  },
  'a watched key that did not change': async (r) => {
    await r.watch('a');
    return r.multi().set('a', 1).exec();
  },
  'a transaction of an array': (r) => r.multi([['set', 'a', 'b'], ['get', 'a']]).exec(),
  'a transaction without a pipeline': async (r) => [await r.multi({ pipeline: false }), await r.set('a', 1), await r.get('a'), await r.hgetall('h'), await r.exec()],
  'a transaction without a pipeline, aborted': async (r) => [await r.multi({ pipeline: false }), await outcome(r.set('a')), await outcome(r.exec())],
  'a transaction without a pipeline, discarded': async (r) => [await r.multi({ pipeline: false }), await r.set('a', 1), await r.discard(), await r.get('a')],
  'exec without multi': (r) => r.exec(),
  'an inner transaction of a pipeline': (r) => r.pipeline().get('x').multi().set('a', 1).hset('h', 'f', 'v').hgetall('h').exec().get('a').exec(),
  'an inner transaction with an error': (r) => r.pipeline().multi().set('a', 'x').incr('a').exec().exec(),
  'an inner transaction that is aborted': (r) => r.pipeline().multi().set('a').exec().get('a').exec(),
  'an inner transaction that is not closed': async (r) => [await outcome(r.pipeline().set('b', 1).multi().set('a', 1).exec().exec()), await r.get('a')],
  'discard in a pipeline': (r) => r.pipeline().multi().set('a', 1).discard().get('a').exec(),
  'a pipeline with select': async (r) => [await r.pipeline().select(1).set('a', 'one').select(0).get('a').exec(), await r.get('a')],
  'objects and buffers as arguments': (r) => r.pipeline().mset({ a: 1, b: Buffer.from('x') }).mgetBuffer('a', 'b').call('get', 'b').callBuffer('get', 'b').exec(),
  'a script in a pipeline': (r) => {
    r.defineCommand('two', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1], ARGV[2]}' });
    return r.pipeline().two('k', 'a', Buffer.from('b')).twoBuffer('k', 'a', 'b').two('k', 1, 2).exec();
  },
  'a script in a transaction': (r) => {
    r.defineCommand('two', { numberOfKeys: 1, lua: 'return {KEYS[1], ARGV[1]}' });
    return r.multi().two('k', 'a').two('k', 'b').exec();
  },
  'the members of a pipeline': (r) => {
    const p = r.pipeline();
    return [p.isPipeline, typeof p.then, p.redis === r, p.options === r.options, p.promise instanceof Promise, p.get === r.pipeline().get, typeof p.set, p.isCluster];
  },
  'pipelines that are never executed': (r) => {
    r.pipeline().get('a');
    r.multi().get('a');
    return r.get('b');
  },
  'interleaved pipelines and commands': (r) => Promise.all([r.incr('n'), r.pipeline().incr('n').incr('n').exec(), r.incr('n'), r.multi().incr('n').incr('n').exec(), r.incr('n')]),
  'execBuffer': (r) => r.multi().set('a', 'b').get('a').execBuffer(),
  'quit in a pipeline': (r) => r.pipeline().set('a', 1).quit().exec(),
  'the promises of commands in a pipeline': async (r) => {
    const p = r.pipeline();
    p.set('a', 1);
    p.lpush('a', 1);
    return [await p.exec(), await p.promise];
  },
};

async function run(Redis: typeof ioredis.Redis, scenario: Scenario, options: object): Promise<unknown> {
  await server.command('FLUSHALL');
  const redis = new Redis({ port: server.port, ...options });
  const seen = await outcome((async () => scenario(redis))());
  const quiet = redis.status === 'end' ? undefined : await outcome(redis.ping());
  if (redis.status !== 'end') redis.disconnect();
  return [seen, quiet];
}

describe.each([['RESP3', {}], ['RESP2', { protocol: 2 }]])('with %s, as in ioredis:', (_, options) => {
  test.each(Object.entries(scenarios))('%s', async (_name, scenario) => {
    const expected = await run(ioredis.Redis, scenario, options);
    expect(await run(hawser.Redis, scenario, options)).toEqual(expected);
  });
});

describe.each(peers)('$name', ({ Redis }) => {
  test('a thousand commands of a pipeline are sent together', async () => {
    const redis = new Redis(server.port);
    await redis.ping();
    const pipeline = redis.pipeline();
    for (let i = 0; i < 1000; i++) pipeline.set(`k${i}`, i);
    const results = (await pipeline.exec()) ?? [];
    expect([results.length, results.every(([error, reply]) => error === null && reply === 'OK')]).toEqual([1000, true]);
    redis.disconnect();
  });

  test('an error of EXEC has the errors before it', async () => {
    const redis = new Redis(server.port);
    const error: any = await (redis.multi() as any).set('a').exec().catch((e: unknown) => e);
    expect([error.name, error.message]).toEqual(['ReplyError', 'EXECABORT Transaction discarded because of previous errors.']);
    expect(error.previousErrors.map((e: any) => e.command.name)).toEqual(['set']);
    redis.disconnect();
  });
});
