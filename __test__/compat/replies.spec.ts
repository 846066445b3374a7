/** Arguments and replies: hawser sends and resolves the same as ioredis, call by call. */
import type { Redis } from 'ioredis';
import { serverForAll } from '../helpers/lifetimes';
import { hawser, ioredis, outcome, peers } from './peers';

const server = serverForAll();

type Call = (redis: any) => unknown;

/** Each runs on an empty database; the calls of one scenario run one after another. */
const scenarios: Record<string, Call[]> = {
  'strings, numbers, null, undefined and booleans as arguments': [
    (r) => r.set('a', 1.5), (r) => r.get('a'), (r) => r.set('a', null), (r) => r.get('a'), (r) => r.set('a', undefined), (r) => r.get('a'),
    (r) => r.set('a', true), (r) => r.get('a'), (r) => r.set('a', 1e21), (r) => r.get('a'), (r) => r.set('a', -0), (r) => r.get('a'),
    (r) => r.set('a', 2 ** 60), (r) => r.get('a'), (r) => r.set('a', NaN), (r) => r.get('a'), (r) => r.set('a', 10n), (r) => r.get('a'),
    (r) => r.set('a', { toString: () => 'own' }), (r) => r.get('a'), (r) => r.set('a', new Date(0)), (r) => r.strlen('a'),
    (r) => r.set('a', {}), (r) => r.get('a'), (r) => r.set('a', ''), (r) => r.get('a'),
  ],
  'lists of arguments, one level deep': [
    (r) => r.del(['x', 'y']), (r) => r.mset(['k', 'v'], 'l', 'w'), (r) => r.mget(['k', 'l']), (r) => r.rpush('q', ['a', ['b', 'c']]), (r) => r.lrange('q', 0, -1),
    (r) => r.mget('k', ['l', 'm']), (r) => r.del([]), (r) => r.sadd('s', []), (r) => r.set(['a', 'b']),
  ],
  'objects and Maps for mset, msetnx, hset and hmset': [
    (r) => r.mset({ a: 1, b: null }), (r) => r.mget('a', 'b'), (r) => r.mset(new Map<any, any>([['c', 1], [2, 3]])), (r) => r.mget('c', '2'),
    (r) => r.msetnx({ d: 1 }), (r) => r.hset('h', { f: 1, g: 'x' }), (r) => r.hset('h', new Map([['i', 'j']])), (r) => r.hmset('h', { k: 5 }),
    (r) => r.hgetall('h'), (r) => r.hset('h', 'l', 'm'), (r) => r.mset(['e', '1']), (r) => r.hset('h', {}), (r) => r.mset({}),
    (r) => r.hset('h', { n: Buffer.from([255]) }), (r) => r.hgetBuffer('h', 'n'), (r) => r.hset('h', Buffer.from('x')),
    (r) => r.hset('h', { nested: ['a', 'b'] }), (r) => r.hget('h', 'nested'), (r) => r.call('hset', 'h', { o: 'p' }), (r) => r.hget('h', 'o'),
    (r) => r.call('HSET', 'h', { q: 'p' }),
  ],
  'hgetall with fields that are special in JavaScript': [
    (r) => r.hset('h', '__proto__', '1', 'constructor', '2', 'toString', '3'), async (r) => Object.entries(await r.hgetall('h')),
    async (r) => Object.getPrototypeOf(await r.hgetall('h')) === Object.prototype, (r) => r.hgetall('none'), (r) => r.hgetallBuffer('h'), (r) => r.call('hgetall', 'h'),
    (r) => r.call('HGETALL', 'h'), (r) => r.set('s', '1'), (r) => r.hgetall('s'),
  ],
  'Buffer replies': [
    (r) => r.set('k', Buffer.from([0, 255, 13, 10])), (r) => r.getBuffer('k'), (r) => r.get('k'), (r) => r.mgetBuffer('k', 'none'), (r) => r.setBuffer('k', 'x'),
    (r) => r.incrBuffer('n'), (r) => r.callBuffer('get', 'k'), (r) => r.set(Buffer.from('bk'), 'v'), (r) => r.getBuffer(Buffer.from('bk')),
    (r) => r.evalBuffer("return {'a', {1, 'b'}, false}", 0), (r) => r.pingBuffer(), (r) => r.echo(Buffer.from('é')), (r) => r.set('k', Buffer.alloc(0)), (r) => r.getBuffer('k'),
  ],
  'text that is not ASCII, and lone surrogates': [
    (r) => r.set('k', 'zażółć 🎉'), (r) => r.get('k'), (r) => r.set('k', '\ud800'), (r) => r.getBuffer('k'), (r) => r.set('\ud83c', '\udf89'), (r) => r.get('\ud83c'),
    (r) => r.mset('\ud83c', '\udf89', 'x', '\ud83c\udf89'), (r) => r.mgetBuffer('\ud83c', 'x'), (r) => r.set('k', 'é'.repeat(40)), (r) => r.get('k'),
    (r) => r.set('k', Buffer.from([0xc3, 0x28])), (r) => r.get('k'),
  ],
  'errors': [
    (r) => r.set('s', 'x'), (r) => r.incr('s'), (r) => r.lpush('s', 1), (r) => r.get(), (r) => r.set('k'), (r) => r.call('nosuch', 'a', 'b'), (r) => r.call('GET'),
    (r) => r.eval('return redis.error_reply("MY own")', 0), (r) => r.eval('bad lua', 0), (r) => r.set('k', 'v', 'EX', 'abc'), (r) => r.select(99), (r) => r.get('s'),
  ],
  'sorted sets with scores': [
    (r) => r.zadd('z', 1, 'a', 2.5, 'b', '+inf', 'c', 3e20, 'd'), (r) => r.zrange('z', 0, -1), (r) => r.zrange('z', 0, -1, 'WITHSCORES'), (r) => r.zrangebyscore('z', 0, 5, 'WITHSCORES'),
    (r) => r.zrevrange('z', 0, 1, 'WITHSCORES'), (r) => r.zrevrangebyscore('z', '+inf', 0, 'WITHSCORES'), (r) => r.zscore('z', 'b'), (r) => r.zmscore('z', 'a', 'none', 'c'),
    (r) => r.zincrby('z', 1.25, 'a'), (r) => r.zadd('z', 'INCR', 1, 'a'), (r) => r.zrangeBuffer('z', 0, -1, 'WITHSCORES'), (r) => r.zrandmember('z', 4, 'WITHSCORES').then((x: any) => x.length),
    (r) => r.zunion(2, 'z', 'z', 'WITHSCORES'), (r) => r.zinter(1, 'z', 'WITHSCORES'), (r) => r.zdiff(1, 'z', 'WITHSCORES'), (r) => r.zpopmin('z'), (r) => r.zpopmin('z', 1), (r) => r.zpopmax('z', 2),
    (r) => r.zpopmin('none'), (r) => r.zadd('z2', 1, 'a'), (r) => r.bzpopmin('z2', 1), (r) => r.zadd('z2', 1, 'a'), (r) => r.bzpopmax('z2', 1), (r) => r.zadd('z2', 1, 'a'), (r) => r.zmpop(1, 'z2', 'MIN'),
    (r) => r.zadd('z2', 1, 'a'), (r) => r.bzmpop(1, 1, 'z2', 'MIN'), (r) => r.zadd('z2', 1, 'a'), (r) => r.zrank('z2', 'a', 'WITHSCORE'), (r) => r.zscan('z2', 0), (r) => r.zscore('z2', 'none'),
    (r) => r.call('zrange', 'z2', 0, -1, 'WITHSCORES'), (r) => r.call('ZRANGE', 'z2', 0, -1, 'WITHSCORES'), (r) => r.bzpopmin('none', 0.01),
  ],
  'streams': [
    (r) => r.xadd('s', '1-1', 'f', 'v', 'g', 'w'), (r) => r.xadd('s', '2-1', 'f', 'v2'), (r) => r.xread('COUNT', 1, 'STREAMS', 's', '0'), (r) => r.xread('STREAMS', 's', 's', '0', '1-1'),
    (r) => r.xread('STREAMS', 's', '9-9'), (r) => r.xread('BLOCK', 5, 'STREAMS', 's', '9-9'), (r) => r.xrange('s', '-', '+'), (r) => r.xgroup('CREATE', 's', 'g', '0'),
    (r) => r.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 's', '>'), (r) => r.xpending('s', 'g'), (r) => r.xack('s', 'g', '1-1'), (r) => r.xinfo('GROUPS', 's'), (r) => r.xreadBuffer('STREAMS', 's', '1-1'),
    (r) => r.xautoclaim('s', 'g', 'c2', 0, '0'), (r) => r.xclaim('s', 'g', 'c', 0, '2-1'), (r) => r.xlen('s'), (r) => r.xdel('s', '1-1'),
  ],
  'maps, sets, doubles, booleans and null in RESP2\'s shapes': [
    (r) => r.config('GET', 'maxmemory*').then((x: any) => x.slice(0, 2).map((y: any) => typeof y)), (r) => r.sadd('set', 'a'), (r) => r.smembers('set'), (r) => r.sismember('set', 'a'),
    (r) => r.hset('h', 'f', 1), (r) => r.hrandfield('h', 1, 'WITHVALUES'), (r) => r.hrandfield('h'), (r) => r.hincrbyfloat('h', 'f', 1.5), (r) => r.incrbyfloat('n', 0.1), (r) => r.get('none'), (r) => r.lpop('none'), (r) => r.lpop('none', 2),
    (r) => r.geoadd('g', 13.361389, 38.115556, 'P'), (r) => r.geopos('g', 'P', 'none'), (r) => r.geodist('g', 'P', 'P'), (r) => r.geosearch('g', 'FROMMEMBER', 'P', 'BYRADIUS', 1, 'km', 'WITHCOORD', 'WITHDIST'),
    (r) => r.command('COUNT').then((x: any) => typeof x), (r) => r.lcs('n', 'n', 'IDX'), (r) => r.eval('return {true, false, 1.7}', 0), (r) => r.function('STATS'), (r) => r.pubsub('NUMSUB', 'a'), (r) => r.script('EXISTS', 'x'),
    (r) => r.object('ENCODING', 'n'), (r) => r.time().then((x: any) => x.map((y: any) => typeof y)), (r) => r.lolwut().then((x: any) => typeof x), (r) => r.memory('USAGE', 'n').then((x: any) => typeof x),
    (r) => r.eval("redis.setresp(3); return redis.call('hgetall', KEYS[1])", 1, 'h'), (r) => r.scan(0), (r) => r.hscan('h', 0), (r) => r.sscan('set', 0),
  ],
  'integers': [(r) => r.set('n', '9007199254740993'), (r) => r.incr('n'), (r) => r.decr('n'), (r) => r.set('n', '-5'), (r) => r.decr('n'), (r) => r.set('n', '9223372036854775806'), (r) => r.incr('n')],
  'odd calls': [
    (r) => r.call('set', ['a', 'b']), (r) => r.call('get', 'a'), (r) => r.send_command('get', 'a'), (r) => r.send_command('mget', ['a', 'b']), (r) => r.sort('none'), (r) => r.exists('a', 'b'),
    (r) => r.echo(''), (r) => r.client('GETNAME'), (r) => r.discard(), (r) => r.ping(), (r) => r.ping('hi'), (r) => r.getset('a', 'c'), (r) => r.set('a', 'b', 'PX', 1000, 'NX'), (r) => r.type('a'),
    (r) => r.dbsize(), (r) => r.swapdb(0, 1), (r) => r.swapdb(0, 1), (r) => r.getdel('a'),
  ],
};

