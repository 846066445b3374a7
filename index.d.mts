/// <reference types="node" preserve="true" />
/** Types of index.mjs. */
export * from './dist/index.js';
export { Redis as default } from './dist/index.js';
