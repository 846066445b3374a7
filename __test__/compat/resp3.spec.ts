/**
 * `replyMapping: 'resp3'`: the types of replies match what a server sends. The compiler checks every expected value against the type of the
 * call beside it; the run checks it against the server's answer and against ioredis's.
 */
import IORedis from 'ioredis';
import { Redis } from '../../lib';
import { serverForAll } from '../helpers/lifetimes';
import { until } from '../helpers/until';

type Client = Redis<'resp3'>;
interface Case {
  since: number[];
  run: (redis: never) => Promise<unknown>;
  expected: unknown;
}
const legacyCases: [string, Case][] = [];
const resp3Cases: [string, Case][] = [];

/** The same call, in RESP2's shape and in RESP3's; the types come from the two clients. */
function shapes<Old, New>(
  title: string,
  old: [(redis: Redis) => Promise<Old>, NoInfer<Old>],
  now: [(redis: Client) => Promise<New>, NoInfer<New>],
  since = [6, 2],
): void {
  legacyCases.push([title, { since, run: old[0], expected: old[1] }]);
  resp3Cases.push([title, { since, run: now[0], expected: now[1] }]);
}

const b = (text: string): Buffer => Buffer.from(text);

shapes('ZSCORE', [(r) => r.zscore('z', 'b'), '2.5'], [(r) => r.zscore('z', 'b'), 2.5]);
shapes('ZSCORE of nobody', [(r) => r.zscore('z', 'none'), null], [(r) => r.zscore('z', 'none'), null]);
shapes('ZSCORE, Buffers', [(r) => r.zscoreBuffer('z', 'b'), b('2.5')], [(r) => r.zscoreBuffer('z', 'b'), 2.5]);
shapes('ZMSCORE', [(r) => r.zmscore('z', 'a', 'none'), ['1', null]], [(r) => r.zmscore('z', 'a', 'none'), [1, null]]);
shapes('ZINCRBY', [(r) => r.zincrby('n', 1.5, 'a'), '1.5'], [(r) => r.zincrby('n', 1.5, 'a'), 1.5]);
shapes('ZADD INCR', [(r) => r.zadd('n', 'INCR', 2, 'a'), '2'], [(r) => r.zadd('n', 'INCR', 2, 'a'), 2]);
shapes('ZADD XX INCR of nobody', [(r) => r.zadd('n', 'XX', 'INCR', 2, 'a'), null], [(r) => r.zadd('n', 'XX', 'INCR', 2, 'a'), null]);
shapes('ZADD', [(r) => r.zadd('n', 2, 'a'), 1], [(r) => r.zadd('n', 2, 'a'), 1]);
shapes('ZRANK WITHSCORE', [(r) => r.zrank('z', 'b', 'WITHSCORE'), [1, '2.5']], [(r) => r.zrank('z', 'b', 'WITHSCORE'), [1, 2.5]], [7, 2]);
shapes('ZREVRANK WITHSCORE', [(r) => r.zrevrank('z', 'b', 'WITHSCORE'), [0, '2.5']], [(r) => r.zrevrank('z', 'b', 'WITHSCORE'), [0, 2.5]], [7, 2]);
shapes('ZRANGE WITHSCORES', [(r) => r.zrange('z', 0, -1, 'WITHSCORES'), ['a', '1', 'b', '2.5']], [(r) => r.zrange('z', 0, -1, 'WITHSCORES'), [['a', 1], ['b', 2.5]]]);
shapes('ZRANGE WITHSCORES, Buffers', [(r) => r.zrangeBuffer('z', 0, 0, 'WITHSCORES'), [b('a'), b('1')]], [(r) => r.zrangeBuffer('z', 0, 0, 'WITHSCORES'), [[b('a'), 1]]]);
shapes('ZRANGE', [(r) => r.zrange('z', 0, -1), ['a', 'b']], [(r) => r.zrange('z', 0, -1), ['a', 'b']]);
shapes('ZRANGE BYSCORE LIMIT WITHSCORES', [(r) => r.zrange('z', 0, 9, 'BYSCORE', 'LIMIT', 1, 1, 'WITHSCORES'), ['b', '2.5']], [(r) => r.zrange('z', 0, 9, 'BYSCORE', 'LIMIT', 1, 1, 'WITHSCORES'), [['b', 2.5]]]);
shapes('ZRANGEBYSCORE WITHSCORES', [(r) => r.zrangebyscore('z', 0, 1, 'WITHSCORES'), ['a', '1']], [(r) => r.zrangebyscore('z', 0, 1, 'WITHSCORES'), [['a', 1]]]);
shapes('ZREVRANGE WITHSCORES', [(r) => r.zrevrange('z', 0, 0, 'WITHSCORES'), ['b', '2.5']], [(r) => r.zrevrange('z', 0, 0, 'WITHSCORES'), [['b', 2.5]]]);
shapes('ZREVRANGEBYSCORE WITHSCORES', [(r) => r.zrevrangebyscore('z', 1, 0, 'WITHSCORES'), ['a', '1']], [(r) => r.zrevrangebyscore('z', 1, 0, 'WITHSCORES'), [['a', 1]]]);
shapes('ZRANDMEMBER WITHSCORES', [(r) => r.zrandmember('one', 1, 'WITHSCORES'), ['a', '3']], [(r) => r.zrandmember('one', 1, 'WITHSCORES'), [['a', 3]]]);
shapes('ZDIFF WITHSCORES', [(r) => r.zdiff(2, 'z', 'one', 'WITHSCORES'), ['b', '2.5']], [(r) => r.zdiff(2, 'z', 'one', 'WITHSCORES'), [['b', 2.5]]]);
shapes('ZINTER WITHSCORES', [(r) => r.zinter(2, 'z', 'one', 'WITHSCORES'), ['a', '4']], [(r) => r.zinter(2, 'z', 'one', 'WITHSCORES'), [['a', 4]]]);
shapes('ZINTER', [(r) => r.zinter(2, ['z', 'one'], 'AGGREGATE', 'MAX'), ['a']], [(r) => r.zinter(2, ['z', 'one'], 'AGGREGATE', 'MAX'), ['a']]);
shapes('ZUNION WITHSCORES', [(r) => r.zunion(1, 'z', 'WEIGHTS', 2, 'WITHSCORES'), ['a', '2', 'b', '5']], [(r) => r.zunion(1, 'z', 'WEIGHTS', 2, 'WITHSCORES'), [['a', 2], ['b', 5]]]);
shapes('ZPOPMIN', [(r) => r.zpopmin('z'), ['a', '1']], [(r) => r.zpopmin('z'), ['a', 1]]);
shapes('ZPOPMIN of nothing', [(r) => r.zpopmin('none'), []], [(r) => r.zpopmin('none'), []]);
shapes('ZPOPMAX with a count', [(r) => r.zpopmax('z', 2), ['b', '2.5', 'a', '1']], [(r) => r.zpopmax('z', 2), [['b', 2.5], ['a', 1]]]);
shapes('BZPOPMIN', [(r) => r.bzpopmin('z', 1), ['z', 'a', '1']], [(r) => r.bzpopmin('z', 1), ['z', 'a', 1]]);
shapes('BZPOPMAX, Buffers', [(r) => r.bzpopmaxBuffer('z', 1), [b('z'), b('b'), b('2.5')]], [(r) => r.bzpopmaxBuffer('z', 1), [b('z'), b('b'), 2.5]]);
shapes('ZMPOP', [(r) => r.zmpop(1, 'z', 'MIN'), ['z', [['a', '1']]]], [(r) => r.zmpop(1, 'z', 'MIN'), ['z', [['a', 1]]]], [7, 0]);
shapes('BZMPOP', [(r) => r.bzmpop(1, 1, 'z', 'MAX'), ['z', [['b', '2.5']]]], [(r) => r.bzmpop(1, 1, 'z', 'MAX'), ['z', [['b', 2.5]]]], [7, 0]);
shapes('ZSCAN', [(r) => r.zscan('one', 0), ['0', ['a', '3']]], [(r) => r.zscan('one', 0), ['0', ['a', '3']]]);
shapes('HRANDFIELD WITHVALUES', [(r) => r.hrandfield('h', 2, 'WITHVALUES'), ['f', '1']], [(r) => r.hrandfield('h', 2, 'WITHVALUES'), [['f', '1']]]);
shapes('HGETALL', [(r) => r.hgetall('h'), { f: '1' }], [(r) => r.hgetall('h'), { f: '1' }]);
shapes('HGETALL, Buffers', [(r) => r.hgetallBuffer('h'), { f: b('1') }], [(r) => r.hgetallBuffer('h'), { f: b('1') }]);
shapes('HINCRBYFLOAT', [(r) => r.hincrbyfloat('h', 'f', 0.5), '1.5'], [(r) => r.hincrbyfloat('h', 'f', 0.5), '1.5']);
shapes('SMEMBERS', [(r) => r.smembers('s'), ['m']], [(r) => r.smembers('s'), ['m']]);
shapes('SISMEMBER', [(r) => r.sismember('s', 'm'), 1], [(r) => r.sismember('s', 'm'), 1]);
shapes('CONFIG GET', [(r) => r.config('GET', 'databases'), ['databases', '16']], [(r) => r.config('GET', 'databases'), { databases: '16' }]);
shapes('GEODIST', [(r) => r.geodist('g', 'a', 'a'), '0.0000'], [(r) => r.geodist('g', 'a', 'a'), '0.0000']);
shapes('XREAD', [(r) => r.xread('STREAMS', 'x', 0), [['x', [['1-1', ['f', 'v']]]]]], [(r) => r.xread('STREAMS', 'x', 0), { x: [['1-1', ['f', 'v']]] }]);
shapes('XREAD of nothing', [(r) => r.xread('STREAMS', 'x', '$'), null], [(r) => r.xread('STREAMS', 'x', '$'), null]);
shapes('XREADGROUP', [(r) => r.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 'x', '>'), [['x', [['1-1', ['f', 'v']]]]]], [(r) => r.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 'x', '>'), { x: [['1-1', ['f', 'v']]] }]);
shapes('XREADGROUP of a deleted entry', [(r) => r.xdel('y', '1-1').then(() => r.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 'y', 0)), [['y', [['1-1', null]]]]], [(r) => r.xdel('y', '1-1').then(() => r.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 'y', 0)), { y: [['1-1', null]] }]);
shapes('XRANGE', [(r) => r.xrange('x', '-', '+'), [['1-1', ['f', 'v']]]], [(r) => r.xrange('x', '-', '+'), [['1-1', ['f', 'v']]]]);
shapes('VADD', [(r) => r.vadd('w', 'VALUES', 2, 1, 0, 'a'), 1], [(r) => r.vadd('w', 'VALUES', 2, 1, 0, 'a'), true], [8, 0]);
shapes('VREM', [(r) => r.vrem('v', 'none'), 0], [(r) => r.vrem('v', 'none'), false], [8, 0]);
shapes('VISMEMBER', [(r) => r.vismember('v', 'a'), 1], [(r) => r.vismember('v', 'a'), true], [8, 0]);
shapes('VSETATTR', [(r) => r.vsetattr('v', 'a', '{}'), 1], [(r) => r.vsetattr('v', 'a', '{}'), true], [8, 0]);
shapes('VSIM', [(r) => r.vsim('v', 'ELE', 'a'), ['a']], [(r) => r.vsim('v', 'ELE', 'a'), ['a']], [8, 0]);
shapes('VSIM WITHSCORES', [(r) => r.vsim('v', 'ELE', 'a', 'WITHSCORES'), ['a', '1']], [(r) => r.vsim('v', 'ELE', 'a', 'WITHSCORES'), { a: 1 }], [8, 0]);
shapes('VSIM WITHSCORES WITHATTRIBS', [(r) => r.vsim('v', 'ELE', 'a', 'WITHSCORES', 'WITHATTRIBS'), ['a', '1', null as never]], [(r) => r.vsim('v', 'ELE', 'a', 'WITHSCORES', 'WITHATTRIBS'), { a: [1, null] }], [8, 2]);
shapes('VEMB', [(r) => r.vemb('v', 'a'), ['1', '0']], [(r) => r.vemb('v', 'a'), [1, 0]], [8, 0]);

