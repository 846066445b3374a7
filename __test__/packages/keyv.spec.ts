/** `hawser/keyv` in Keyv's own compliance tests, in cache-manager and in cacheable. */
import * as path from 'node:path';
import { ROOT } from '../helpers/process';
import { application, withServer } from './programs';

const context = withServer();

const KEYV = `
  const { CacheRepository, RedisManager } = require('hawser');
  const { HawserStore } = require('hawser/keyv');
  const { Keyv } = require('keyv');
  const lines = [];
  const note = (line) => lines.push(line);
  RedisManager.configure({ url: 'redis://127.0.0.1:' + port, logger: { debug: note, info: note, warn: note, error: note } });
  // The first Keyv 5 has no setMany.
  const setAll = (keyv, items) => keyv.setMany === undefined ? Promise.all(items.map(({ key, value }) => keyv.set(key, value))) : keyv.setMany(items);
`;

const run = (body: string): Promise<any> => application(context.server, `${KEYV}\n${body}\nawait RedisManager.closeAll();`, 60_000);

test.each(['a server', 'memory://'])("Keyv's compliance tests pass on %s, each of them", async (where) => {
  const { ran, failed } = await run(`
    ${where === 'memory://' ? "RedisManager.configure({ url: 'memory://' });" : ''}
    const { expect } = require(require.resolve('expect', { paths: [${JSON.stringify(path.join(ROOT, 'node_modules', 'jest'))}] }));
    const { default: suite, keyvIteratorTests } = require('@keyv/test-suite');
    const failed = [];
    let ran = 0;
    // A set of tests as vitest would run it: hooks around each test.
    const runSet = async (define) => {
      const tests = [], before = [], after = [];
      define({ it: (name, run) => tests.push([name, run]), beforeEach: (run) => before.push(run), afterEach: (run) => after.push(run) });
      for (const [name, run] of tests) {
        ran++;
        try {
          for (const hook of before) await hook();
          await run({ expect });
          for (const hook of after) await hook();
        } catch (error) {
          failed.push(name + ': ' + error.message);
        }
      }
    };
    const store = () => new HawserStore();
    await runSet((test) => suite(test, Keyv, store));
    await runSet((test) => keyvIteratorTests(test, Keyv, store));
    report({ ran, failed });`);
  expect(failed).toEqual([]);
  expect(ran).toBeGreaterThan(40);
}, 60_000);

test('namespaces with characters of globs are apart, clear and iterator see their own, many keys at once', async () => {
  const result = await run(`
    const names = ['a', 'a*', 'a?', '[a]', 'a:b', 'é'];
    const keyvs = names.map((namespace) => new Keyv({ store: new HawserStore({ prefix: 'ns' }), namespace }));
    for (const keyv of keyvs) await setAll(keyv, Array.from({ length: 3 }, (_, n) => ({ key: 'k' + n, value: n })));
    const count = async (keyv) => { let n = 0; for await (const [key, value] of keyv.iterator({})) n++; return n; };
    await keyvs[1].clear();
    const left = [];
    for (const keyv of keyvs) left.push((await keyv.get(['k0', 'k1', 'k2'])).filter((value) => value !== undefined).length);
    const big = new Keyv({ store: new HawserStore({ prefix: 'ns' }), namespace: 'big' });
    await setAll(big, Array.from({ length: 350 }, (_, n) => ({ key: 'k' + n, value: { n } })));
    const counts = [await count(big), await big.delete(['k1', 'k2', 'none']), await big.delete(['none']), await big.has('k1'), await big.has('k3'), await count(big)];
    const store = new HawserStore(new CacheRepository('own'));
    await store.set('x:1', 'v', 60000);
    const ttl = await client().pttl((await client().keys('own*x*'))[0]);
    await store.set('x:1', 'v', 0);
    report({ left, counts, ttl: ttl > 59000 && ttl <= 120000, gone: (await store.get('x:1')) ?? null });`);
  expect(result).toEqual({ left: [3, 0, 3, 3, 3, 3], counts: [350, true, false, false, true, 348], ttl: true, gone: null });
});

test('cache-manager and cacheable work on it, on two instances, and expire by time', async () => {
  const result = await run(`
    const { createCache } = require('cache-manager');
    const { Cacheable } = require('cacheable');
    const make = () => createCache({ stores: [new Keyv({ store: new HawserStore(), namespace: 'cm' })], ttl: 60000 });
    const [one, two] = [make(), make()];
    let loads = 0;
    const wrapped = [await one.wrap('k', () => ++loads), await two.wrap('k', () => ++loads)];
    await one.mset([{ key: 'a', value: 1 }, { key: 'b', value: { x: [1] }, ttl: 30 }]);
    const many = await two.mget(['a', 'b', 'c']);
    // cache-manager 6 says null.
    await until(async () => ((await two.get('b')) ?? null) === null);
    await two.mdel(['a']);
    const after = [await one.get('a') ?? null];
    await one.clear();
    after.push(await two.get('k') ?? null);
    const cacheable = () => new Cacheable({ secondary: new Keyv({ store: new HawserStore(), namespace: 'ca' }) });
    const [here, there] = [cacheable(), cacheable()];
    await here.set('p', { v: 1 }, '1h');
    const shared = [await there.get('p')];
    await here.delete('p');
    shared.push(await cacheable().get('p') ?? null);
    const getOrSet = await there.getOrSet('q', async () => 'loaded', { ttl: '1h' });
    shared.push(getOrSet, await cacheable().get('q'));
    report({ wrapped, loads, many: many.map((value) => value ?? null), after, shared });`);
  expect(result).toEqual({ wrapped: [1, 1], loads: 1, many: [1, { x: [1] }, null], after: [null, null], shared: [{ v: 1 }, null, 'loaded', 'loaded'] });
});

test('wrong arguments are named, and a dead server makes reads empty and writes an event', async () => {
  const result = await run(`
    const errors = [() => new HawserStore({ prefx: 'a' }), () => new HawserStore({ prefix: 'a#' }), () => new HawserStore('keyv')].map((make) => { try { make(); return 'none'; } catch (error) { return error.message; } });
    await new HawserStore().set('k', 'v', 'soon').catch((error) => errors.push(error.message));
    await RedisManager.closeAll();
    RedisManager.configure({ url: 'redis://127.0.0.1:1', logger: { debug() {}, info() {}, warn() {}, error() {} } });
    const keyv = new Keyv({ store: new HawserStore() });
    const seen = [];
    keyv.on('error', (error) => seen.push(error.name));
    const read = (await keyv.get('k')) ?? null;
    await keyv.set('k', 'v');
    report({ errors, read, seen });`);
  expect(result).toEqual({
    errors: ['HawserStore.prefx is not an option; there are: prefix', 'cache.prefix must be a string without #, got a string', 'HawserStore must be an object, got a string', 'ttl must be a number of milliseconds, got a string'],
    read: null,
    seen: ['HawserError'],
  });
});
