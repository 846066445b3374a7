/** The dashboard in docs/grafana: it has the shape that Grafana imports, and its expressions name metrics and labels that there are. */
import { CacheMetrics, CacheRepository, RedisManager } from '../../lib/facade';
import { serverForAll } from '../helpers/lifetimes';
import { samplesOf } from '../helpers/prometheus';
import { readPage } from './pages';

interface GridPos {
  h: number;
  w: number;
  x: number;
  y: number;
}

interface Panel {
  id: number;
  type: string;
  title: string;
  gridPos: GridPos;
  datasource?: { type: string; uid: string };
  targets?: { refId: string; expr: string; datasource: { uid: string } }[];
}

interface Dashboard {
  id: null;
  uid: string;
  title: string;
  schemaVersion: number;
  panels: Panel[];
  templating: { list: { name: string; type: string; query: string | { query: string } }[] };
  time: { from: string; to: string };
}

const dashboard = JSON.parse(readPage('docs/grafana/hawser.json')) as Dashboard;
const drawn = dashboard.panels.filter(({ type }) => type !== 'row');
const variables = dashboard.templating.list;
const expressions = [
  ...drawn.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...variables.flatMap(({ query }) => (typeof query === 'string' ? [] : [query.query])),
];

const server = serverForAll();

test('Grafana imports it: a title, a schema, no id of a database, panels with ids of their own', () => {
  expect(dashboard).toMatchObject({ id: null, title: 'hawser', time: { from: 'now-1h', to: 'now' } });
  expect(dashboard.uid).toMatch(/^[\w-]{1,40}$/);
  expect(dashboard.schemaVersion).toBeGreaterThanOrEqual(36);
  const ids = dashboard.panels.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => Number.isInteger(id) && id > 0)).toBe(true);
  for (const { title, targets = [] } of drawn) {
    expect(title).not.toBe('');
    expect(targets.length).toBeGreaterThan(0);
    expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
  }
});

test('panels lie in the grid of 24 columns and do not overlap', () => {
  const taken = new Set<string>();
  for (const { gridPos: { h, w, x, y } } of dashboard.panels) {
    expect(x + w).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++) {
      for (let line = y; line < y + h; line++) {
        expect(taken).not.toContain(`${column} ${line}`);
        taken.add(`${column} ${line}`);
      }
    }
  }
});

test('the data source is a variable, and expressions use only variables that are defined', () => {
  expect(variables.find(({ name }) => name === 'datasource')).toMatchObject({ type: 'datasource', query: 'prometheus' });
  for (const { datasource, targets = [] } of drawn) {
    for (const { uid } of [datasource!, ...targets.map((target) => target.datasource)]) expect(uid).toBe('${datasource}');
  }
  const known = new Set([...variables.map(({ name }) => name), '__rate_interval']);
  for (const expression of expressions) for (const [, name] of expression.matchAll(/\$(\w+)/g)) expect(known).toContain(name);
});

test('every metric and every label in the expressions is one that the text has', async () => {
  RedisManager.configure({ url: server.url });
  try {
    const cache = new CacheRepository('dashboard');
    const calls = Array.from({ length: 3 }, () => cache.getOrSet('k', () => new Promise<number>((resolve) => setImmediate(() => resolve(1)))));
    await Promise.all(calls);
    await cache.set('k', 1);
    await cache.invalidateTags(['t']);
    const samples = samplesOf(CacheMetrics.prometheus());
    expect(expressions.length).toBeGreaterThan(20);
    for (const expression of expressions) {
      const used = [...expression.matchAll(/\b(hawser_\w+)(?:\{([^}]*)\})?/g)];
      expect(used.length).toBeGreaterThan(0);
      for (const [, name, matchers = ''] of used) {
        const labels = samples.get(name)?.[0]?.labels;
        expect([name, labels === undefined]).toEqual([name, false]);
        // A scrape adds `job`.
        const named = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label).filter((label) => label !== 'job');
        expect(Object.keys(labels!)).toEqual(expect.arrayContaining(named));
      }
      const [, by = ''] = /\bby \(([^)]*)\)/.exec(expression) ?? [];
      const all = new Set(used.flatMap(([, name]) => Object.keys(samples.get(name)![0].labels)));
      for (const label of by.split(',').map((text) => text.trim()).filter(Boolean)) expect(all).toContain(label);
    }
  } finally {
    await RedisManager.closeAll();
  }
});

test('every kind of metric that the cache has is drawn', () => {
  const text = expressions.join('\n');
  const kinds = ['reads', 'hits', 'load_duration_seconds', 'redis_duration_seconds', 'given_up', 'breaker_open', 'evictions', 'invalidations', 'joins', 'lease_waits'];
  for (const kind of kinds) expect(text).toContain(`hawser_cache_${kind}`);
  expect(text).toContain('hawser_connections');
});
