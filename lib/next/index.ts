/// <reference types="node" preserve="true" />
/**
 * `hawser/next`: a handler for `cacheHandlers` of Next.js 16, which `use cache`, `cacheTag`, `revalidateTag` and `updateTag` work on. Loads nothing of
 * Next.js. The default export uses the manager as the environment or the application configures it.
 */
import { createCacheHandler } from './handler';

export { createCacheHandler, type CacheEntry, type CacheHandler, type CacheHandlerOptions } from './handler';
export default createCacheHandler();
