/// <reference types="node" preserve="true" />
/**
 * `hawser/next`: a handler for `cacheHandlers` of Next.js 16, which `use cache`, `cacheTag`, `revalidateTag` and `updateTag` work on. Loads nothing of
 * Next.js. The default export uses the manager as the environment or the application configures it.
 */
import { createCacheHandler } from './handler';

export { createCacheHandler, type CacheEntry, type CacheHandler, type CacheHandlerOptions } from './handler';
/** The handler that uses the manager as the environment or the application configures it. */
const handler = createCacheHandler();
export default handler;
