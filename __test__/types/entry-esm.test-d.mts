/** The entry in an ES module: default and named are one class. */
import Redis, { Redis as Named } from 'hawser';
import type { Redis as OnlyType } from 'hawser';
import { expectTypeOf } from 'expect-type';

expectTypeOf<typeof Redis>().toEqualTypeOf<typeof Named>();
expectTypeOf<OnlyType>().toEqualTypeOf<Redis>();
