import * as vm from 'node:vm';
import { CachedService, CacheRepository } from '../../lib/facade';

class Orders extends CachedService {
  protected serviceName = 'order';
  protected override cacheOptions = { ttl: 60 };
  repository(): CacheRepository {
    return this.cache;
  }
  replace(cache: CacheRepository): void {
    this.cache = cache;
  }
  key(company: unknown, ...parts: unknown[]): string {
    return this.cacheKey(company as string, ...(parts as string[]));
  }
  list(company: string, query: unknown): string {
    return this.listCacheKey(company, query as object);
  }
  tag(company: unknown, resource: string): string {
    return this.companyTag(company as string, resource);
  }
}

class Nameless extends CachedService {
  protected serviceName!: string;
  repository(): CacheRepository {
    return this.cache;
  }
}

const orders = new Orders();

describe('CachedService', () => {
  test("the repository's prefix is the serviceName of the subclass, even if it is assigned after the base constructor", () => {
    expect(orders.repository().prefix).toBe('order');
    expect(orders.repository()).toBe(orders.repository());
    expect(new Orders().repository()).not.toBe(orders.repository());
  });

  test('the error for a service without a name shows its class', () => {
    expect(() => new Nameless().repository()).toThrow('Nameless.serviceName must be a non-empty string, got undefined');
  });

  test('a service may use its own repository', () => {
    const service = new Orders();
    const own = new CacheRepository('other');
    service.replace(own);
    expect(service.repository()).toBe(own);
  });

  test('keys of plain parts are company:part:part', () => {
    expect(orders.key('c1', 'zone', '400001')).toBe('c1:zone:400001');
    expect(orders.key('c1')).toBe('c1:');
    expect(orders.tag('123', 'orders')).toBe('company:123:orders');
  });

  test.each([
    [['a', 'b:c'], ['a:b', 'c']],
    [['a', 'b:c'], ['a', 'b', 'c']],
    [['a'], ['a', '']],
    [['a', ''], ['a', '', '']],
    [['a', '%'], ['a', '']],
    [['a', '%3A'], ['a', ':']],
    [['a%3Ab', 'c'], ['a:b', 'c']],
    [['a:b'], ['a', 'b']],
  ])('the parts %p and %p make different keys', (a, b) => {
    expect(orders.key(a[0], ...a.slice(1))).not.toBe(orders.key(b[0], ...b.slice(1)));
  });

  test('two companies never share a tag', () => {
    expect(orders.tag('a:b', 'c')).not.toBe(orders.tag('a', 'b:c'));
  });

  test('ids of other types are written as text, and values without text are refused', () => {
    expect(orders.key(7, 8n, { toString: () => '507f1f77' })).toBe('7:8:507f1f77');
    for (const missing of [undefined, null, {}, [], true, Symbol('x')]) {
      expect(() => orders.key(missing)).toThrow(TypeError);
      expect(() => orders.key('a', missing)).toThrow('parts[0]');
      expect(() => orders.tag(missing, 'orders')).toThrow('companyId');
    }
  });

  test('dates of every kind are written as ISO 8601, independent of the time zone', () => {
    const date = new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 789));
    expect(orders.key('c', date)).toBe('c:2026-02-03T04%3A05%3A06.789Z');
    expect(orders.key('c', vm.runInNewContext('new Date(86400000)'))).toBe('c:1970-01-02T00%3A00%3A00.000Z');
    expect(orders.key('c', { toJSON: () => date.toISOString(), toString: () => 'Tue Feb 03' })).toBe(orders.key('c', date));
  });

  test.each([
    ['NaN', NaN],
    ['an invalid Date', new Date(NaN)],
    ['a promise', Promise.resolve('a')],
    ['a promise with a text', Object.assign(Promise.resolve('a'), { toString: () => 'a' })],
    ['a regular expression', /x/],
    ['an error', new Error('x')],
    ['an ArrayBuffer', new ArrayBuffer(8)],
    ['a DataView', new DataView(new ArrayBuffer(8))],
    ['a plain object of another realm', vm.runInNewContext('({ id: 1 })')],
    ['a Map', new Map()],
    ['an instance without a text', new (class Id { value = 7; })()],
    ['a function', () => 'a'],
  ])('%s is refused as a part of a key', (_name, part) => {
    expect(() => orders.key('c', part)).toThrow(expect.objectContaining({ name: 'TypeError', code: 'E_BAD_OPTION' }) as Error);
    expect(() => orders.tag(part, 'orders')).toThrow(TypeError);
  });

  test('a list key depends on the meaning of the query, not on how it is written', () => {
    const key = orders.list('c1', { status: 'open', page: { number: 1, size: 20 } });
    expect(key).toMatch(/^c1:list:[\w-]{43}$/);
    expect(orders.list('c1', { page: { size: 20, number: 1 }, status: 'open', from: undefined })).toBe(key);
    expect(orders.list('c1', { status: 'open', page: { number: 2, size: 20 } })).not.toBe(key);
    expect(orders.list('c2', { status: 'open', page: { number: 1, size: 20 } })).not.toBe(key);
    expect(() => orders.list('c1', null)).toThrow('queryParams must be an object, got null');
  });
});
