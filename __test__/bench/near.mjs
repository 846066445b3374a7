// Hits that need no server: hawser's near cache with copies and with one frozen object, and the peers' memory layers, which share one object
// that any caller can change.

import { isDeepStrictEqual } from 'node:util';
import { bentoOver, dedupeOver, HAWSER, TTL_SECONDS } from './caches.mjs';
import { orderOf, tagsOf } from './orders.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { median, ratio, series, short } from './stats.mjs';
import { micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const CONCURRENCY = 64;
const ENTRIES = 1000;
const TAGS = 3;
/** A memory layer settles in microtasks, so a loop of hits alone would stop the timers that measure it. */
const HITS_PER_TURN = 200;

export const COPIES = HAWSER;
export const FROZEN = `${HAWSER}, frozen`;
export const BENTO = 'BentoCache';
export const DEDUPE = 'async-cache-dedupe';

async function openHawser({ port, folder }, share) {
  const { CacheMetrics, CacheRepository, RedisManager } = await import(new URL('index.mjs', folder));
  RedisManager.configure({ url: `redis://127.0.0.1:${port}` });
  const cache = new CacheRepository('bench', { nearCache: { maxBytes: 64 << 20, share } });
  return {
    set: (key, value, tags) => cache.setWithTags(key, value, { ttl: TTL_SECONDS, tags }),
    hit: (key, loader, tags) => cache.getOrSet(key, loader, { ttl: TTL_SECONDS, tags }),
    /** Whether all of these hits came from memory. */
    async isWarm(hits) {
      const before = CacheMetrics.snapshot().nearHits;
      await hits();
      return CacheMetrics.snapshot().nearHits - before === ENTRIES;
    },
  };
}

async function openBento() {
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const driver = memoryDriver({ maxItems: 10 * ENTRIES, serialize: false });
  return bentoOver((store) => store.useL1Layer(driver));
}

const openDedupe = () => dedupeOver({ type: 'memory', options: { size: 10 * ENTRIES } });

const CONTENDERS = {
  [COPIES]: (job) => openHawser(job, 'copy'),
  [FROZEN]: (job) => openHawser(job, 'frozen'),
  [BENTO]: openBento,
  [DEDUPE]: openDedupe,
};

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** In the child: hits of one cache. Fails if a hit runs the loader. */
export async function perform(job) {
  const cache = await CONTENDERS[job.contender](job);
  const keys = Array.from({ length: ENTRIES }, (_, n) => `order:${n}`);
  const tags = keys.map((_, n) => tagsOf(n, TAGS));
  for (let n = 0; n < ENTRIES; n++) await cache.set(keys[n], orderOf(n), tags[n]);
  let loads = 0;
  const loader = async () => {
    loads++;
    return null;
  };
  const all = async () => {
    for (let n = 0; n < ENTRIES; n++) await cache.hit(keys[n], loader, tags[n]);
    await turn();
  };
  if (cache.isWarm === undefined) await all();
  else while (!(await cache.isWarm(all)));
  if (!isDeepStrictEqual(await cache.hit(keys[7], loader, tags[7]), orderOf(7))) throw new Error('a hit is not what was stored');
  let next = 0;
  const some = async () => {
    for (let i = 0; i < HITS_PER_TURN; i++) {
      const n = next++ % ENTRIES;
      await cache.hit(keys[n], loader, tags[n]);
    }
    await turn();
  };
  const timing = { concurrency: CONCURRENCY, warmMs: job.warmMs, windowMs: job.windowMs };
  const result = await measure(some, { ...timing, serverCpu: () => cpuTime(job.port) });
  if (loads > 0) throw new Error(`${loads} of the hits ran the loader`);
  return { ...result, throughput: result.throughput * HITS_PER_TURN, cpu: result.cpu / HITS_PER_TURN };
}

/** In the parent: all rounds. */
export async function run({ server, options, folder, tell }) {
  const contenders = Object.keys(CONTENDERS);
  const { port } = server;
  const job = (contender) => ({ section: 'near', contender, port, folder, warmMs: options.warmMs, windowMs: options.windowMs });
  const done = await alternate(contenders, options.rounds, job, { before: () => server.ask('FLUSHALL'), tell: (text) => tell(`near, ${text}`) });
  const samples = Object.fromEntries(contenders.map((name) => [name, series(Array.from(done.samples[name]))]));
  return { samples, failures: done.failures, summary: summarize(samples) };
}

function summarize(samples) {
  const against = (name, reference) => short(ratio(samples[name].throughput, samples[reference].throughput));
  const of = (name) => {
    const { throughput, cpu, lag } = samples[name];
    const medians = { throughput: short(median(throughput)), cpu: short(median(cpu)), lag: short(median(lag)) };
    return { ...medians, bentoRatio: against(name, BENTO), dedupeRatio: against(name, DEDUPE) };
  };
  return Object.fromEntries(Object.keys(samples).map((name) => [name, of(name)]));
}

/** The section as text. */
export function show({ summary, failures }) {
  const head = [`getOrSet hits in memory, ${TAGS} tags, ${CONCURRENCY} concurrent`, 'hits/s', 'CPU/hit', 'lag', `against ${BENTO}`, `against ${DEDUPE}`];
  const rows = Object.entries(summary).map(([name, { throughput, cpu, lag, bentoRatio, dedupeRatio }]) => [
    name,
    perSecond(throughput),
    micros(cpu),
    millis(lag),
    times(bentoRatio),
    times(dedupeRatio),
  ]);
  return [table([head, ...rows]), ...showFailures(failures)].join('\n\n');
}
