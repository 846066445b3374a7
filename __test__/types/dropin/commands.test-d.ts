/** Commands, callbacks, Buffers, pipelines and transactions, as applications of ioredis write them. */
/* eslint-disable @typescript-eslint/no-floating-promises -- as people write it who have callbacks */
import Redis, { type Callback, type ChainableCommander, Cluster, type RedisCommander, type RedisKey, type RedisValue, type Result } from 'ioredis';
import { expectTypeOf } from 'expect-type';

const redis = new Redis();
declare const cluster: Cluster;
declare const either: Redis | Cluster;
declare const keys: string[];
declare const buffers: Buffer[];

// ---- one by one

expectTypeOf(redis.get('k')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.getBuffer('k')).resolves.toEqualTypeOf<Buffer | null>();
expectTypeOf(redis.set('k', 'v')).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.set('k', 'v', 'EX', 10)).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.set('k', 'v', 'PX', 10, 'NX')).resolves.toEqualTypeOf<'OK' | null>();
expectTypeOf(redis.set('k', 'v', 'NX')).resolves.toEqualTypeOf<'OK' | null>();
expectTypeOf(redis.set('k', 'v', 'GET')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.set('k', 'v', 'EX', 10, 'GET')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.setBuffer('k', 'v', 'GET')).resolves.toEqualTypeOf<Buffer | null>();
expectTypeOf(redis.setex('k', 10, 'v')).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.setnx('k', 'v')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.mget('a', 'b')).resolves.toEqualTypeOf<(string | null)[]>();
expectTypeOf(redis.mget(keys)).resolves.toEqualTypeOf<(string | null)[]>();
expectTypeOf(redis.mgetBuffer(...buffers)).resolves.toEqualTypeOf<(Buffer | null)[]>();
expectTypeOf(redis.mset({ a: 1, b: 'x' })).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.mset(new Map([['a', 1]]))).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.mset(['a', 1, 'b', 2])).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.del('a', 'b')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.del(keys)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.unlink(...keys)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.exists('a', Buffer.from('b'))).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.incrby('k', 2)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.incrbyfloat('k', '0.5')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.expire('k', 10)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.pexpire('k', 10, 'GT')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.ttl('k')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.keys('*')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.scan(0, 'MATCH', 'a*', 'COUNT', 10)).resolves.toEqualTypeOf<[cursor: string, elements: string[]]>();
expectTypeOf(redis.hset('k', 'f', 'v')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.hset('k', { f: 'v', g: 1 })).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.hget('k', 'f')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.hmget('k', 'f', 'g')).resolves.toEqualTypeOf<(string | null)[]>();
expectTypeOf(redis.hgetall('k')).resolves.toEqualTypeOf<Record<string, string>>();
expectTypeOf(redis.hgetallBuffer('k')).resolves.toEqualTypeOf<Record<string, Buffer>>();
expectTypeOf(redis.hincrby('k', 'f', 1)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.lpush('k', ...keys)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.rpop('k')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.rpop('k', 2)).resolves.toEqualTypeOf<string[] | null>();
expectTypeOf(redis.lrange('k', 0, -1)).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.brpop('a', 'b', 5)).resolves.toEqualTypeOf<[string, string] | null>();
expectTypeOf(redis.blmove('a', 'b', 'LEFT', 'RIGHT', 5)).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.smembers('k')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.sismember('k', 'm')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.spop('k')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.zadd('k', 1, 'a')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zadd('k', 'NX', 1, 'a', 2, 'b')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zrange('k', '0', '-1', 'WITHSCORES')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zrangebyscore('k', '-inf', '+inf', 'LIMIT', 0, 10)).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zscore('k', 'a')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.zpopmin('k', 5)).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zrank('k', 'a')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(redis.xadd('s', '*', 'f', 'v')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.xlen('s')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.publish('c', 'm')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.eval('return 1', 0)).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.evalsha('sha', 2, 'a', 'b', '1')).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.call('JSON.GET', 'k', '$')).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.callBuffer('GET', 'k')).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.config('GET', 'maxmemory')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.info('memory')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.ping()).resolves.toEqualTypeOf<'PONG'>();
expectTypeOf(redis.quit()).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.time()).resolves.toEqualTypeOf<number[]>();
expectTypeOf(redis.dbsize()).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.flushall('ASYNC')).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.select(1)).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.watch('a', 'b')).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.client('SETNAME', 'x')).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.script('LOAD', 'return 1')).resolves.toEqualTypeOf<unknown>();

/** What streams deliver is walked through. */
async function consume(): Promise<void> {
  const read = await redis.xread('COUNT', 10, 'BLOCK', 1000, 'STREAMS', 's', '$');
  for (const [stream, entries] of read ?? []) for (const [id, fields] of entries) console.log(stream.length, id.length, fields.length);
  const group = await redis.xreadgroup('GROUP', 'g', 'c', 'COUNT', 10, 'STREAMS', 's', '>');
  for (const [stream, entries] of group ?? []) for (const [id, fields] of entries) console.log(stream.length, id.length, (fields ?? []).length);
  const [cursor, elements] = await redis.hscan('k', 0, 'COUNT', 10);
  console.log(cursor.length, elements.map((element) => element.toUpperCase()));
  const positions = await redis.geopos('g', 'a');
  console.log(positions.map((position) => position?.[0].length));
  const popped = await redis.blpop('q', 1);
  if (popped) console.log(popped[0].length, popped[1].length);
  const locked: boolean = (await redis.set('lock', 'me', 'PX', 1000, 'NX')) === 'OK';
  console.log(locked, Number(await redis.zscore('z', 'm')), parseInt((await redis.get('n')) ?? '0', 10));
}
void consume();

