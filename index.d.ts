/// <reference types="node" preserve="true" />
/** Types of index.js. Each item is documented where it is declared, in dist/. */
export * from './dist/index';
export { default } from './dist/index';
