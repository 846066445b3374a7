/** The parts above the client: manager, cache, bus. */
export { HawserError, type HawserErrorDetails } from '../errors';
export type { Logger } from '../logger';
export {
  RedisManager,
  redisHealthCheck,
  redisHealthHandler,
  type BullMQConnectionOptions,
  type CacheEngineOptions,
  type CloseOptions,
  type ConnectionFault,
  type HealthHandler,
  type HealthHandlerOptions,
  type HealthReply,
  type Latency,
  type LendOptions,
  type ManagerClusterNode,
  type ManagerClusterOptions,
  type ManagerOptions,
  type ManagerStats,
  type NodeStats,
  type PoolOptions,
  type PoolStats,
  type RedisHealth,
  type RoleStats,
  type ServerInfo,
  type ShutdownOptions,
} from '../manager';
export { CacheRepository, type CacheItem, type InvalidateOptions, type SetOptions } from './repository';
export type { CacheEvent, CacheEventName, CacheEvents } from '../cache/events';
export type { EntryExplanation, EntrySummary, Explanation, LeaseExplanation, OriginExplanation, TagExplanation, VersionState } from '../cache/explanation';
export type { Loader, LoaderContext } from '../cache/load';
export type { ManyLoader, ManyLoaderContext } from '../cache/many';
export type { CacheOptions, CacheRepositoryOptions, ManyOptions } from '../cache/options';
export type { LoaderTimeouts, TagsFrom } from '../cache/rules';
export type { Compression, CompressionOptions } from '../cache/compression';
export type { NearCacheOptions } from '../cache/near_options';
export type { Serializer } from '../cache/serializer';
export { CacheMemo } from './memo';
export { defineTiers, type BrowserTier, type Tier, type TierOptions, type Tiers } from '../tiers/tier';
export { presetTiers } from '../tiers/preset';
export { tierTable } from '../tiers/table';
export { StaleWhileRevalidate } from './swr';
export { CachedService } from './service';
export { CacheMetrics, type CacheCounters, type CacheMetricsSnapshot, type MissedTarget, type TierMetrics } from '../cache/metrics';
export { invalidationStream, type InvalidationStream, type InvalidationStreamOptions, type StreamedCache, type StreamRequest } from '../stream';
export { warmCache, type WarmOptions, type WarmReport, type WarmTask } from './warm';
export {
  PubSubService,
  type CacheInvalidationMessage,
  type InvalidationListener,
  type PubSubEvents,
  type PubSubOptions,
} from '../pubsub';
export { applyInvalidation } from './apply_invalidation';
