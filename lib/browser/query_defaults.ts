/** Options of TanStack Query 5 from tiers, so that times are the same on both sides. */
import { badOption } from '../errors';
import { checkTier, checkTiers, type Tier, type Tiers } from '../tiers/tier';

/** The `meta` of a query: what `subscribeInvalidations` and the persister read. */
export interface TierMeta extends Record<string, unknown> {
  /** The tier's name. */
  tier: string;
  /** An invalidation of one of these tags invalidates the query. */
  tags: string[];
  /** Whether the persister stores the query on the user's disk. */
  persist: boolean;
}

/** Options of a query. Times are in milliseconds, as TanStack Query has them. */
export interface QueryDefaults {
  staleTime?: number;
  gcTime?: number;
  meta: TierMeta;
}

/** The longest delay of a timer. TanStack Query would remove data with a longer `gcTime` at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * The options of each tier, by its name. A tier without `browser` has only `meta`. Throws TypeError for anything but what `defineTiers` returns.
 *
 *     const defaults = queryDefaults(tiers);
 *     useQuery({ ...defaults.orders, queryKey: ['orders'], queryFn: fetchOrders });
 */
export function queryDefaults<N extends string>(tiers: Tiers<N>): { readonly [K in N]: QueryDefaults } {
  checkTiers('tiers', tiers);
  const defaults = Object.create(null) as Record<string, QueryDefaults>;
  for (const tier of Object.values<Tier>(tiers)) defaults[tier.name] = defaultsOf(tier);
  return defaults as { [K in N]: QueryDefaults };
}

/**
 * The same options with more tags. Takes a tier's options from `queryDefaults`, or a tier. Throws TypeError that names the argument.
 *
 *     useQuery({ ...withTags(defaults.orders, [`company:${id}:orders`]), queryKey: ['orders', id], queryFn });
 */
export function withTags(defaults: QueryDefaults | Tier, tags: readonly string[]): QueryDefaults {
  const own = isDefaults(defaults) ? defaults : tierDefaults(defaults);
  if (!Array.isArray(tags)) badOption('tags', 'an array of strings', tags);
  tags.forEach((tag: unknown, i) => {
    if (typeof tag !== 'string' || tag === '') badOption(`tags[${i}]`, 'a non-empty string', tag);
  });
  return { ...own, meta: { ...own.meta, tags: [...new Set([...own.meta.tags, ...(tags as string[])])] } };
}

function isDefaults(value: QueryDefaults | Tier): value is QueryDefaults {
  return typeof value === 'object' && value !== null && Array.isArray((value as Partial<QueryDefaults>).meta?.tags);
}

function tierDefaults(tier: Tier): QueryDefaults {
  checkTier('defaults', tier);
  return defaultsOf(tier);
}

function defaultsOf({ name, tags, browser }: Tier): QueryDefaults {
  const meta: TierMeta = { tier: name, tags: [...tags], persist: browser?.persist === true };
  if (browser === undefined) return { meta };
  const gcTime = browser.gcTime * 1000;
  return { staleTime: browser.staleTime * 1000, gcTime: gcTime > LONGEST_TIMER_MS ? Infinity : gcTime, meta };
}
