/** Commands of an application's own, declared as with ioredis. */
import Redis, { type Callback, type ChainableCommander, type Cluster, type Result } from 'hawser';
import { expectTypeOf } from 'expect-type';

declare module 'hawser' {
  interface RedisCommander<Context> {
    takeToken(key: string, limit: number, callback?: Callback<string>): Result<string, Context>;
  }
}

declare const redis: Redis;
declare const either: Redis | Cluster;

redis.defineCommand('takeToken', { numberOfKeys: 1, lua: 'return redis.call("INCR", KEYS[1]) .. ARGV[1]' });
expectTypeOf(redis.takeToken('k', 5)).resolves.toEqualTypeOf<string>();
expectTypeOf(either.takeToken('k', 5)).resolves.toEqualTypeOf<string>();
expectTypeOf(redis.pipeline().get('a').takeToken('k', 5).get('b')).toEqualTypeOf<ChainableCommander>();
expectTypeOf(redis.multi().takeToken('k', 5, (_, reply) => expectTypeOf(reply).toEqualTypeOf<string | undefined>())).toEqualTypeOf<ChainableCommander>();
// @ts-expect-error its arguments are declared
void redis.takeToken('k');
