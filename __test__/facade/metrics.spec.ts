import { countersOf, MAX_REPOSITORIES } from '../../lib/cache/metrics';
import { CacheMetrics } from '../../lib/facade';

beforeEach(() => CacheMetrics.reset());

describe('CacheMetrics', () => {
  test('the hit rate is a percentage, and stale hits count as hits', () => {
    expect(CacheMetrics.getHitRate()).toBe(0);
    Object.assign(countersOf('a'), { hits: 1, stale: 2, misses: 1 });
    expect(CacheMetrics.getHitRate()).toBe(75);
  });

  test('hits and misses recorded by hand count in the totals', () => {
    CacheMetrics.recordHit();
    CacheMetrics.recordMiss();
    CacheMetrics.recordMiss();
    expect([CacheMetrics.hits, CacheMetrics.misses]).toEqual([1, 2]);
    expect(CacheMetrics.getHitRate()).toBeCloseTo(100 / 3);
  });

  test('a snapshot is plain data: hits + stale + misses = reads, in total and by repository', () => {
    Object.assign(countersOf('a'), { hits: 3, stale: 2, misses: 1 });
    Object.assign(countersOf('__proto__'), { hits: 1 });
    CacheMetrics.recordMiss();
    const snapshot = CacheMetrics.snapshot();
    expect(snapshot).toMatchObject({ hits: 4, stale: 2, misses: 2, reads: 8 });
    expect(snapshot.repositories.a).toMatchObject({ hits: 3, stale: 2, misses: 1, reads: 6 });
    expect(Object.keys(snapshot.repositories)).toContain('__proto__');
    snapshot.repositories.a.hits = 99;
    expect(CacheMetrics.hits).toBe(4);
  });

  test('reset sets the counters in use to 0', () => {
    const counters = countersOf('a');
    counters.hits = 5;
    CacheMetrics.recordHit();
    CacheMetrics.reset();
    expect(CacheMetrics.snapshot()).toMatchObject({ hits: 0, reads: 0 });
    counters.hits++;
    expect(CacheMetrics.hits).toBe(1);
  });

  test('the busiest hundred repositories are listed, and the others are summed', () => {
    const held = Array.from({ length: 300 }, () => ({}));
    held.forEach((holder, i) => (countersOf(`held${i}`, holder).hits = i % 7));
    for (let i = 0; i < 5000; i++) countersOf(`tenant${i}`).hits += i === 17 || i === 4000 ? 1000 : 1;
    const late = countersOf('held3', held[0]);
    late.misses += 10_000;
    const { repositories, hits, misses } = CacheMetrics.snapshot();
    const names = Object.keys(repositories);
    expect(names.length).toBe(MAX_REPOSITORIES + 1);
    expect(names).toEqual(expect.arrayContaining(['tenant17', 'tenant4000', 'held3', 'other']));
    expect(Object.values(repositories).reduce((sum, one) => sum + one.hits, 0)).toBe(hits);
    expect(hits).toBe(897 + 4998 + 2000);
    expect(misses).toBe(10_000);
    expect(CacheMetrics.prometheus().split('\n').length).toBeLessThan(MAX_REPOSITORIES * 60);
    CacheMetrics.reset();
    expect(CacheMetrics.snapshot()).toMatchObject({ hits: 0, reads: 0 });
    late.hits++;
    expect(CacheMetrics.snapshot().repositories).toHaveProperty('held3.hits', 1);
  });

  test('a repository named `other` counts among the others', () => {
    countersOf('other').hits = 3;
    expect(CacheMetrics.snapshot().repositories.other).toMatchObject({ hits: 3 });
  });

  test("the Prometheus text escapes repository names and has one series per result", () => {
    countersOf('we"ird\\\n').misses = 2;
    const text = CacheMetrics.prometheus();
    expect(text).toContain('hawser_cache_reads_total{repository="we\\"ird\\\\\\n",result="miss"} 2\n');
    expect(text.endsWith('\n')).toBe(true);
    const grammar = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="(\\[\\n"]|[^"\\\n])*",?)+\})? \d+(\.\d+)?)$/;
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(grammar);
  });
});
