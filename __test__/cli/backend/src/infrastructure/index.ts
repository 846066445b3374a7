export * from './connect';
export { default as cache } from './utilities/cache.service';
