/** The demo's figures: hawser's own metrics, and how long callers waited, by kind of read. */
import { CacheMetrics } from 'hawser';
import { LATENCY_MS, type Database, type Query } from '../order-backend/database';

/** One kind of read: its row in the table, its repository, and the query that it replaces. */
export interface Kind {
  readonly label: string;
  readonly repository: string;
  readonly query: Query;
}

export const KINDS = {
  list: { label: 'order lists', repository: 'shop.orders', query: 'list' },
  order: { label: 'order details', repository: 'shop.order', query: 'order' },
  zone: { label: 'zones', repository: 'shop.zones', query: 'zone' },
  dashboard: { label: 'dashboards', repository: 'shop.dashboards', query: 'dashboard' },
} as const satisfies Record<string, Kind>;
export type KindName = keyof typeof KINDS;

export interface Row {
  label: string;
  reads: number;
  hits: number;
  stale: number;
  misses: number;
  /** Loaders that ran while a caller waited. */
  loads: number;
  refreshes: number;
  /** Entries that writes invalidated. */
  dropped: number;
  /** In percent. */
  hitRate: number;
  /** The median duration of the latest reads, in milliseconds. */
  medianMs: number;
  /** The duration of the same read without a cache, in milliseconds. */
  databaseMs: number | undefined;
  /** The time that all reads would have waited for the database, minus the time that they waited. */
  savedMs: number;
}

const SAMPLES = 1024;

/** The durations of one kind of read: their sum, and the latest ones. */
class Durations {
  count = 0;
  total = 0;
  private readonly latest = new Float64Array(SAMPLES);

  add(ms: number): void {
    this.latest[this.count++ % SAMPLES] = ms;
    this.total += ms;
  }

  median(): number {
    const sorted = this.latest.slice(0, Math.min(this.count, SAMPLES)).sort();
    return sorted.length === 0 ? 0 : sorted[sorted.length >> 1];
  }
}

export class Figures {
  readonly dropped: Record<KindName, number> = { list: 0, order: 0, zone: 0, dashboard: 0 };
  messages = 0;
  /** Answers older than a write whose invalidation had finished before the read began. Must stay 0. */
  outdated = 0;
  /** Reads that failed. Must stay 0. */
  failed = 0;
  readonly notes: { at: number; text: string }[] = [];
  /** Reads per second, one value for each half second. */
  readonly rates: number[] = [];
  readonly startedAt = performance.now();
  private readonly durations: Record<KindName, Durations> = {
    list: new Durations(),
    order: new Durations(),
    zone: new Durations(),
    dashboard: new Durations(),
  };
  private counted = 0;

  constructor(private readonly db: Database) {
    CacheMetrics.reset();
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000;
  }

  /** Runs a read and measures its time. */
  async read<T>(kind: KindName, run: () => Promise<T>): Promise<T> {
    const start = performance.now();
    const value = await run();
    this.durations[kind].add(performance.now() - start);
    return value;
  }

  note(text: string): void {
    this.notes.push({ at: this.seconds, text });
    if (this.notes.length > 200) this.notes.shift();
  }

  /** Called twice a second. */
  tick(): void {
    const total = this.reads;
    this.rates.push((total - this.counted) * 2);
    this.counted = total;
  }

  get reads(): number {
    return Object.values(this.durations).reduce((sum, { count }) => sum + count, 0);
  }

  /** Queries that the reads have caused, including background refreshes. */
  get queries(): number {
    return Object.values(KINDS).reduce((sum, { query }) => sum + this.db.queries[query], 0);
  }

  rows(): Row[] {
    const { repositories } = CacheMetrics.snapshot();
    return (Object.keys(KINDS) as KindName[]).map((name) => {
      const { label, repository, query } = KINDS[name];
      const durations = this.durations[name];
      const { reads = 0, hits = 0, stale = 0, misses = 0, loads = 0, refreshes = 0, hitRate = 0 } = repositories[repository] ?? {};
      const databaseMs = LATENCY_MS[query];
      const savedMs = Math.max(durations.count * databaseMs - durations.total, 0);
      return { label, reads, hits, stale, misses, loads, refreshes, dropped: this.dropped[name], hitRate, medianMs: durations.median(), databaseMs, savedMs };
    });
  }

  total(rows = this.rows()): Row {
    const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
    const reads = sum((row) => row.reads);
    const hits = sum((row) => row.hits);
    const stale = sum((row) => row.stale);
    return {
      label: 'all',
      reads,
      hits,
      stale,
      misses: sum((row) => row.misses),
      loads: sum((row) => row.loads),
      refreshes: sum((row) => row.refreshes),
      dropped: sum((row) => row.dropped),
      hitRate: reads === 0 ? 0 : ((hits + stale) / reads) * 100,
      medianMs: Number.NaN,
      databaseMs: undefined,
      savedMs: sum((row) => row.savedMs),
    };
  }
}
