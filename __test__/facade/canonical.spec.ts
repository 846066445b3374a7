import * as vm from 'node:vm';
import { canonicalHash, canonicalText } from '../../lib/cache/canonical';

describe('canonical text', () => {
  test.each([
    [{ b: 1, a: 2 }, { a: 2, b: 1 }],
    [{ a: { y: [1, { q: 1, p: 2 }], x: 1 } }, { a: { x: 1, y: [1, { p: 2, q: 1 }] } }],
    [{ a: 1, b: undefined }, { a: 1 }],
    [{ at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
    [{ n: -0 }, { n: 0 }],
    [Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
    [new (class Filters { status = 'open'; })(), { status: 'open' }],
    [{ a: Object('x') as unknown }, { a: 'x' }],
    [{ id: { toJSON: () => 'f00' } }, { id: 'f00' }],
  ])('%p and %p are one query', (a, b) => {
    expect(canonicalText(a)).toBe(canonicalText(b));
  });

  test.each([
    [{ a: 1 }, { a: '1' }],
    [{ a: null }, { a: 'null' }],
    [{ a: null }, {}],
    [{ a: true }, { a: 'true' }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: [[1], 2] }, { a: [1, [2]] }],
    [{ a: '1&b=2' }, { a: '1', b: '2' }],
    [{ a: '1","b":"2' }, { a: '1', b: '2' }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{ a: { b: 1 } }, { a: '[object Object]' }],
    [{ a: NaN }, { a: null }],
    [{ a: NaN }, { a: 'NaN' }],
    [{ a: Infinity }, { a: null }],
    [{ a: new Set([1]) }, { a: new Set([2]) }],
    [{ a: new Set([1]) }, { a: [1] }],
    [{ a: new Map([['x', 1]]) }, { a: new Map([['x', 2]]) }],
    [{ a: new URLSearchParams('a=1') }, { a: new URLSearchParams('a=2') }],
    [{ a: {} }, { a: [] }],
    [{ ['__proto__']: 1 }, {}],
  ])('%p and %p are two queries', (a, b) => {
    expect(canonicalText(a)).not.toBe(canonicalText(b));
  });

  test('values that JSON cannot represent are a TypeError', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = [cycle];
    for (const value of [{ a: 1n }, { a: () => 1 }, { a: Symbol('x') }, cycle]) expect(() => canonicalText(value)).toThrow(TypeError);
  });

  const expire = vm.runInNewContext('new Date(NaN)') as unknown;
  test.each([
    ['a promise', Promise.resolve({ status: 'open' })],
    ['a promise of another kind', { then: () => undefined, status: 'open' }],
    ['a promise with properties', Object.assign(Promise.resolve(), { page: 1 })],
    ['a regular expression', /x/],
    ['an error', new RangeError('x')],
    ['an error with properties', Object.assign(new Error('x'), { code: 'E_X' })],
    ['an error of another realm', vm.runInNewContext('new Error("x")') as unknown],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a SharedArrayBuffer', new SharedArrayBuffer(8)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['a WeakMap', new WeakMap()],
    ['an instance with private state', new (class Range { #from = 1; from() { return this.#from; } })()],
    ['an instance of a class in another realm', vm.runInNewContext('new (class {})') as unknown],
    ['a Blob', new Blob(['x'])],
    ['an invalid Date', new Date('never')],
    ['an invalid Date of another realm', expire],
    ['what a toJSON does not show', { toJSON: () => undefined }],
    ['a generator', (function* () { yield 1; })()],
    ['an iterator of a Map', new Map([[1, 2]]).entries()],
    ['an operator of a query builder', { [Symbol('gt')]: 5 }],
    ['an operator beside a name', { and: 1, [Symbol.for('or')]: [] }],
    ['an operator of an object without a prototype', Object.assign(Object.create(null), { [Symbol('lt')]: 5 })],
  ])('%s is refused at every level', (_name, value) => {
    for (const query of [{ a: value }, { a: [value] }, { a: new Set([value]) }, value]) {
      expect(() => canonicalText(query)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'E_BAD_OPTION' }) as Error);
    }
  });

  test('plain objects of any realm are accepted, empty ones too', () => {
    for (const empty of [{}, Object.create(null) as object, vm.runInNewContext('({})') as object]) expect(canonicalText(empty)).toBe('{}');
    expect(canonicalText(vm.runInNewContext('({ a: [new Date(0)], b: new Set([1]) })'))).toBe(canonicalText({ a: [new Date(0)], b: new Set([1]) }));
  });

  test('one object in two places is not a cycle', () => {
    const shared = { x: 1 };
    expect(canonicalText({ a: shared, b: shared })).toBe('{"a":{"x":1},"b":{"x":1}}');
  });

  test('the hash has 43 characters, none of which needs escaping in a key', () => {
    expect(canonicalHash({ page: 1, status: 'open' })).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(canonicalHash({ page: 1 })).not.toBe(canonicalHash({ page: 2 }));
  });
});
