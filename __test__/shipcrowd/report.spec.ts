/** The report of examples/shipcrowd: its traffic can be repeated, its targets are judged as they say, and its page loads nothing. */
import { Dice } from '../../examples/shipcrowd/report/dice';
import { percentile } from '../../examples/shipcrowd/report/figures';
import { optionsOf } from '../../examples/shipcrowd/report/options';
import { pageOf } from '../../examples/shipcrowd/report/output/page';
import { textOf } from '../../examples/shipcrowd/report/output/text';
import type { ReportJson, Side } from '../../examples/shipcrowd/report/result';
import { atLeast, atMost, partOf } from '../../examples/shipcrowd/report/targets';
import { digestOf, keysOf, MIX, trafficOf, type Facts, type Kind } from '../../examples/shipcrowd/report/traffic';
import { verdictsOf, type Measured } from '../../examples/shipcrowd/report/verdicts';

const facts: Facts = {
  users: Array.from({ length: 5 }, (_, company) => ({
    email: `u${company}@example.com`,
    companyId: `c${company}`,
    orders: [`ORD-${company}1`, `ORD-${company}2`],
    unpacked: [`ORD-${company}1`],
  })),
  pincodes: ['110001', '400001', '560001', '700001'],
  weights: [450, 900, 4_500],
};

const measured: Measured = {
  schema: 'shipcrowd.report/1',
  startedAt: '2026-01-01T00:00:00.000Z',
  seconds: 12,
  quick: true,
  seed: 1,
  size: { companies: 2, orders: 10, instances: 2, requests: 5 },
  machine: { cpus: 2, node: 'v20.0.0', redis: '7.0.0' },
  jobs: {},
  faults: [],
  failures: [],
};

/** Both sides; the order list's p99 is not a sixth of before. */
function bothSides(): Measured {
  const times = (p50: number, p99: number) => ({ count: 10, p50, p90: p99, p99, max: p99 });
  const usage = (by: number) => ({ commands: 1000 / by, redisCpu: 4 / by, nodeCpu: 8 / by, queries: 500 / by, byCommand: {} });
  const side = (by: number, own: number, listP99: number, rate: number): Side => {
    const load = { requests: 10, seconds: 1, failed: 0, times: times(10 / by, 20 / by), usage: usage(by) };
    return {
      digest: 'abc',
      connections: { own, streams: 0, queues: 14, byName: { BullMQ: 14, 'hawser:main': own } },
      rush: { requests: 5, seconds: 1, perSecond: 5, failed: 0, refused: 0, instances: { 1: 5 }, times: {} },
      traffic: { requests: 5, seconds: 2, perSecond: 2.5, failed: 0, refused: 0, instances: { 1: 5 }, times: { dashboard: times(80 / by, 160 / by), list: times(30 / by, listP99), quote: times(12 / by, 24 / by) } },
      usage: usage(by),
      hitRates: { zones: rate, rateCards: rate, orders: rate, analytics: rate },
      creations: { ...load, wrongLists: 0 },
      checks: { ...load, hitRate: rate },
      dashboards: { ...load, hitRate: rate },
      revocations: { rounds: 1, p50: 5, max: 9, permittedLate: 0 },
      memoryMb: 4,
    };
  };
  return { ...measured, before: side(1, 9, 60, 20), after: side(8, 3, 40, 95) };
}

describe('traffic', () => {
  test('the same seed makes the same requests, another seed others', () => {
    const digest = (seed: number): string => digestOf(trafficOf(seed, facts, 500));
    expect(digest(7)).toBe(digest(7));
    expect(digest(7)).not.toBe(digest(8));
  });

  test('a longer traffic begins with the shorter one', () => {
    expect(trafficOf(1, facts, 200).slice(0, 20)).toEqual(trafficOf(1, facts, 20));
    const dice = new Dice(42);
    expect([dice.between(0, 9), dice.between(0, 9), dice.between(0, 9)]).toEqual([6, 4, 8]);
  });

  test('the shares of the kinds are those of the mix', () => {
    const steps = trafficOf(3, facts, 20_000);
    const share = (kind: Kind): number => (1000 * steps.filter((step) => step.kind === kind).length) / steps.length;
    for (const kind of ['zone', 'quote', 'list', 'dashboard', 'permission', 'wallet'] as const) {
      expect(share(kind)).toBeGreaterThan(MIX[kind] * 0.9);
      expect(share(kind)).toBeLessThan(MIX[kind] * 1.1);
    }
    expect(Object.values(MIX).reduce((sum, weight) => sum + weight)).toBe(1000);
  });

  test('an order is packed once at most; then orders are created instead', () => {
    const steps = trafficOf(5, facts, 20_000);
    const packed = steps.filter(({ kind }) => kind === 'status').map(({ path }) => path);
    expect(new Set(packed).size).toBe(packed.length);
    expect(packed.length).toBeLessThanOrEqual(5);
  });

  test('keys are counted once for each company, and once for all where companies share them', () => {
    const list = { kind: 'list', method: 'GET', path: '/api/orders?page=1' } as const;
    const zone = { kind: 'zone', method: 'GET', path: '/api/pricing/zone?from=1&to=2' } as const;
    expect(keysOf([{ ...list, user: 0 }, { ...list, user: 1 }, { ...list, user: 1 }, { ...zone, user: 0 }, { ...zone, user: 1 }], facts)).toEqual({ list: 2, zone: 1 });
  });
});

