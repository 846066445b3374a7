import { countersOf } from '../../lib/cache/metrics';
import { CacheMetrics } from '../../lib/facade';

beforeEach(() => CacheMetrics.reset());

describe('CacheMetrics', () => {
  test('the hit rate is a percentage in which a stale hit is a hit', () => {
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

  test('reset sets to 0 what is in use', () => {
    const counters = countersOf('a');
    counters.hits = 5;
    CacheMetrics.recordHit();
    CacheMetrics.reset();
    expect(CacheMetrics.snapshot()).toMatchObject({ hits: 0, reads: 0 });
    counters.hits++;
    expect(CacheMetrics.hits).toBe(1);
  });

  test("the Prometheus text escapes a repository's name and is one series per result", () => {
    countersOf('we"ird\\\n').misses = 2;
    const text = CacheMetrics.prometheus();
    expect(text).toContain('hawser_cache_reads_total{repository="we\\"ird\\\\\\n",result="miss"} 2\n');
    expect(text.endsWith('\n')).toBe(true);
    const grammar = /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z]+="(\\[\\n"]|[^"\\\n])*",?)+\} \d+)$/;
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(grammar);
  });
});
