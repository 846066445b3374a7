/** `replyMapping: 'resp3'`: a client knows by its type which shapes its replies have. */
/* eslint-disable @typescript-eslint/no-floating-promises -- as people write it who have callbacks */
import Redis, { Cluster, type ChainableCommander, type RedisCommander, type RedisOptions } from 'ioredis';
import { expectTypeOf } from 'expect-type';

// ---- what a client is, by how it was made

const redis = new Redis({ replyMapping: 'resp3' });
expectTypeOf(redis).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(new Redis('redis://h', { replyMapping: 'resp3' })).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(new Redis(6379, { replyMapping: 'resp3', lazyConnect: true })).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(new Redis(6379, 'h', { replyMapping: 'resp3', protocol: 3 })).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(new Redis({ replyMapping: 'legacy' })).toEqualTypeOf<Redis>();
expectTypeOf(new Redis({ lazyConnect: true })).toEqualTypeOf<Redis>();
expectTypeOf(new Redis()).toEqualTypeOf<Redis<'legacy'>>();
expectTypeOf(redis.duplicate()).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(redis.duplicate({ connectionName: 'b' })).toEqualTypeOf<Redis<'resp3'>>();
expectTypeOf(redis.duplicate({ replyMapping: 'legacy' })).toEqualTypeOf<Redis>();
expectTypeOf(new Redis().duplicate({ replyMapping: 'resp3' })).toEqualTypeOf<Redis<'resp3'>>();

const cluster = new Cluster([], { redisOptions: { replyMapping: 'resp3' } });
expectTypeOf(cluster).toEqualTypeOf<Cluster<'resp3'>>();
expectTypeOf(new Cluster([])).toEqualTypeOf<Cluster>();
expectTypeOf(cluster.duplicate()).toEqualTypeOf<Cluster<'resp3'>>();
expectTypeOf(cluster.duplicate([], { redisOptions: { replyMapping: 'legacy' } })).toEqualTypeOf<Cluster>();

// Options of which it is not known: RESP2's shapes.
declare const options: RedisOptions;
expectTypeOf(new Redis(options).zscore('z', 'a')).resolves.toEqualTypeOf<string | null>();

// ---- doubles are numbers

