/** What `hawser/client` exports, for browsers: no native code, nothing of Node, and no dependency. */
export { defineTiers, type BrowserTier, type Tier, type TierOptions, type Tiers } from '../tiers/tier';
export { presetTiers } from '../tiers/preset';
export { tierTable } from '../tiers/table';
export { queryDefaults, withTags, type QueryDefaults, type TierMeta } from './query_defaults';
export { subscribeInvalidations } from './subscribe';
export type { InvalidationOptions, InvalidationState } from './options';
export type { QueryCacheLike, QueryClientLike, QueryLike } from './query_client';