const server = serverForAll();

const isThere = ({ since: [major, minor] }: Case): boolean => {
  const [ours, theirs] = server.version.numbers;
  // Valkey's versions continue from 7.2, and it has no vector sets.
  return server.version.valkey ? major < 8 : ours > major || (ours === major && theirs >= minor);
};

/** The data that the calls find. */
async function fill(redis: Redis | Client): Promise<void> {
  await redis.flushall();
  await redis.zadd('z', 1, 'a', 2.5, 'b');
  await redis.zadd('one', 3, 'a');
  await redis.hset('h', 'f', 1);
  await redis.sadd('s', 'm');
  await redis.geoadd('g', 13.5, 38.1, 'a');
  for (const key of ['x', 'y']) {
    await redis.xadd(key, '1-1', 'f', 'v');
    await redis.xgroup('CREATE', key, 'g', 0);
  }
  await redis.xreadgroup('GROUP', 'g', 'c', 'STREAMS', 'y', '>');
  if (!server.version.valkey && server.version.numbers[0] >= 8) await redis.vadd('v', 'VALUES', 2, 1, 0, 'a', 'NOQUANT');
}

describe.each([
  ['legacy', legacyCases],
  ['resp3', resp3Cases],
] as const)('replyMapping %s', (replyMapping, cases) => {
  let redis: Redis<'legacy' | 'resp3'>;
  let theirs: IORedis<'legacy' | 'resp3'>;
  beforeAll(() => {
    redis = new Redis({ port: server.port, replyMapping });
    theirs = new IORedis({ port: server.port, replyMapping });
  });
  beforeEach(() => fill(redis));
  afterAll(() => {
    redis.disconnect();
    theirs.disconnect();
  });

  test.each(cases)('%s', async (_, scenario) => {
    if (!isThere(scenario)) return;
    expect(await scenario.run(redis as never)).toStrictEqual(scenario.expected);
    await fill(redis);
    expect(await scenario.run(theirs as never)).toEqual(scenario.expected);
  });
});

