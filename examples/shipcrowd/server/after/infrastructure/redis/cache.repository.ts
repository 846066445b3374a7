/** The review's cache.repository.ts is hawser's. */
export { CacheRepository, type CacheOptions } from 'hawser';
