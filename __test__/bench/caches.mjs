// The compared caches, behind one interface: `set(key, value, tags)`, `hit(key, loader, tags)`, `invalidate(tag)`, and `load`, which is `hit` with
// what it takes to store the loader's value under the tags. Redis is the only store of each: no value is kept in the process, and every hit goes
// to the server.

import { SketchRepository } from './sketch.mjs';

export const TTL_SECONDS = 3600;

async function ioredis(name, port) {
  const { Redis } = await import(name);
  return new Redis({ host: '127.0.0.1', port });
}

/** A repository of hawser or of the sketch: they have one interface. */
function ofRepository(repository) {
  return {
    repository,
    set: (key, value, tags) => repository.setWithTags(key, value, { ttl: TTL_SECONDS, tags }),
    hit: (key, loader, tags) => repository.getOrSet(key, loader, { ttl: TTL_SECONDS, tags }),
    invalidate: (tag) => repository.invalidateTags([tag]),
  };
}

async function openHawser({ port, folder }) {
  const { CacheRepository, RedisManager } = await import(new URL('index.mjs', folder));
  RedisManager.configure({ url: `redis://127.0.0.1:${port}` });
  return ofRepository(new CacheRepository('bench'));
}

async function openSketch({ port }) {
  return ofRepository(new SketchRepository(await ioredis('ioredis6', port), 'bench'));
}

/** BentoCache with one layer. */
export async function bentoOver(layerOf) {
  const { BentoCache, bentostore } = await import('bentocache');
  const cache = new BentoCache({ default: 'bench', stores: { bench: layerOf(bentostore()) } });
  const ttl = TTL_SECONDS * 1000;
  return {
    set: (key, value, tags) => cache.set({ key, value, ttl, tags }),
    hit: (key, factory, tags) => cache.getOrSet({ key, factory, ttl, tags }),
    invalidate: (tag) => cache.deleteByTag({ tags: [tag] }),
  };
}

/** Its Redis driver takes ioredis 5. Tags are checked against a key per tag. */
async function openBento({ port }) {
  const { redisDriver } = await import('bentocache/drivers/redis');
  const driver = redisDriver({ connection: await ioredis('ioredis', port) });
  return bentoOver((store) => store.useL2Layer(driver));
}

/** It caches functions. It calls tags references, keeps them as sets, and does not read them for a hit. */
export async function dedupeOver(storage) {
  const { createCache } = await import('async-cache-dedupe');
  const cache = createCache({ ttl: TTL_SECONDS, storage });
  // The function finds the loader and the references of a call by its key.
  const calls = new Map();
  cache.define('order', { references: (key) => calls.get(key)?.tags }, (key) => calls.get(key).loader());
  return {
    set: (key, value, tags) => {
      calls.set(key, { tags, loader: async () => value });
      return cache.order(key);
    },
    hit: (key, loader) => {
      calls.get(key).loader = loader;
      return cache.order(key);
    },
    load: (key, loader, tags) => {
      calls.set(key, { tags, loader });
      return cache.order(key);
    },
    invalidate: (tag) => cache.invalidateAll([tag]),
  };
}

async function openDedupe({ port }) {
  return dedupeOver({ type: 'redis', options: { client: await ioredis('ioredis', port), invalidation: { referencesTTL: TTL_SECONDS } } });
}

/** Tags are counted versions; with its tag service on, every read asks for the key's tags. */
async function openCacheable({ port, withTags }) {
  const [{ Cacheable }, { Keyv }, { default: KeyvRedis }] = await Promise.all([import('cacheable'), import('keyv'), import('@keyv/redis')]);
  const primary = new Keyv({ store: new KeyvRedis(`redis://127.0.0.1:${port}`) });
  const cache = new Cacheable({ primary, tags: withTags });
  const ttl = TTL_SECONDS * 1000;
  return {
    set: (key, value, tags) => cache.set(key, value, tags.length > 0 ? { ttl, tags } : ttl),
    hit: (key, loader) => cache.getOrSet(key, loader, { ttl }),
    // Its getOrSet takes no tags.
    load: async (key, loader, tags) => {
      if (tags.length === 0) return cache.getOrSet(key, loader, { ttl });
      const there = await cache.get(key);
      if (there !== undefined) return there;
      const value = await loader();
      await cache.set(key, value, { ttl, tags });
      return value;
    },
    invalidate: (tag) => cache.tags.invalidateTags([tag]),
  };
}

export const HAWSER = 'hawser';
export const BENTO = 'BentoCache';
export const SKETCH = 'sketch on ioredis 6';
export const BASELINE = 'hawser, baseline';

export const CACHES = {
  [HAWSER]: openHawser,
  [SKETCH]: openSketch,
  [BENTO]: openBento,
  'async-cache-dedupe': openDedupe,
  cacheable: openCacheable,
  [BASELINE]: (job) => openHawser({ ...job, folder: job.baseline }),
};
