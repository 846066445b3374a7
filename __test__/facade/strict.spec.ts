/** `strictValues` refuses values that would not come back equal. Without it, they become what JSON makes of them, as docs/guarantees.md says. */
import * as vm from 'node:vm';
import { isDeepStrictEqual } from 'node:util';
import { CacheRepository, RedisManager } from '../../lib/facade';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
beforeEach(() => RedisManager.configure({ url: 'memory://', logger }));
afterEach(() => RedisManager.closeAll());

class Money {
  constructor(readonly cents = 5) {}
}

const holes: unknown[] = [];
holes.length = 2;
const CHANGED: [name: string, value: unknown, json: unknown][] = [
  ['NaN', NaN, null],
  ['Infinity', { a: Infinity }, { a: null }],
  ['-Infinity', [-Infinity], [null]],
  ['-0', -0, 0],
  ['undefined in an object', { a: 1, b: undefined }, { a: 1 }],
  ['undefined in an array', [undefined], [null]],
  ['a hole in an array', holes, [null, null]],
  ['a function', { a() {} }, {}],
  ['a symbol', [Symbol('x')], [null]],
  ['a property named by a symbol', { [Symbol('x')]: 1 }, {}],
  ['a Date', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ['an invalid Date', new Date(NaN), null],
  ['a Map', new Map([[1, 2]]), {}],
  ['a Set', { a: [new Set([1])] }, { a: [{}] }],
  ['a RegExp', /x/, {}],
  ['an Error', new Error('x'), {}],
  ['an instance of a class', { price: new Money() }, { price: { cents: 5 } }],
  ['a Buffer in an object', { a: Buffer.from([1]) }, { a: { type: 'Buffer', data: [1] } }],
  ['a typed array in an array', [new Uint8Array([7])], [{ 0: 7 }]],
  ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ['a boxed string', Object('x'), 'x'],
  ['what has a toJSON', { toJSON: () => 1 }, 1],
  ['an array with a property', Object.assign([1], { more: 2 }), [1]],
];

test.each(CHANGED)('%s is refused by set and for loads; without the option it becomes what JSON makes of it', async (_name, value, json) => {
  const strict = new CacheRepository('strict', { strictValues: true });
  const refused = { name: 'TypeError', code: 'E_BAD_OPTION' };
  await expect(strict.set('k', value)).rejects.toMatchObject(refused);
  await expect(strict.setMany([{ key: 'k', value }])).rejects.toMatchObject(refused);
  await expect(strict.getOrSet('k', () => value)).rejects.toMatchObject(refused);
  await expect(strict.getOrSetMany(['k'], () => new Map([['k', value]]))).rejects.toMatchObject(refused);
  expect(await strict.has('k')).toBe(false);
  const plain = new CacheRepository('plain');
  await plain.set('k', value);
  expect(await plain.get('k')).toEqual(json);
  expect(isDeepStrictEqual(JSON.parse(JSON.stringify(value)), value)).toBe(false);
});

test.each([
  [null], [false], [0], [''], ['\ud800'], [1e300], [[]], [{}], [[[{ a: [null, { b: '\u2028' }] }]]], [JSON.parse('{"__proto__": 1, "constructor": {"length": 2}}') as unknown],
  [vm.runInNewContext('({ a: [1, { b: 2 }] })') as unknown], [{ length: 3 }], [Object.freeze({ a: Object.freeze([1]) })],
])('%p comes back unchanged', async (value) => {
  const strict = new CacheRepository('strict', { strictValues: true });
  await strict.set('k', value);
  expect(await strict.get('k')).toEqual(value);
});

test('with the application\'s own serializer, that serializer must return an equal value', async () => {
  const serializer = {
    serialize: (value: unknown) => JSON.stringify(value instanceof Date ? { date: value.getTime() } : { value }),
    deserialize: (text: string) => {
      const { date, value } = JSON.parse(text) as { date?: number; value: unknown };
      return date === undefined ? value : new Date(date);
    },
  };
  const cache = new CacheRepository('own', { strictValues: true, serializer });
  await cache.set('k', new Date(5));
  expect(await cache.get('k')).toEqual(new Date(5));
  await expect(cache.set('k', [new Date(5)])).rejects.toThrow(TypeError);
});

test('the manager\'s option is the default of repositories, and errors show no value', async () => {
  await RedisManager.closeAll();
  RedisManager.configure({ url: 'memory://', logger, cache: { strictValues: true } });
  const error = await new CacheRepository('a').set('k', { 'a name': new Map([['secret', 1]]) }).catch((thrown: Error) => thrown);
  expect(String(error)).toBe('TypeError: a cached value must come back equal (strictValues), and this one holds a Map');
  await new CacheRepository('b', { strictValues: false }).set('k', NaN);
  expect(() => new CacheRepository('c', { strictValues: 1 as never })).toThrow('cache.strictValues must be true or false, got 1');
});
