import type { CacheHandler } from './dist/next/index.js';

export { createCacheHandler, type CacheEntry, type CacheHandler, type CacheHandlerOptions } from './dist/next/index.js';
/** The handler that uses the manager as the environment or the application configures it. */
declare const handler: CacheHandler;
export default handler;
