// One process of a fleet in behaviour.mjs: it has a cache, and does what it is told.

import { setTimeout as pause } from 'node:timers/promises';
import { CACHES } from './caches.mjs';

const CHUNK = 500;

let cache;
/** The loader that is held: `begun` resolves when it runs, `end` lets it end. */
const held = {};
held.begun = new Promise((resolve) => (held.begin = resolve));
held.ended = new Promise((resolve) => (held.end = resolve));

const load = (key, loader, tags) => (cache.load ?? cache.hit)(key, loader, tags);

const CALLS = {
  async open(job) {
    cache = await CACHES[job.contender](job);
  },
  set: (key, value, tags) => cache.set(key, value, tags),
  invalidate: (tag) => cache.invalidate(tag),
  load: (key, value, tags) => load(key, async () => value, tags),

  /** A hit, so its loader must not run. */
  hit: (key, tags) =>
    cache.hit(key, () => {
      throw new Error('a hit has run its loader');
    }, tags),

  loadHeld(key, value, tags) {
    const loader = async () => {
      held.begin();
      await held.ended;
      return value;
    };
    return load(key, loader, tags);
  },
  isLoading: () => held.begun,
  release: () => held.end(),

  /** So many callers miss a key at once. Returns how many loaders ran. */
  async burst(key, callers, ms) {
    let runs = 0;
    const loader = async () => {
      runs++;
      await pause(ms);
      return 'value';
    };
    await Promise.all(Array.from({ length: callers }, () => load(key, loader, [])));
    return runs;
  },

  /** Stores entries with one tag. */
  async fill(entries, tag) {
    for (let from = 0; from < entries; from += CHUNK) {
      await Promise.all(Array.from({ length: Math.min(CHUNK, entries - from) }, (_, n) => cache.set(`${tag}:${from + n}`, { id: from + n }, [tag])));
    }
  },

  /** Stores entries with a tag each, and invalidates every second tag. */
  async fillEach(entries) {
    for (let n = 0; n < entries; n++) {
      await cache.set(`entry:${n}`, { id: n }, [`tag:${n}`]);
      if (n % 2 === 0) await cache.invalidate(`tag:${n}`);
    }
  },

  /** Reads a missing key. Resolves after `patienceMs` at the latest. */
  async readWithin(key, value, patienceMs) {
    const started = performance.now();
    const read = load(key, async () => value, []).catch((error) => `rejected: ${error.message}`);
    const got = await Promise.race([read, pause(patienceMs)]);
    return { value: got, ms: performance.now() - started };
  },
};

process.on('message', async ({ id, name, args }) => {
  try {
    const result = await CALLS[name](...args);
    process.send({ id, result: ['hit', 'set', 'open', 'invalidate'].includes(name) ? undefined : result });
  } catch (error) {
    process.send({ id, error: String(error?.stack ?? error) });
  }
});
// A contender may log errors of its connection, or throw them where nobody can catch them.
process.on('uncaughtException', (error) => console.error(String(error?.message ?? error)));
