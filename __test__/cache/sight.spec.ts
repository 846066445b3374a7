/** What the metrics say about reads, loads, times and evictions, on every store, and whether a parser of Prometheus' text reads it so. */
import { CacheMetrics, CacheRepository, RedisManager } from '../../lib/facade';
import { samplesWith, type SampleRead } from '../helpers/prometheus';
import { NodeProcess } from '../helpers/process';
import { until } from '../helpers/until';
import { gate, heldLoader, onEveryStore, onServer } from './backends';

const series = (name: string, labels: Record<string, string> = {}): SampleRead[] => samplesWith(CacheMetrics.prometheus(), name, labels);
const value = (name: string, labels: Record<string, string>): number | undefined => series(name, labels)[0]?.value;
/** How many observations a histogram has. */
const count = (name: string, labels: Record<string, string>): number => value(`${name}_count`, labels) ?? 0;

onEveryStore('Times', (backend) => {
  test('each read, write and invalidation is in the histogram of what Redis took, each loader and each wait in theirs', async () => {
    const cache = backend.cache();
    const repository = cache.prefix;
    const held = heldLoader<number>();
    const owner = cache.getOrSet('k', held.loader);
    await held.started;
    const joiner = cache.getOrSet('k', held.loader);
    // The joiner waits when a later read of another key has its answer.
    await until(async () => (await cache.get('other'), CacheMetrics.snapshot().repositories[repository].reads >= 1));
    held.finish.open(1);
    expect(await Promise.all([owner, joiner])).toEqual([1, 1]);
    const reads = (): number => count('hawser_cache_redis_duration_seconds', { repository, operation: 'read' });
    const before = reads();
    await cache.getOrSet('k', () => 2);
    await cache.getOrSetMany(['k', 'k2'], () => ({ k2: 2 }));
    await cache.get('k');
    expect(reads()).toBe(before + 4);
    await cache.set('w', 1);
    await cache.delete('w');
    await cache.invalidateTags(['t']);
    const of = (operation: string): number => count('hawser_cache_redis_duration_seconds', { repository, operation });
    expect([of('store'), of('write'), of('invalidate')]).toEqual([2, 1, 2]);
    expect(count('hawser_cache_load_duration_seconds', { repository })).toBe(2);
    expect(count('hawser_cache_wait_duration_seconds', { repository })).toBe(1);
    expect(value('hawser_cache_joins_total', { repository })).toBe(1);
  });

  test('loaders that fail, run in the background or without the cache are in the histogram too', async () => {
    const cache = backend.cache({ staleAfter: 0 });
    const repository = cache.prefix;
    await expect(cache.getOrSet('k', () => Promise.reject(new Error('source')))).rejects.toThrow('source');
    await cache.set('s', 1);
    const refreshed = gate();
    await cache.getOrSet('s', () => (refreshed.open(), 2));
    await refreshed.promise;
    await until(() => count('hawser_cache_load_duration_seconds', { repository }) === 2);
    await backend.reopen({ enableTags: false });
    await cache.getOrSet('u', () => 1, { tags: ['t'] });
    expect(count('hawser_cache_load_duration_seconds', { repository })).toBe(3);
  });

  test('a histogram is cumulative up to +Inf, and its sum grows with the times', async () => {
    const cache = backend.cache();
    const labels = { repository: cache.prefix };
    for (let i = 0; i < 20; i++) await cache.getOrSet(`k${i}`, () => i);
    const buckets = series('hawser_cache_load_duration_seconds_bucket', labels);
    const numbers = buckets.map(({ labels: { le }, value: number }) => [le === '+Inf' ? Infinity : Number(le), number]);
    expect(numbers.at(-1)).toEqual([Infinity, 20]);
    expect([...numbers].sort(([a], [b]) => a - b)).toEqual(numbers);
    for (let i = 1; i < numbers.length; i++) expect(numbers[i][1]).toBeGreaterThanOrEqual(numbers[i - 1][1]);
    expect(count('hawser_cache_load_duration_seconds', labels)).toBe(20);
    expect(value('hawser_cache_load_duration_seconds_sum', labels)).toBeGreaterThan(0);
  });

  test('reset sets the times to 0, and metrics that are switched off count none', async () => {
    const cache = backend.cache();
    await cache.getOrSet('k', () => 1);
    expect(count('hawser_cache_load_duration_seconds', { repository: cache.prefix })).toBe(1);
    CacheMetrics.reset();
    expect(count('hawser_cache_load_duration_seconds', { repository: cache.prefix })).toBe(0);
    await backend.reopen({ enableMetrics: false });
    await cache.getOrSet('k2', () => 1);
    expect(count('hawser_cache_load_duration_seconds', { repository: cache.prefix })).toBe(0);
  });

  test('hits are near or remote, and copies that make room are evictions', async () => {
    const cache = backend.cache({ nearCache: { maxBytes: 4000 } });
    const repository = cache.prefix;
    await cache.set('k', 'v');
    const near = (): number | undefined => value('hawser_cache_hits_total', { repository, place: 'near' });
    await until(async () => (await cache.get('k'), (near() ?? 0) > 0));
    expect(value('hawser_cache_hits_total', { repository, place: 'remote' })).toBeGreaterThan(0);
    expect(value('hawser_cache_evictions_total', { repository, store: 'near' })).toBe(0);
    let n = 0;
    await until(async () => {
      const key = `k${++n % 40}`;
      await cache.set(key, 'v'.repeat(100));
      await cache.get(key);
      return value('hawser_cache_evictions_total', { repository, store: 'near' })! > 3;
    });
    // A value that is replaced makes no room.
    const { repositories } = CacheMetrics.snapshot();
    expect(repositories[repository].parsedEvictions).toBe(0);
  });
});

