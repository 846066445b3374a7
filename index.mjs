/** The entry for `import`: the same objects as index.js. */
export { default, Redis } from './index.js';
