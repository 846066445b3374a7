/** The entry in CommonJS: default and named are one class, and what is required is that class with the rest as its members. */
import hawser = require('hawser');
import Redis, { CacheRepository, Redis as Named } from 'hawser';
import type { Redis as OnlyType } from 'hawser';
import { expectTypeOf } from 'expect-type';

expectTypeOf<typeof Redis>().toEqualTypeOf<typeof Named>();
expectTypeOf<typeof hawser.Redis>().toEqualTypeOf<typeof Redis>();
expectTypeOf<typeof hawser.default>().toEqualTypeOf<typeof Redis>();
expectTypeOf<OnlyType>().toEqualTypeOf<Redis>();

const client = new hawser({ lazyConnect: true });
expectTypeOf(client).toExtend<Redis>();
expectTypeOf<Redis>().toExtend<hawser>();
expectTypeOf(client.get('key')).resolves.toEqualTypeOf<string | null>();
expectTypeOf(new hawser<'resp3'>({ replyMapping: 'resp3' }).zscore('key', 'member')).resolves.toEqualTypeOf<number | null>();
expectTypeOf(new hawser(6379, 'localhost', { db: 1 })).toExtend<OnlyType>();
// @ts-expect-error its options are those of Redis
new hawser({ lazyConnect: 'yes' });

// Types and values are its members, under their usual names.
expectTypeOf<hawser.RedisOptions>().toHaveProperty('lazyConnect');
expectTypeOf<hawser.RedisOptions['poll']>().toEqualTypeOf<'auto' | false | undefined>();
expectTypeOf<hawser.CacheOptions>().toHaveProperty('tags');
expectTypeOf<typeof hawser.CacheRepository>().toEqualTypeOf<typeof CacheRepository>();
expectTypeOf(new hawser.Cluster([])).toEqualTypeOf<hawser.Cluster>();
expectTypeOf(hawser.createClient()).toEqualTypeOf<Redis>();

class Own extends hawser {
  label = 'own';
}
expectTypeOf(new Own().label).toEqualTypeOf<string>();
expectTypeOf<Own>().toExtend<Redis>();
