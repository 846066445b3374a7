/// <reference types="node" preserve="true" />
/** `hawser/keyv`: a store for Keyv, and with it for cache-manager and cacheable. Loads nothing of Keyv. */
export { HawserStore, type HawserStoreOptions, type StoreItem } from './store';
