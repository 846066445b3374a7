/** The part of TanStack Query 5 that is used here, so that its package is not needed to compile or bundle this one. */

/** A query of TanStack Query 5. */
export interface QueryLike {
  readonly queryHash: string;
  readonly meta?: Record<string, unknown> | undefined;
  readonly state: { readonly data?: unknown; readonly dataUpdatedAt: number; readonly fetchStatus: string };
  isActive(): boolean;
}

/** A `QueryCache` of TanStack Query 5. */
export interface QueryCacheLike {
  getAll(): readonly QueryLike[];
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the events are a union that has grown with TanStack's versions
  subscribe(listener: (event: any) => void): () => void;
}

/** A `QueryClient` of TanStack Query 5. */
export interface QueryClientLike {
  getQueryCache(): QueryCacheLike;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the class has type parameters of its own here
  invalidateQueries(filters?: any): Promise<unknown>;
}

/** The tags of a query. */
export function tagsOf(query: QueryLike): readonly unknown[] {
  const tags = query.meta?.tags;
  return Array.isArray(tags) ? tags : [];
}