expectTypeOf(redis.zscore('z', 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(redis.zscoreBuffer('z', 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(redis.zmscore('z', 'a', 'b')).resolves.toEqualTypeOf<(number | null)[]>();
expectTypeOf(redis.zincrby('z', 1, 'a')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zadd('z', 'INCR', 1, 'a')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zadd('z', 'NX', 'INCR', 1, 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(redis.zadd('z', 1, 'a')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zrank('z', 'a', 'WITHSCORE')).resolves.toEqualTypeOf<[rank: number, score: number] | null>();
expectTypeOf(redis.zrevrank('z', 'a', 'WITHSCORE')).resolves.toEqualTypeOf<[rank: number, score: number] | null>();
expectTypeOf(redis.zrank('z', 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(redis.geopos('g', 'a')).resolves.toEqualTypeOf<([longitude: number, latitude: number] | null)[]>();
expectTypeOf(redis.bzpopmin('z', 1)).resolves.toEqualTypeOf<[key: string, member: string, score: number] | null>();
expectTypeOf(redis.bzpopmaxBuffer('z', 1)).resolves.toEqualTypeOf<[key: Buffer, member: Buffer, score: number] | null>();
// Text is text all the same.
expectTypeOf(redis.incrbyfloat('k', '0.5')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.geodist('g', 'a', 'b')).resolves.toEqualTypeOf<string | null>();

// ---- members with scores are pairs

type Pairs<T> = [member: T, score: number][];
expectTypeOf(redis.zrange('z', '0', '-1', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrangeBuffer('z', '0', '-1', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<Buffer>>();
expectTypeOf(redis.zrange('z', '0', '-1')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zrange('z', '0', '5', 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrangebyscore('z', 0, 5, 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrangebyscore('z', 0, 5, 'WITHSCORES', 'LIMIT', 0, 1)).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrevrange('z', 0, -1, 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrevrangebyscore('z', 5, 0, 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zrandmember('z', 2, 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zdiff(1, 'z', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zinter(2, 'z', 'y', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zinter(2, 'z', 'y', 'WEIGHTS', 1, 2, 'AGGREGATE', 'MAX', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zinter(2, ['z', 'y'])).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zunion(2, ['z', 'y'], 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<string>>();
expectTypeOf(redis.zunionBuffer(2, 'z', 'y', 'WITHSCORES')).resolves.toEqualTypeOf<Pairs<Buffer>>();
expectTypeOf(redis.zunion(2, 'z', 'y', 'AGGREGATE', 'SUM')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zpopmin('z')).resolves.toEqualTypeOf<[member: string, score: number] | []>();
expectTypeOf(redis.zpopmax('z', 2)).resolves.toEqualTypeOf<Pairs<string>>();

// ---- maps are objects

expectTypeOf(redis.hgetall('h')).resolves.toEqualTypeOf<Record<string, string>>();
expectTypeOf(redis.hgetallBuffer('h')).resolves.toEqualTypeOf<Record<string, Buffer>>();
expectTypeOf(redis.config('GET', 'a*')).resolves.toEqualTypeOf<Record<string, string>>();
expectTypeOf(redis.hello()).resolves.toEqualTypeOf<Record<string, unknown>>();
expectTypeOf(redis.memory('STATS')).resolves.toEqualTypeOf<Record<string, unknown>>();
type Entries<Fields> = Record<string, [id: string, fields: Fields][]> | null;
expectTypeOf(redis.xread('COUNT', 1, 'STREAMS', 's', 0)).resolves.toEqualTypeOf<Entries<string[]>>();
expectTypeOf(redis.xreadgroup('GROUP', 'g', 'c', 'COUNT', 1, 'STREAMS', 's', '>')).resolves.toEqualTypeOf<Entries<string[] | null>>();
expectTypeOf(redis.xrange('s', '-', '+')).resolves.toEqualTypeOf<[id: string, fields: string[]][]>();

// ---- vector sets

expectTypeOf(redis.vadd('v', 'VALUES', 2, 1, 0, 'a')).resolves.toEqualTypeOf<boolean>();
expectTypeOf(redis.vrem('v', 'a')).resolves.toEqualTypeOf<boolean>();
expectTypeOf(redis.vismember('v', 'a')).resolves.toEqualTypeOf<boolean>();
expectTypeOf(redis.vsetattr('v', 'a', '{}')).resolves.toEqualTypeOf<boolean>();
expectTypeOf(redis.vemb('v', 'a')).resolves.toEqualTypeOf<number[] | null>();
expectTypeOf(redis.vinfo('v')).resolves.toEqualTypeOf<Record<string, string | number> | null>();
expectTypeOf(redis.vsim('v', 'ELE', 'a')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.vsim('v', 'ELE', 'a', 'WITHSCORES', 'COUNT', 2)).resolves.toEqualTypeOf<Record<string, number>>();
expectTypeOf(redis.vsim('v', 'ELE', 'a', 'WITHATTRIBS')).resolves.toEqualTypeOf<Record<string, string | null>>();
expectTypeOf(redis.vsim('v', 'ELE', 'a', 'WITHSCORES', 'WITHATTRIBS')).resolves.toEqualTypeOf<
  Record<string, [score: number, attributes: string | null]>
>();
expectTypeOf(new Redis().vsim('v', 'ELE', 'a', 'WITHSCORES')).resolves.toEqualTypeOf<string[]>();

// ---- callbacks, pipelines, clusters

redis.zscore('z', 'a', (_, score) => expectTypeOf(score).toEqualTypeOf<number | null | undefined>());
redis.zrange('z', '0', '-1', 'WITHSCORES', (_, pairs) => pairs?.map(([member, score]) => member.length + score));
expectTypeOf(redis.pipeline()).toEqualTypeOf<ChainableCommander<'resp3'>>();
expectTypeOf(redis.multi().zadd('z', 1, 'a')).toEqualTypeOf<ChainableCommander<'resp3'>>();
redis.pipeline().get('a').zscore('z', 'a', (_, score) => expectTypeOf(score).toEqualTypeOf<number | null | undefined>());
new Redis().pipeline().zscore('z', 'a', (_, score) => expectTypeOf(score).toEqualTypeOf<string | null | undefined>());
expectTypeOf(cluster.zscore('z', 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(cluster.pipeline()).toEqualTypeOf<ChainableCommander<'resp3'>>();

const commander: RedisCommander<{ type: 'default'; mapping: 'resp3' }> = redis;
console.log(commander);
// @ts-expect-error there is no such mapping
new Redis({ replyMapping: 'resp4' });
