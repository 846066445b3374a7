/** Commands as a strict application types them: calls, callbacks, lists, objects, Buffers, pipelines, and what is refused. */
import { lookup } from 'node:dns';
import Redis, {
  type Callback,
  type ChainableCommander,
  type Cluster,
  type CommandTraceContext,
  type RedisCommander,
  type RedisKey,
  type RedisOptions,
  type RedisStatus,
  type RedisValue,
} from 'hawser';
import { expectTypeOf } from 'expect-type';

declare const redis: Redis;
declare const either: Redis | Cluster;
declare const names: string[];
declare const fixed: readonly string[];

// ---- replies

expectTypeOf(redis.get('k')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.getBuffer('k')).resolves.toEqualTypeOf<Buffer | null>();
expectTypeOf(redis.set('k', 1)).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.set('k', Buffer.from('v'), 'EX', 60)).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.set('k', 'v', 'PX', '60', 'NX')).resolves.toEqualTypeOf<'OK' | null>();
expectTypeOf(redis.set('k', 'v', 'NX', 'PX', 60)).resolves.toEqualTypeOf<'OK' | null>();
expectTypeOf(redis.set('k', 'v', Math.random() < 0.5 ? 'NX' : 'XX')).resolves.toEqualTypeOf<'OK' | null>();
expectTypeOf(redis.set('k', 'v', 'EX', 60, 'GET')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.set('k', 'v', 'GET', 'NX', 'EX', 60)).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.setBuffer('k', 'v', 'KEEPTTL', 'GET')).resolves.toEqualTypeOf<Buffer | null>();
expectTypeOf(redis.getex('k', 'PERSIST')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.expire('k', 60, 'NX')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.type('k')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.ping()).resolves.toEqualTypeOf<'PONG'>();
expectTypeOf(redis.eval('return 1', 1, 'k', Buffer.from('a'))).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.call('JSON.GET', 'k')).resolves.toEqualTypeOf<unknown>();
expectTypeOf(redis.client('ID')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.config('GET', 'maxmemory')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.memory('USAGE', 'k')).resolves.toEqualTypeOf<number | null>();

// ---- lists are flattened

expectTypeOf(redis.del('a', Buffer.from('b'))).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.del(names)).resolves.toEqualTypeOf<number>();
void redis.del(...names);
void redis.del(fixed);
expectTypeOf(redis.mget('a', names)).resolves.toEqualTypeOf<(string | null)[]>();
expectTypeOf(redis.mgetBuffer(names)).resolves.toEqualTypeOf<(Buffer | null)[]>();
void redis.sadd('k', ...names);
void redis.sadd('k', [1, 'b', Buffer.from('c')]);
expectTypeOf(redis.lpush('k', 'a', 1)).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.blpop('a', 'b', 0)).resolves.toEqualTypeOf<[key: string, element: string] | null>();
void redis.blpop(names, 0.5);

// ---- objects and Maps

interface Session {
  user: string;
  visits: number;
}
declare const session: Session;
expectTypeOf(redis.hset('k', session)).resolves.toEqualTypeOf<number>();
void redis.hset('k', { a: 1 });
void redis.hset('k', new Map([['a', 1]]));
void redis.hset('k', 'a', 1, 'b', 2);
void redis.hset('k', ...names);
expectTypeOf(redis.mset(session)).resolves.toEqualTypeOf<'OK'>();
void redis.mset(new Map([['a', 'b']]));
void redis.mset('a', 1, 'b', 2);
expectTypeOf(redis.hgetall('k')).resolves.toEqualTypeOf<Record<string, string>>();
expectTypeOf(redis.hgetallBuffer('k')).resolves.toEqualTypeOf<Record<string, Buffer>>();

// ---- sorted sets, streams, scans