test('maps are objects, to which servers may add entries, and coordinates are numbers', async () => {
  const redis = new Redis({ port: server.port, replyMapping: 'resp3' });
  await fill(redis);
  const hello: Record<string, unknown> = await redis.hello();
  expect(hello).toMatchObject({ proto: 3, role: 'master' });
  const stats: Record<string, unknown> = await redis.memory('STATS');
  expect(stats['keys.count']).toBeGreaterThan(0);
  const user: Record<string, unknown> | null = await redis.acl('GETUSER', 'default');
  expect(user?.flags).toContain('on');
  const tracking: Record<string, unknown> = await redis.client('TRACKINGINFO');
  expect(tracking).toMatchObject({ flags: ['off'], redirect: -1 });
  const [place, nowhere]: ([number, number] | null)[] = await redis.geopos('g', 'a', 'none');
  expect(place?.map(Math.round)).toEqual([14, 38]);
  expect(nowhere).toBeNull();
  if (!server.version.valkey && server.version.numbers[0] >= 8) {
    const info: Record<string, string | number> | null = await redis.vinfo('v');
    expect(info).toMatchObject({ 'vector-dim': 2, size: 1 });
  }
  await redis.quit();
});

test('a transaction has the same shapes, in callbacks and in the result of EXEC', async () => {
  const redis = new Redis({ port: server.port, replyMapping: 'resp3' });
  await fill(redis);
  const heard: (number | null | undefined)[] = [];
  const outcomes = await redis
    .pipeline()
    .zscore('z', 'b', (_error, score) => heard.push(score))
    .zrange('z', 0, 0, 'WITHSCORES')
    .exec();
  expect(outcomes).toEqual([[null, 2.5], [null, [['a', 1]]]]);
  expect(await redis.multi().zscore('z', 'b').config('GET', 'databases').exec()).toEqual([[null, 2.5], [null, { databases: '16' }]]);
  await until(() => heard.length > 0);
  expect(heard).toEqual([2.5]);
  const other = redis.duplicate({ connectionName: 'b' });
  const score: number | null = await other.zscore('z', 'b');
  expect(score).toBe(2.5);
  await Promise.all([redis.quit(), other.quit()]);
});