async function run(Redis: typeof ioredis.Redis, options: object, calls: Call[]): Promise<unknown[]> {
  await server.command('FLUSHALL');
  const redis: Redis = new Redis({ port: server.port, ...options });
  const seen: unknown[] = [];
  try {
    // Each with its source, so that a difference shows the call.
    for (const call of calls) seen.push([call.toString(), await outcome((async () => call(redis))())]);
  } finally {
    redis.disconnect();
  }
  return seen;
}

const ways = {
  'RESP3': {},
  'RESP2': { protocol: 2 },
  'replyMapping resp3': { replyMapping: 'resp3' },
  'stringNumbers': { stringNumbers: true },
  'stringNumbers and replyMapping resp3': { stringNumbers: true, replyMapping: 'resp3' },
};

describe.each(Object.entries(ways))('with %s, replies are those of ioredis:', (_, options) => {
  test.each(Object.entries(scenarios))('%s', async (_name, calls) => {
    const expected = await run(ioredis.Redis, options, calls);
    expect(await run(hawser.Redis, options, calls)).toEqual(expected);
  });
});

describe.each(peers)('$name', ({ Redis }) => {
  test('callbacks get the value that the promise resolves', async () => {
    const redis: any = new Redis(server.port);
    const seen = await new Promise((resolve) => {
      void redis.set('k', 'v', (error: Error | null, reply: unknown) => {
        redis.callBuffer('get', 'k', (second: Error | null, buffer: unknown) => resolve([error, reply, second, buffer]));
      });
    });
    expect(seen).toEqual([null, 'OK', null, Buffer.from('v')]);
    const failed = await new Promise<Error>((resolve) => void redis.call('nosuch', (error: any) => resolve(error)).catch(() => undefined));
    expect(failed.name).toBe('ReplyError');
    redis.disconnect();
  });
});