expectTypeOf(redis.zadd('k', 1, 'a', 2, 'b')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zadd('k', 'NX', 'CH', 1, 'a')).resolves.toEqualTypeOf<number>();
expectTypeOf(redis.zadd('k', 'XX', 'INCR', 1, 'a')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.zadd('k', 'INCR', 1, 'a')).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.zrange('k', 0, -1, 'WITHSCORES')).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zrange('k', '(1', '+inf', 'BYSCORE', 'REV', 'LIMIT', 0, 10)).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zrangebyscore('k', '-inf', 5, 'WITHSCORES', 'LIMIT', 0, 10)).resolves.toEqualTypeOf<string[]>();
expectTypeOf(redis.zscore('k', 'a')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.xadd('s', 'MAXLEN', '~', 1000, '*', 'field', 'value')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(redis.xread('COUNT', 1, 'BLOCK', 0, 'STREAMS', 's', '$')).resolves.toEqualTypeOf<
  [key: string, entries: [id: string, fields: string[]][]][] | null
>();
expectTypeOf(redis.xrange('s', '-', '+', 'COUNT', 10)).resolves.toEqualTypeOf<[id: string, fields: string[]][]>();
expectTypeOf(redis.scan(0, 'COUNT', 100, 'MATCH', 'a*', 'TYPE', 'hash')).resolves.toEqualTypeOf<[cursor: string, keys: string[]]>();
expectTypeOf(redis.hscanBuffer('k', '0')).resolves.toEqualTypeOf<[cursor: Buffer, elements: Buffer[]]>();

// ---- callbacks come last

expectTypeOf(redis.get('k', (error, reply) => {
  expectTypeOf(error).toEqualTypeOf<Error | null | undefined>();
  expectTypeOf(reply).toEqualTypeOf<string | null | undefined>();
})).resolves.toEqualTypeOf<string | null>();
void redis.set('k', 'v', 'EX', 60, (_, reply) => expectTypeOf(reply).toEqualTypeOf<'OK' | undefined>());
void redis.mget('a', 'b', (_, reply) => expectTypeOf(reply).toEqualTypeOf<(string | null)[] | undefined>());
void redis.del(names, (_, reply) => expectTypeOf(reply).toEqualTypeOf<number | undefined>());
void redis.xadd('s', '*', 'f', 'v', (_, reply) => expectTypeOf(reply).toEqualTypeOf<string | null | undefined>());
void redis.call('GET', 'k', (_: unknown, reply: unknown) => reply);
void redis.subscribe('a', 'b', (_, count) => expectTypeOf(count).toEqualTypeOf<number | undefined>());
function wrapped(callback?: Callback<number>): void {
  void redis.incr('k', callback);
  void redis.del(names, callback);
}
wrapped();
/** A callback without a type annotation accepts any reply. */
const loose: Callback = (_, reply) => void reply?.length;
void redis.get('k', loose);

// ---- pipelines and transactions

expectTypeOf(redis.pipeline()).toEqualTypeOf<ChainableCommander>();
expectTypeOf(redis.pipeline().set('a', 1).getBuffer('a').hset('b', session)).toEqualTypeOf<ChainableCommander>();
expectTypeOf(redis.pipeline([['get', 'a']]).exec()).resolves.toEqualTypeOf<[error: Error | null, result: unknown][] | null>();
expectTypeOf(redis.multi().incr('a').exec()).resolves.toEqualTypeOf<[error: Error | null, result: unknown][] | null>();
expectTypeOf(redis.multi({ pipeline: false })).resolves.toEqualTypeOf<'OK'>();
expectTypeOf(redis.pipeline().length).toEqualTypeOf<number>();
let chain = redis.pipeline();
for (const name of names) chain = chain.get(name, (_, reply) => expectTypeOf(reply).toEqualTypeOf<string | null | undefined>());
void chain.exec((_, results) => expectTypeOf(results).toEqualTypeOf<[error: Error | null, result: unknown][] | null | undefined>());

// ---- one command interface for a client of one server and of a cluster

expectTypeOf(either.get('k')).resolves.toEqualTypeOf<string | null>();
void either.set('k', 'v', 'EX', 60);
void either.pipeline().del('a').exec();
void either.on('error', (error: Error) => error.message);
expectTypeOf<Pick<Redis, keyof RedisCommander & keyof Redis>>().toExtend<Omit<RedisCommander, 'exec'>>();
expectTypeOf<Pick<Cluster, keyof RedisCommander & keyof Cluster>>().toExtend<RedisCommander>();
if (either instanceof Redis) expectTypeOf(either.mode).toEqualTypeOf<'normal' | 'subscriber' | 'monitor'>();
new Redis.Cluster([{ host: 'localhost', port: 7000 }, 'redis://localhost:7001', 7002], { scaleReads: 'slave', redisOptions: { password: 'p' } });

// ---- constructors and names

new Redis(6379, 'localhost', { lazyConnect: true });
new Redis({ host: 'localhost', maxRetriesPerRequest: null, retryStrategy: (times) => (times > 3 ? null : times * 50) });
Redis.createClient('redis://localhost');
expectTypeOf(redis.status).toEqualTypeOf<RedisStatus>();
new Redis({
  credentials: async () => Promise.resolve({ username: 'app', password: 'token', expiresAt: new Date() }),
  tls: async () => Promise.resolve({ ca: 'PEM' }),
  lookup: (host, options, done) => lookup(host, options, done),
});
// @ts-expect-error a password is needed
new Redis({ credentials: () => ({ username: 'app' }) });
const options: RedisOptions = { keyPrefix: 'a:', reconnectOnError: (error) => error.message.startsWith('READONLY') };
void options;
const key: RedisKey = Buffer.from('k');
const value: RedisValue = 5;
void redis.set(key, value);
expectTypeOf<CommandTraceContext>().toHaveProperty('args').toEqualTypeOf<string[]>();

// ---- what is refused

// @ts-expect-error a key is text or a Buffer
void redis.get(5);
// @ts-expect-error GET takes exactly one key
void redis.get('a', 'b');
// @ts-expect-error a value must not be an object
void redis.set('k', { a: 1 });
// @ts-expect-error a value is required
void redis.set('k');
// @ts-expect-error EX needs a number of seconds
void redis.set('k', 'v', 'EX');
// @ts-expect-error SET has no such option
void redis.set('k', 'v', 'EXP', 60);
// @ts-expect-error two conditions exclude each other
void redis.set('k', 'v', 'NX', 'XX');
// @ts-expect-error only one level of lists is flattened
void redis.del([names]);
// @ts-expect-error there is no such command
void redis.gett('k');
// @ts-expect-error a callback receives the command's reply
void redis.incr('k', (error: Error | null | undefined, reply: string | undefined) => reply);
// @ts-expect-error null is not a value
void redis.hset('k', 'f', null);
