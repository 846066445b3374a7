/** Events of repositories: who receives them, and what they keep in memory. */
import { CacheRepository, RedisManager } from '../../lib/facade';
import { dispatch, listenedCount } from '../../lib/cache/events';
import { runNode } from '../helpers/process';
import { until } from '../helpers/until';

const lines: string[] = [];
const logger = { debug() {}, info() {}, error() {}, warn: (line: string) => void lines.push(line) };
const say = (repository: string): void => dispatch('warning', { message: 'something', repository }, logger);

beforeEach(() => {
  lines.length = 0;
  RedisManager.configure({ url: 'memory://' });
});
afterEach(() => RedisManager.closeAll());

test.each([
  ['removeAllListeners()', (cache: CacheRepository) => cache.removeAllListeners()],
  ["removeAllListeners('warning')", (cache: CacheRepository) => cache.removeAllListeners('warning')],
  ['off', (cache: CacheRepository) => cache.listeners('warning').forEach((listener) => cache.off('warning', listener))],
])('after %s no listener receives events, and listening again works', async (_name, remove) => {
  const cache = new CacheRepository('emitting');
  const heard: string[] = [];
  cache.on('warning', () => heard.push('before'));
  cache.prependOnceListener('warning', () => heard.push('once'));
  say('emitting');
  await until(() => heard.length === 2);
  remove(cache);
  say('emitting');
  expect(lines).toEqual(['[hawser] cache emitting: warning: something']);
  cache.once('warning', () => heard.push('after'));
  say('emitting');
  await until(() => heard.length === 3);
  expect(heard).toEqual(['once', 'before', 'after']);
  say('emitting');
  expect(lines).toHaveLength(2);
});

test('an event for all repositories reaches each of them, and an event for a prefix reaches the repositories with that prefix', async () => {
  const repositories = ['a', 'a', 'b'].map((prefix) => new CacheRepository(prefix));
  const heard: number[] = [];
  repositories.forEach((cache, i) => cache.on('warning', () => heard.push(i)));
  say('a');
  dispatch('warning', { message: 'to all' }, logger);
  await until(() => heard.length === 5);
  expect(heard).toEqual([0, 1, 0, 1, 2]);
  expect(lines).toEqual([]);
});

test('a repository without listeners is not registered anywhere, even after an event', () => {
  const before = listenedCount();
  const cache = new CacheRepository('quiet');
  expect([listenedCount() - before, cache.eventNames(), cache.listenerCount('warning')]).toEqual([0, [], 0]);
  cache.on('warning', () => undefined).removeAllListeners();
  say('quiet');
  expect(listenedCount()).toBe(before);
});

test('repositories and services that the application dropped are collected, with or without listeners', async () => {
  const { stdout, stderr } = await runNode(
    `
    const { CacheRepository, CachedService, RedisManager } = require('hawser');
    RedisManager.configure({ url: 'memory://' });
    const gone = [];
    const watch = (object) => gone.push(new WeakRef(object));
    class Service extends CachedService { serviceName = 'tenant-' + gone.length; repository() { return this.cache; } }
    const use = async (i) => {
      const cache = new CacheRepository('dropped');
      if (i % 2) cache.on('breaker', () => cache.prefix);
      const service = new Service();
      watch(cache); watch(service); watch(service.repository());
      await cache.getOrSet('k' + i, () => i);
    };
    (async () => {
      for (let i = 0; i < 500; i++) await use(i);
      for (let i = 0; i < 20; i++) { await new Promise((r) => setTimeout(r, 5)); gc(); }
      console.log(gone.filter((ref) => ref.deref() !== undefined).length);
      await RedisManager.closeAll();
    })();
    `,
    { nodeArgs: ['--expose-gc'] },
  );
  expect([Number(stdout) < 20, stderr]).toEqual([true, '']);
});
