/** The entry in CommonJS: default, named and required are one class. */
import hawser = require('hawser');
import Redis, { Redis as Named } from 'hawser';
import { expectTypeOf } from 'expect-type';

expectTypeOf<typeof Redis>().toEqualTypeOf<typeof Named>();
expectTypeOf<typeof hawser.Redis>().toEqualTypeOf<typeof Redis>();
expectTypeOf<typeof hawser.default>().toEqualTypeOf<typeof Redis>();
