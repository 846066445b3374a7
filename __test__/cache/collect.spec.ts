/** `CacheMetrics.collect`: the metrics in a registry of prom-client, of each version that applications have. */
import * as v15 from 'prom-client';
import * as v12 from 'prom-client12';
import * as v13 from 'prom-client13';
import * as v14 from 'prom-client14';
import { collect } from '../../lib/cache/collect';
import { histogramSamples, prometheusText, type Metric, type Observed } from '../../lib/cache/prometheus';
import { CacheMetrics } from '../../lib/facade';
import { onEveryStore } from './backends';

const VERSIONS: readonly [string, typeof v15][] = [
  ['12', v12 as unknown as typeof v15],
  ['13', v13 as unknown as typeof v15],
  ['14', v14 as unknown as typeof v15],
  ['15', v15],
];

/** The samples of a text, without comments, in the order of their names. */
function samples(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.replace('{} ', ' ')).sort();
}

onEveryStore('CacheMetrics.collect', (backend) => {
  test.each(VERSIONS)('a registry of prom-client %s has what prometheus() says, at each scrape', async (_, { Registry }) => {
    const registry = new Registry();
    CacheMetrics.collect(registry);
    const cache = backend.cache();
    const hits = (n: number): string => `hawser_cache_reads_total{repository="${cache.prefix}",result="hit"} ${n}`;
    await cache.getOrSet('k', () => 1);
    await cache.get('k');
    await cache.invalidateTags(['t']);
    const text = await registry.metrics();
    expect(text).toContain(hits(1));
    expect(samples(text)).toEqual(samples(CacheMetrics.prometheus()));
    await cache.get('k');
    expect(await registry.metrics()).toContain(hits(2));
    registry.resetMetrics();
    expect(CacheMetrics.snapshot().hits).toBe(2);
  });
});

test('what a registry has is not registered again, and comes back where it was removed', async () => {
  const registry = new v15.Registry();
  CacheMetrics.collect(registry);
  CacheMetrics.collect(registry);
  const all = registry.getMetricsAsArray().length;
  registry.removeSingleMetric('hawser_cache_reads_total');
  CacheMetrics.collect(registry);
  expect(registry.getMetricsAsArray()).toHaveLength(all);
  const other = new v15.Registry();
  new v15.Counter({ name: 'hawser_cache_reads_total', help: 'of the application', registers: [other] });
  expect(() => CacheMetrics.collect(other)).toThrow('hawser_cache_reads_total');
});

test('anything but a registry is refused', () => {
  for (const registry of [undefined, null, {}, { registerMetric() {} }, 'register']) expect(() => CacheMetrics.collect(registry as never)).toThrow(TypeError);
});

test('no label names a key', async () => {
  const registry = new v15.Registry();
  CacheMetrics.collect(registry);
  for (const { values } of await registry.getMetricsAsJSON()) for (const { labels } of values) expect(Object.keys(labels)).not.toContain('key');
});

describe('a metric of each kind', () => {
  const OBSERVED = [0.5, 1, 3, 50, 700];
  const BOUNDS = [1, 10, 100];
  const labels = { repository: 'quo"te' };

  /** What hawser would have counted. */
  function observed(): Observed {
    const counts = [...BOUNDS, Infinity].map((bound, i) => OBSERVED.filter((n) => n <= bound && n > (BOUNDS[i - 1] ?? -Infinity)).length);
    return { bounds: BOUNDS, counts, sum: OBSERVED.reduce((sum, n) => sum + n) };
  }

  const metrics: readonly Metric<undefined>[] = [
    { name: 'some_total', help: 'some', type: 'counter', samples: () => [{ labels, value: 2 }] },
    { name: 'now', help: 'now', type: 'gauge', aggregator: 'max', samples: () => [{ labels: {}, value: -1.5 }] },
    { name: 'took_seconds', help: 'took', type: 'histogram', samples: () => histogramSamples(labels, observed()) },
  ];

  /** The same metrics, made by prom-client. */
  function theirs({ Counter, Gauge, Histogram, Registry }: typeof v15): v15.Registry {
    const registry = new Registry();
    const registers = [registry];
    const labelNames = ['repository'];
    new Counter({ name: 'some_total', help: 'some', labelNames, registers }).inc(labels, 2);
    new Gauge({ name: 'now', help: 'now', registers }).set(-1.5);
    const histogram = new Histogram({ name: 'took_seconds', help: 'took', labelNames, buckets: BOUNDS, registers });
    for (const value of OBSERVED) histogram.observe(labels, value);
    return registry;
  }

  function ours({ Registry }: typeof v15): v15.Registry {
    const registry = new Registry();
    collect(registry, metrics, () => undefined);
    return registry;
  }

  /** The order of labels means nothing. */
  const sorted = (text: string): string[] => samples(text).map((line) => line.replace(/\{(.*)\}/, (_, pairs: string) => `{${pairs.split(',').sort().join(',')}}`));

  test.each(VERSIONS)('is written as prom-client %s writes its own', async (_, client) => {
    expect(sorted(await ours(client).metrics())).toEqual(sorted(await theirs(client).metrics()));
    expect(sorted(prometheusText(metrics, undefined))).toEqual(sorted(await theirs(client).metrics()));
    expect((await ours(client).metrics()).match(/^# TYPE .*/gm)).toEqual((await theirs(client).metrics()).match(/^# TYPE .*/gm));
  });

  test('is written for OpenMetrics as prom-client writes its own', async () => {
    const [own, other] = [ours(v15), theirs(v15)];
    for (const registry of [own, other]) registry.setContentType(v15.Registry.OPENMETRICS_CONTENT_TYPE as never);
    for (let scrape = 0; scrape < 2; scrape++) expect(sorted(await own.metrics())).toEqual(sorted(await other.metrics()));
  });

  test.each(VERSIONS)('is added up over the processes of a cluster by prom-client %s', async (_, client) => {
    const [a, b] = [await ours(client).getMetricsAsJSON(), await ours(client).getMetricsAsJSON()];
    const text = await client.AggregatorRegistry.aggregate([a, b]).metrics();
    expect(text).toContain('now -1.5');
    expect(text).toContain('some_total{repository="quo\\"te"} 4');
    expect(text).toContain('took_seconds_count{repository="quo\\"te"} 10');
  });

  test('labels of the registry stand beside its own', async () => {
    const registry = ours(v15);
    registry.setDefaultLabels({ app: 'shop' });
    expect(await registry.metrics()).toContain('app="shop"');
    expect(await registry.getSingleMetricAsString('now')).toContain('now{app="shop"} -1.5');
  });
});
