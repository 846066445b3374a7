/** Collects what was invalidated and applies it to the query cache, once per burst. */
import type { Checked } from './options';
import { tagsOf, type QueryClientLike, type QueryLike } from './query_client';

type Matches = (query: QueryLike) => boolean;

/** The events of the query cache that are used. */
interface CacheEvent {
  readonly type: string;
  readonly query: QueryLike;
  readonly action?: { readonly type: string; readonly manual?: boolean };
}

/** A burst is cut after this many times `burstMs`. */
const LONGEST_BURST = 10;

export class Invalidator {
  private readonly pending = new Set<string>();
  /** Queries that came with data from before the stream. */
  private readonly old = new Set<QueryLike>();
  /** Queries whose running fetch began before an invalidation, and whose result is therefore not the last word. */
  private readonly overtaken = new Set<QueryLike>();
  private burst: ReturnType<typeof setTimeout> | undefined;
  private burstSince = 0;
  private reset: ReturnType<typeof setTimeout> | undefined;
  /** Data from before this moment may have missed an invalidation. */
  private coveredSince = -Infinity;
  private readonly unwatch: () => void;

  constructor(
    private readonly client: QueryClientLike,
    private readonly options: Pick<Checked, 'burstMs' | 'resetSpreadMs' | 'onInvalidate'>,
    /** Whether the stream covers only the time since the oldest data that is there now. */
    isNew: boolean,
  ) {
    if (isNew) this.coveredSince = Date.now() - this.ageMs();
    this.unwatch = client.getQueryCache().subscribe((event: CacheEvent) => this.seen(event));
  }

  /** How old the oldest data with tags is: the server replays what was invalidated since then. */
  ageMs(): number {
    const now = Date.now();
    const times = this.all().flatMap(({ state }) => (state.data === undefined ? [] : [state.dataUpdatedAt]));
    return Math.max(0, ...times.map((time) => Math.ceil(now - time)));
  }

  tags(tags: readonly string[]): void {
    for (const tag of tags) this.pending.add(tag);
    this.arm();
  }

  everything(): void {
    this.reset ??= setTimeout(() => {
      this.reset = undefined;
      this.pending.clear();
      this.old.clear();
      this.apply((query) => tagsOf(query).length > 0);
      this.options.onInvalidate?.(undefined);
    }, Math.random() * this.options.resetSpreadMs);
  }

  close(): void {
    clearTimeout(this.burst);
    clearTimeout(this.reset);
    this.unwatch();
  }

  private all(): QueryLike[] {
    return this.client.getQueryCache().getAll().filter((query) => tagsOf(query).length > 0);
  }

  private arm(): void {
    const { burstMs } = this.options;
    const now = Date.now();
    if (this.burst === undefined) this.burstSince = now;
    else if (now - this.burstSince >= burstMs * LONGEST_BURST) return;
    clearTimeout(this.burst);
    this.burst = setTimeout(() => this.flush(), burstMs);
  }

  private flush(): void {
    this.burst = undefined;
    const tags = new Set(this.pending);
    const old = new Set(this.old);
    this.pending.clear();
    this.old.clear();
    this.apply((query) => old.has(query) || tagsOf(query).some((tag) => tags.has(tag as string)));
    if (tags.size > 0) this.options.onInvalidate?.([...tags]);
  }

  private apply(matches: Matches): void {
    // A fetch that TanStack Query does not start again brings what was true before. It would count as fresh.
    const running = this.all().filter((query) => matches(query) && query.state.fetchStatus === 'fetching' && (query.state.data === undefined || !query.isActive()));
    for (const query of running) this.overtaken.add(query);
    this.client.invalidateQueries({ predicate: matches }).catch(() => undefined);
  }

  private seen({ type, query, action }: CacheEvent): void {
    if (type === 'removed') {
      this.overtaken.delete(query);
      this.old.delete(query);
    } else if (type === 'added' || (type === 'updated' && action?.type === 'setState')) {
      const { data, dataUpdatedAt } = query.state;
      if (data === undefined || dataUpdatedAt >= this.coveredSince || tagsOf(query).length === 0) return;
      this.old.add(query);
      this.arm();
    } else if (type === 'updated' && action?.manual !== true && (action?.type === 'success' || action?.type === 'error')) {
      if (!this.overtaken.delete(query) || action.type === 'error') return;
      this.old.add(query);
      this.arm();
    }
  }
}