test.each<[number[], number, number]>([
  [[], 0.5, 0],
  [[4], 0.99, 4],
  [[3, 1, 2, 4], 0.5, 2],
  [[3, 1, 2, 4], 0.99, 4],
  [Array.from({ length: 100 }, (_, i) => 100 - i), 0.99, 99],
])('the percentile of %p at %d is %d', (samples, share, value) => {
  expect(percentile(samples, share)).toBe(value);
});

describe('targets', () => {
  test('a figure that misses its target is missed, and no figure is no success', () => {
    expect(atMost('a', 3, 3, '').met).toBe(true);
    expect(atMost('a', 3, 3.4, '').met).toBe(false);
    expect(atLeast('a', 75, 74.9, '%').met).toBe(false);
    expect(atLeast('a', 75, null, '%').met).toBeNull();
    expect(partOf('a', 4, 100, 25, 'ms').met).toBe(true);
    expect(partOf('a', 4, 100, 25.1, 'ms').met).toBe(false);
    expect(partOf('a', 4, null, 1, 'ms').met).toBeNull();
  });

  test('a part that could not be measured counts as missed', () => {
    const verdicts = verdictsOf({ ...measured, failures: [{ part: 'cluster of 6 nodes', message: 'no cluster' }] });
    expect(verdicts.filter(({ met }) => met === false).map(({ name }) => name)).toEqual(expect.arrayContaining(['cluster of 6 nodes: measured']));
  });

  test('orders that are lost and lists that are old are missed', () => {
    const bad = { written: 10, accepted: 0, refused: 0, lists: 10, stale: 1, failedLists: 0, lost: 2, examples: [] };
    const missed = verdictsOf({ ...measured, readBack: bad }).filter(({ met }) => met === false);
    expect(missed.map(({ name, after }) => `${name}: ${after}`)).toEqual(['10 orders read back through another instance: lists without them: 1', '10 orders: lost: 2']);
  });
});

describe('output', () => {
  const report: ReportJson = { ...bothSides(), verdicts: verdictsOf(bothSides()) };

  test('the page is one file: it loads nothing and runs nothing', () => {
    const html = pageOf(report);
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).not.toMatch(/<script|<link|<img|@import|url\(|https?:\/\//i);
    expect(html.match(/<svg /g)?.length).toBeGreaterThanOrEqual(4);
    for (const name of ['Times', 'Hit rates', 'Connections of an instance', 'Targets']) expect(html).toContain(`<h2>${name}</h2>`);
  });

  test('text and page say which targets are missed', () => {
    const missed = report.verdicts.filter(({ met }) => met === false);
    expect(missed.map(({ name }) => name)).toEqual(['order list: p99']);
    expect(textOf(report).match(/MISSED/g)).toHaveLength(1);
    expect(pageOf(report).match(/>MISSED</g)).toHaveLength(1);
  });

  test('what comes from outside is escaped', () => {
    const html = pageOf({ ...report, failures: [{ part: 'a', message: '<script>alert(1)</script>' }] });
    expect(html).not.toContain('<script>');
    expect(html).toContain('&lt;script&gt;');
  });
});

test('options: wrong ones are named, and --quick reduces the size', () => {
  expect(optionsOf(['--quick'])?.size.requests).toBeLessThan(optionsOf([])?.size.requests ?? 0);
  expect(() => optionsOf(['--only', 'traffic,moon'])).toThrow(/moon/);
  expect(() => optionsOf(['--seed', 'x'])).toThrow(/--seed/);
  expect(optionsOf(['--only', 'cluster'])?.parts).toEqual(new Set(['cluster']));
});
