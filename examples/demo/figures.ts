/** What the demo counts: hawser's own metrics, and beside them how long callers waited, by kind of read. */
import { CacheMetrics } from 'hawser';
import { LATENCY_MS, type Database, type Query } from '../order-backend/database';

/** One kind of read: its row in the table, the repository that serves it, the query that it stands for. */
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
  /** Loaders that ran while somebody waited. */
  loads: number;
  refreshes: number;
  /** Entries that writes made unusable. */
  dropped: number;
  /** Percent. */
  hitRate: number;
  /** Half of the latest reads took at most this long, in milliseconds. */
  medianMs: number;
  /** What the same read costs without a cache. */
  databaseMs: number | undefined;
  /** Of all reads: what they would have waited for the database, less what they did wait. */
  savedMs: number;
}

const SAMPLES = 1024;

/** Durations of one kind of read: their sum, and the latest of them. */
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
  /** Answers older than a write that had been invalidated before they were asked for. Must stay 0. */
  outdated = 0;
  /** Reads that failed. Must stay 0. */
  failed = 0;
  readonly notes: { at: number; text: string }[] = [];
  /** Reads per second, one number for each half second. */
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

  /** Runs a read and takes its time. */
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

  /** Queries that the reads have cost, background refreshes included. */
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