onServer('Evictions of parsed values', (backend) => {
  test('count for the repository that has read them', async () => {
    await backend.reopen({ cache: { parsedBytes: 4000 } });
    const [cache, other] = [backend.cache(), backend.cache()];
    for (let n = 0; n < 60; n++) {
      await cache.set(`k${n}`, { text: 'x'.repeat(100) });
      await cache.get(`k${n}`);
      await cache.get(`k${n}`);
    }
    await until(() => value('hawser_cache_evictions_total', { repository: cache.prefix, store: 'parsed' })! > 10);
    await other.get('none');
    expect(value('hawser_cache_evictions_total', { repository: other.prefix, store: 'parsed' })).toBe(0);
  });
});

onServer('The state of the store', (backend) => {
  test('the breaker is open while Redis is silent, and closed when it answers or the manager closes', async () => {
    const cache = backend.cache();
    const breaker = (): number | undefined => value('hawser_cache_breaker_open', {});
    await cache.set('k', 1);
    expect(breaker()).toBe(0);
    backend.server.freeze();
    await until(async () => (await cache.getOrSet('k', () => 2), breaker() === 1), { deadlineMs: 15_000 });
    expect(series('hawser_cache_breaker_open')[0].labels.node).toContain(String(backend.server.port));
    backend.server.thaw();
    await until(async () => (await cache.getOrSet('k', () => 2), breaker() === 0), { deadlineMs: 15_000 });
    backend.server.freeze();
    await until(async () => (await cache.getOrSet('k', () => 2), breaker() === 1), { deadlineMs: 15_000 });
    await RedisManager.closeAll();
    expect(breaker()).toBeUndefined();
    backend.server.thaw();
    await backend.reopen();
    await cache.get('k');
    expect(breaker()).toBe(0);
  });

  test('connections are counted by role and state', async () => {
    const at = (role: string, state: string): number | undefined => value('hawser_connections', { role, state });
    expect(series('hawser_connections')).toEqual([]);
    const cache = backend.cache({ nearCache: { maxBytes: 1 << 20 } });
    await cache.set('k', 1);
    await cache.get('k');
    await until(() => at('main', 'ready') === 1 && at('cache', 'ready') === 1);
    expect(at('main', 'connecting')).toBe(0);
    await backend.server.kill();
    await until(() => at('main', 'connecting') === 1 && at('main', 'ready') === 0);
    await backend.server.launch();
    await until(() => at('main', 'ready') === 1);
    await RedisManager.closeAll();
    expect(series('hawser_connections')).toEqual([]);
  });

  test('no label names a key, and every metric has its help and type once', async () => {
    const cache = backend.cache();
    await cache.getOrSet('the-key', () => 1, { tags: ['the-tag'] });
    await cache.get('the-key');
    const text = CacheMetrics.prometheus();
    expect(text).not.toMatch(/the-key|the-tag/);
    for (const kind of ['HELP', 'TYPE']) {
      const names = [...text.matchAll(new RegExp(`^# ${kind} (\\S+)`, 'gm'))].map(([, name]) => name);
      expect(names.length).toBe(new Set(names).size);
    }
  });
});

onServer('Waits for another process', (backend) => {
  test('are lease waits, and no joins', async () => {
    const cache = backend.cache();
    const { prefix: repository } = cache;
    const child = new NodeProcess(`
      const { CacheRepository, RedisManager } = require('hawser');
      RedisManager.configure({ url: ${JSON.stringify(backend.server.url)} });
      new CacheRepository(${JSON.stringify(repository)}).getOrSet('k', () => new Promise((resolve) => {
        console.log('loading');
        process.stdin.once('data', () => resolve('theirs'));
      })).then(() => process.exit());
    `);
    try {
      await child.line(/^loading$/);
      const value = cache.getOrSet('k', () => 'mine');
      // Its first look has met the lease of the other process.
      await until(async () => ((await backend.server.command('INFO', 'commandstats')) as string).includes('cmdstat_mget'));
      await cache.get('other');
      child.send('go on');
      expect(await value).toBe('theirs');
    } finally {
      await child.kill();
    }
    const { joins, leaseWaits } = CacheMetrics.snapshot().repositories[repository];
    expect([joins, leaseWaits]).toEqual([0, 1]);
    expect(count('hawser_cache_wait_duration_seconds', { repository })).toBe(1);
  });
});

test('a parser reads the names of repositories back as they are', async () => {
  const names = ['quo"te', 'back\\slash', 'line\nend', 'brace}', 'comma,equals=', 'snow ☃'];
  RedisManager.configure({ url: 'memory://' });
  try {
    for (const name of names) await new CacheRepository(name).getOrSet('k', () => 1);
    for (const name of names) {
      expect(value('hawser_cache_reads_total', { repository: name, result: 'miss' })).toBe(1);
      expect(count('hawser_cache_load_duration_seconds', { repository: name })).toBe(1);
    }
  } finally {
    await RedisManager.closeAll();
  }
});
