'use strict';
/**
 * The entry for `require`: the class `Redis`, as in ioredis, with everything else as its properties. Each name has a separate assignment,
 * because Node reads this text to find the names for `import { Cluster } from 'hawser'`.
 */
const hawser = require('./dist/index.js');

module.exports = hawser.Redis;
module.exports.default = hawser.Redis;
module.exports.Redis = hawser.Redis;
module.exports.Cluster = hawser.Cluster;
module.exports.Command = hawser.Command;
module.exports.Pipeline = hawser.Pipeline;
module.exports.ScanStream = hawser.ScanStream;
module.exports.AbstractConnector = hawser.AbstractConnector;
module.exports.SentinelConnector = hawser.SentinelConnector;
module.exports.SentinelIterator = hawser.SentinelIterator;
module.exports.AbortError = hawser.AbortError;
module.exports.MaxRetriesPerRequestError = hawser.MaxRetriesPerRequestError;
module.exports.RedisError = hawser.RedisError;
module.exports.ReplyError = hawser.ReplyError;
module.exports.print = hawser.print;
module.exports.HawserError = hawser.HawserError;
module.exports.RedisManager = hawser.RedisManager;
module.exports.redisHealthCheck = hawser.redisHealthCheck;
module.exports.redisHealthHandler = hawser.redisHealthHandler;
module.exports.CacheRepository = hawser.CacheRepository;
module.exports.CacheMemo = hawser.CacheMemo;
module.exports.StaleWhileRevalidate = hawser.StaleWhileRevalidate;
module.exports.CachedService = hawser.CachedService;
module.exports.CacheMetrics = hawser.CacheMetrics;
module.exports.warmCache = hawser.warmCache;
module.exports.defineTiers = hawser.defineTiers;
module.exports.presetTiers = hawser.presetTiers;
module.exports.tierTable = hawser.tierTable;
module.exports.invalidationStream = hawser.invalidationStream;
module.exports.applyInvalidation = hawser.applyInvalidation;
module.exports.PubSubService = hawser.PubSubService;

// Remains from the time when ioredis accepted other Promise libraries. It is not among the names for `import`, because reading it prints
// a warning.
const warn = () => console.warn('Other Promise libraries cannot be plugged in any more. The native Promise is used.');
Object.defineProperty(module.exports, 'Promise', {
  get() {
    warn();
    return Promise;
  },
  set: warn,
});