// ---- callbacks

redis.get('k', (err, result) => {
  if (err) console.error(err.message);
  else expectTypeOf(result).toEqualTypeOf<string | null | undefined>();
});
redis.set('k', 'v', 'EX', 10, (err, result) => console.log(err?.message, result));
redis.del('a', 'b', (_, count) => expectTypeOf(count).toEqualTypeOf<number | undefined>());
redis.del(keys, (err, count) => console.log(err, count));
redis.mget(keys, (_, values) => values?.map((value) => value?.length));
redis.hgetall('k', (_, all) => Object.keys(all ?? {}));
redis.subscribe('a', 'b', (err, count) => {
  if (err) console.error('Failed to subscribe: %s', err.message);
  else console.log(`Subscribed to ${count as number} channels`);
});
redis.connect((err) => console.log(err));
redis.quit((err, ok) => console.log(err, ok));
const done: Callback<string | null> = (err, result) => console.log(err, result);
redis.get('k', done);
const anything: Callback = (err, result) => console.log(err, result.whatever);
redis.get('k', anything);
redis.eval('return 1', 0, (err, result) => console.log(err, result));

// ---- values by their types' names

const key: RedisKey = Buffer.from('k');
const value: RedisValue = 1;
redis.set(key, value);
function store(client: Pick<Redis, 'set' | 'get'>, name: RedisKey, what: RedisValue): Promise<'OK'> {
  return client.set(name, what);
}
void store(redis, 'k', 'v');
void store(cluster, 'k', 'v');
function typed(commander: RedisCommander): Promise<string | null> {
  return commander.get('k');
}
void typed(redis);
void typed(cluster);

// ---- pipelines and transactions

const chain: ChainableCommander = redis.pipeline();
chain.set('a', 1).get('a', (err, result) => console.log(err, result?.length)).incr('n');
void chain.exec((_, results) => {
  results?.forEach(([error, result]) => console.log(error?.message, result));
});
async function batch(): Promise<unknown[]> {
  const results = await redis.pipeline([['set', 'a', '1'], ['get', 'a']]).exec();
  const outcomes = await redis.multi().set('a', 1).getBuffer('a').exec();
  expectTypeOf(outcomes).toEqualTypeOf<[error: Error | null, result: unknown][] | null>();
  if (results === null) throw new Error('aborted');
  return results.map(([error, result]) => error ?? result);
}
void batch();
void redis.multi([['set', 'a', 'b']]).exec();
void redis.multi({ pipeline: false }).then((ok) => ok.length);
void redis.multi({ pipeline: true }).get('a').exec();
void redis.exec().then((results) => results?.length);
let growing = redis.multi();
for (const name of keys) growing = growing.get(name);
console.log(growing.length);
void cluster.pipeline().get('a').exec();
void cluster.multi().get('a').exec();
function fill(pipeline: ReturnType<Redis['pipeline']>): ChainableCommander {
  return pipeline.hset('h', { a: 1 }).expire('h', 10);
}
void fill(redis.pipeline()).exec();

// ---- a client of either kind

void either.get('k');
void either.set('k', 'v', 'EX', 10);
void either.pipeline().get('k').exec();
void either.quit();
either.disconnect();
either.on('error', (error: Error) => console.log(error.message));
if (either instanceof Cluster) console.log(either.nodes('master').map((node) => node.options.host));
else console.log(either.options.db);

// ---- commands of the application's own

declare module 'ioredis' {
  interface RedisCommander<Context> {
    myecho(key: string, argv: string, callback?: Callback<string>): Result<string, Context>;
    myechoBuffer(key: string, argv: string): Result<Buffer, Context>;
  }
}
redis.defineCommand('myecho', { numberOfKeys: 1, lua: 'return ARGV[1]' });
redis.defineCommand('dynamic', { lua: 'return ARGV[1]', readOnly: true });
cluster.defineCommand('myecho', { numberOfKeys: 1, lua: 'return ARGV[1]' });
expectTypeOf(redis.myecho('k', 'a')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.myechoBuffer('k', 'a')).resolves.toEqualTypeOf<Buffer>();
expectTypeOf(either.myecho('k', 'a')).resolves.toEqualTypeOf<string>();
redis.myecho('k', 'a', (_, result) => expectTypeOf(result).toEqualTypeOf<string | undefined>());
void redis.pipeline().get('a').myecho('k', 'a').set('b', 1).exec();
/** A function that is generic in where it is called. */
type Get<Context extends { type: 'default' | 'pipeline' }> = (key: string) => Result<string | null, Context>;
const get: Get<{ type: 'default' }> = (name) => redis.get(name);
void get('k');
