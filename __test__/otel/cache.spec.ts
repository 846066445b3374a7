/** Calls of the cache and loaders as spans, with OpenTelemetry's SDK, on every store. */
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { CacheMetrics, CacheRepository, RedisManager, StaleWhileRevalidate, type CacheOptions } from '../../lib/facade';
import { ReplyError } from '../../lib/observe/errors';
import { registerHawserOtel, type HawserInstrumentation } from '../../lib/otel';
import { heldLoader, onEveryStore, onServer } from '../cache/backends';
import { until } from '../helpers/until';
import { isChildOf, Sdk } from './sdk';

let sdk: Sdk;
let instrumentation: HawserInstrumentation;
beforeAll(() => (sdk = new Sdk()));
afterAll(() => sdk.stop());
beforeEach(() => {
  sdk.reset();
  instrumentation = registerHawserOtel();
});
afterEach(() => instrumentation.disable());

/** Without the commands by which a cluster reads its map. */
const cacheSpans = (): ReadableSpan[] => sdk.spans().filter(({ name }) => name.startsWith('cache.'));
const outcomes = (): unknown[] => sdk.spans('cache.getOrSet').map(({ attributes }) => attributes['hawser.cache.outcome']);

onEveryStore('getOrSet', (backend) => {
  test('is a span with its outcome, and its loader a child of it', async () => {
    const cache = backend.cache();
    await sdk.within(async (parent) => {
      await cache.getOrSet('the-key', () => 'the-value');
      await cache.getOrSet('the-key', () => 'other');
      const [miss, hit] = sdk.spans('cache.getOrSet');
      const [load] = sdk.spans('cache.load');
      expect([miss.kind, isChildOf(miss, parent), isChildOf(hit, parent), isChildOf(load, miss)]).toEqual([SpanKind.INTERNAL, true, true, true]);
      expect(miss.attributes).toEqual({
        'hawser.cache.operation': 'getOrSet', 'hawser.cache.repository': cache.prefix, 'hawser.cache.outcome': 'miss',
      });
      expect(hit.attributes['hawser.cache.outcome']).toBe('remote_hit');
      expect(sdk.spans('cache.load')).toHaveLength(1);
    });
    expect(JSON.stringify(sdk.spans().map(({ name, attributes, events }) => [name, attributes, events]))).not.toMatch(/the-key|the-value/);
  });

  test('what a loader does is within its span, also in the background', async () => {
    const cache = backend.cache();
    const seen: (string | undefined)[] = [];
    const note = (): void => void seen.push(trace.getSpan(context.active())?.spanContext().spanId);
    const loader = async (): Promise<number> => {
      note();
      await new Promise((resolve) => setImmediate(resolve));
      note();
      await cache.getOrSet('inner', () => 1);
      return 1;
    };
    await cache.getOrSet('k', loader);
    const [load] = sdk.spans('cache.load').filter((span) => span.spanContext().spanId === seen[0]);
    expect(seen).toEqual([load.spanContext().spanId, load.spanContext().spanId]);
    expect(isChildOf(load, sdk.spans('cache.getOrSet').find(({ parentSpanContext }) => parentSpanContext === undefined)!)).toBe(true);
    expect(sdk.spans('cache.getOrSet').filter((span) => isChildOf(span, load))).toHaveLength(1);
    // The caller's own context is as before.
    expect(trace.getSpan(context.active())).toBeUndefined();
    const swr = new StaleWhileRevalidate(cache, 0, 60);
    await swr.get('k', loader);
    await until(() => sdk.spans('cache.load').length === 3);
    expect(outcomes().at(-1)).not.toBe('miss');
    expect(outcomes()).toContain('stale');
  });

  test('callers that join the load of another one say so', async () => {
    const cache = backend.cache();
    const held = heldLoader<number>();
    const owner = cache.getOrSet('k', held.loader);
    await held.started;
    const joiner = cache.getOrSet('k', held.loader);
    await cache.get('other');
    held.finish.open(1);
    await Promise.all([owner, joiner]);
    expect(outcomes().sort()).toEqual(['joined', 'miss']);
    expect(sdk.spans('cache.load')).toHaveLength(1);
  });

  test("the span of a loader shows what its error says, but no arguments in a server's words", async () => {
    const cache = backend.cache();
    const refused = new ReplyError("ERR unknown command 'x', with args beginning with: 'tacit'");
    await expect(cache.getOrSet('k', () => Promise.reject(refused))).rejects.toBe(refused);
    await expect(cache.getOrSet('k', () => Promise.reject(new TypeError(`source: ${refused.message}`, { cause: refused })))).rejects.toThrow('tacit');
    const events = sdk.spans('cache.load').flatMap((span) => span.events.map(({ attributes }) => attributes));
    expect(events.map((attributes) => attributes?.['exception.message'])).toEqual(['ERR unknown command', 'source: ERR']);
    expect(JSON.stringify(events)).not.toContain('tacit');
  });

  test('a loader that fails marks its span and that of the call', async () => {
    const cache = backend.cache();
    await expect(cache.getOrSet('k', () => Promise.reject(new TypeError('source')))).rejects.toThrow('source');
    const [[call], [load]] = [sdk.spans('cache.getOrSet'), sdk.spans('cache.load')];
    expect(call.attributes).toMatchObject({ 'hawser.cache.outcome': 'error', 'error.type': 'TypeError' });
    expect([call.status.code, load.status.code]).toEqual([SpanStatusCode.ERROR, SpanStatusCode.ERROR]);
    expect(load.events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([['exception', 'source']]);
    expect(call.events).toEqual([]);
    await expect(cache.getOrSet('', () => 1)).rejects.toThrow(TypeError);
    expect(sdk.spans('cache.getOrSet')[1].attributes['error.type']).toBe('E_BAD_OPTION');
  });

  test.each([
    ['getOrSet', (cache: CacheRepository, endless: () => Promise<never>) => cache.getOrSet('k', endless, { loaderTimeoutMs: 20 })],
    ['getOrSetMany', (cache: CacheRepository, endless: () => Promise<never>) => cache.getOrSetMany(['a', 'b'], endless, { loaderTimeoutMs: 20 })],
  ])('a loader of %s that never settles ends its span when its time is over, and its time counts', async (name, call) => {
    const cache = backend.cache();
    await expect(call(cache, () => new Promise<never>(() => undefined))).rejects.toMatchObject({ code: 'E_LOADER_TIMEOUT' });
    const [[around], [load]] = [sdk.spans(`cache.${name}`), sdk.spans('cache.load')];
    expect(load.attributes['error.type']).toBe('E_LOADER_TIMEOUT');
    expect(load.status.code).toBe(SpanStatusCode.ERROR);
    expect(isChildOf(load, around)).toBe(true);
    expect(CacheMetrics.prometheus()).toContain(`hawser_cache_load_duration_seconds_count{repository="${cache.prefix}"} 1`);
  });

  test('a kept value in the place of an error is a fallback, and a call that is not cached says so', async () => {
    const cache = backend.cache({ ttl: 60, staleIfError: 60 });
    await cache.set('k', 'old');
    const kept: CacheOptions = { maxAge: 0.001 };
    await until(async () => (await cache.getOrSet('k', () => Promise.reject(new Error('source')), kept)) === 'old' && outcomes().includes('fallback'));
    await backend.reopen({ enableTags: false });
    await cache.getOrSet('t', () => 1, { tags: ['t'] });
    expect(outcomes().at(-1)).toBe('uncached');
  });

  test('a hit in the memory of the process is a near hit', async () => {
    const cache = backend.cache({ nearCache: { maxBytes: 1 << 20 } });
    await cache.set('k', { a: 1 });
    await until(async () => (await cache.getOrSet('k', () => ({ a: 2 })), outcomes().includes('near_hit')));
  });

  test('groups count the outcomes of their keys, and gets, writes and invalidations are spans too', async () => {
    const cache = backend.cache();
    await cache.set('a', 1);
    await cache.getOrSetMany(['a', 'b', 'c'], (keys) => new Map(keys.map((key) => [key, 1])));
    await cache.get('a');
    await cache.getMany(['a', 'none']);
    await cache.delete('a');
    await cache.invalidateTags(['t']);
    await cache.deletePattern('*');
    const calls = cacheSpans().filter(({ name }) => name !== 'cache.load');
    expect(calls.map(({ name }) => name)).toEqual(['set', 'getOrSetMany', 'get', 'getMany', 'delete', 'invalidateTags', 'deletePattern'].map((name) => `cache.${name}`));
    expect(calls[1].attributes).toMatchObject({ 'hawser.cache.key_count': 3, 'hawser.cache.outcomes.remote_hit': 1, 'hawser.cache.outcomes.miss': 2 });
    expect(calls[2].attributes['hawser.cache.outcome']).toBe('remote_hit');
    expect(calls[3].attributes).toMatchObject({ 'hawser.cache.outcomes.remote_hit': 1, 'hawser.cache.outcomes.miss': 1 });
    expect(isChildOf(sdk.spans('cache.load')[0], calls[1])).toBe(true);
  });

  test('after disable nothing is recorded, and cacheKeySerializer shows keys where the application wants that', async () => {
    const cache = backend.cache();
    instrumentation.setConfig({ cacheKeySerializer: (repository, key) => `${repository}/${key}` });
    await cache.getOrSet('k', () => 1);
    expect(cacheSpans().map(({ attributes }) => attributes['hawser.cache.key'])).toEqual([`${cache.prefix}/k`, `${cache.prefix}/k`]);
    instrumentation.setConfig({ cache: false });
    await cache.getOrSet('k2', () => 1);
    instrumentation.disable();
    await cache.getOrSet('k3', () => 1);
    expect(cacheSpans()).toHaveLength(2);
  });
});

onServer('Commands and loaders', (backend) => {
  test('a command in a loader is a child of its span', async () => {
    const cache = backend.cache();
    const redis = await RedisManager.getMainClient();
    await cache.getOrSet('k', async () => {
      await redis.get('in-a-loader');
      return (await redis.pipeline().get('a').get('b').exec()) !== null;
    });
    const [load] = sdk.spans('cache.load');
    expect([...sdk.spans('get'), ...sdk.spans('PIPELINE get')].map((span) => isChildOf(span, load))).toEqual([true, true]);
  });

  test('the counters of the cache are observable instruments, and the durations histograms', async () => {
    const cache = new CacheRepository('measured', {});
    await cache.getOrSet('k', () => 1);
    await cache.getOrSet('k', () => 1);
    const repository = { 'hawser.cache.repository': 'measured' };
    const value = async (name: string, more: object = {}): Promise<unknown> => (await sdk.points(name, { ...repository, ...more }))[0]?.value;
    expect(await value('hawser.cache.reads', { 'hawser.cache.result': 'hit' })).toBe(1);
    expect(await value('hawser.cache.loads', { 'hawser.cache.kind': 'read' })).toBe(1);
    expect(await value('hawser.cache.oldest_load_time')).toBe(0);
    expect(await value('hawser.cache.call.duration', { 'hawser.cache.outcome': 'miss' })).toMatchObject({ count: 1 });
    expect(await value('hawser.cache.load.duration')).toMatchObject({ count: 1 });
    const all = await sdk.collect();
    expect(all.get('hawser.cache.reads')!.descriptor).toMatchObject({ type: 'OBSERVABLE_COUNTER' });
    expect(all.get('hawser.connections')!.dataPoints.map(({ attributes }) => attributes)).toContainEqual({ 'hawser.role': 'main', 'hawser.state': 'ready' });
    expect(JSON.stringify([...all.values()])).not.toContain('"k"');
    instrumentation.disable();
    await cache.getOrSet('k', () => 1);
    // The SDK goes on to report the last number that it has heard.
    expect(await value('hawser.cache.reads', { 'hawser.cache.result': 'hit' })).toBe(1);
  });
});
