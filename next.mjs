// `hawser/next` for ES modules: the same handler as for `require`.
import next from './dist/next/index.js';

export const { createCacheHandler } = next;
export default next.default;
