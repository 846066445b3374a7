/** The entry for `import`: the same objects as index.js. */
export {
  default,
  Redis,
  HawserError,
  RedisManager,
  redisHealthCheck,
  CacheRepository,
  StaleWhileRevalidate,
  CachedService,
  CacheMetrics,
  warmCache,
  applyInvalidation,
  PubSubService,
} from './index.js';
