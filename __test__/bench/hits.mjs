// Hits of `getOrSet` with 0, 1 and 3 tags, 64 concurrent, some 700 bytes of JSON, through every cache.

import { isDeepStrictEqual } from 'node:util';
import { BASELINE, CACHES, HAWSER, SKETCH } from './caches.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { median, ratio, series, short } from './stats.mjs';
import { micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const TAGS = [0, 1, 3];
const CONCURRENCY = 64;
const ENTRIES = 1000;

/** An order as a backend caches it: about 700 bytes of JSON, half of it short texts. */
export function orderOf(n) {
  return {
    id: `order-${100_000 + n}`,
    company: `company-${n % 20}`,
    status: ['new', 'packed', 'shipped', 'delivered'][n % 4],
    createdAt: new Date(1.7e12 + n * 60_000).toISOString(),
    total: 1999 + n / 100,
    currency: 'EUR',
    isPaid: n % 3 !== 0,
    note: n % 5 === 0 ? 'leave it with the neighbours, second floor, please ring twice' : null,
    customer: { id: n * 7, name: 'Wilhelmina van der Berg', email: `wilhelmina.${n}@shop.example`, phone: '+49 30 123456' },
    address: { street: 'Lange Strasse 112', city: 'Berlin', zip: String(10_115 + (n % 900)), country: 'DE' },
    items: Array.from({ length: 3 }, (_, item) => ({ sku: `SKU-${n}-${item}`, title: 'Rope, hemp, 12 mm', quantity: item + 1, price: 649.5 })),
  };
}

export function tagsOf(n, count) {
  return [`company-${n % 20}:orders`, `status-${n % 4}`, 'orders'].slice(0, count);
}

/** In the child: hits of one cache with a number of tags. Fails if a hit runs the loader. */
export async function perform(job) {
  const cache = await CACHES[job.contender]({ ...job, withTags: job.tags > 0 });
  const keys = Array.from({ length: ENTRIES }, (_, n) => `order:${n}`);
  const tags = keys.map((_, n) => tagsOf(n, job.tags));
  for (let n = 0; n < ENTRIES; n += 50) {
    await Promise.all(keys.slice(n, n + 50).map((key, at) => cache.set(key, orderOf(n + at), tags[n + at])));
  }
  let loads = 0;
  const loader = async () => {
    loads++;
    return null;
  };
  const hit = (n) => cache.hit(keys[n % ENTRIES], loader, tags[n % ENTRIES]);
  if (!isDeepStrictEqual(await hit(7), orderOf(7))) throw new Error('a hit is not what was stored');
  const timing = { concurrency: CONCURRENCY, warmMs: job.warmMs, windowMs: job.windowMs };
  const result = await measure(hit, { ...timing, serverCpu: () => cpuTime(job.port) });
  if (loads > 0) throw new Error(`${loads} of the hits ran the loader`);
  return result;
}

/** In the parent: all rounds for each number of tags. */
export async function run({ server, options, folder, tell }) {
  const contenders = Object.keys(CACHES).filter((name) => options.baseline !== undefined || name !== BASELINE);
  const samples = {};
  const failures = {};
  for (const tags of TAGS) {
    const job = (contender) => ({
      section: 'hits',
      contender,
      tags,
      port: server.port,
      folder,
      baseline: options.baseline,
      warmMs: options.warmMs,
      windowMs: options.windowMs,
    });
    const done = await alternate(contenders, options.rounds, job, {
      before: () => server.ask('FLUSHALL'),
      tell: (text) => tell(`hits, ${tags} tags, ${text}`),
    });
    for (const name of contenders) samples[name] = { ...samples[name], [tags]: series(Array.from(done.samples[name])) };
    Object.assign(failures, done.failures);
  }
  return { samples, failures, summary: summarize(samples) };
}

function summarize(samples) {
  const of = (name, tags) => {
    const own = samples[name][tags];
    const reference = samples[SKETCH][tags];
    return {
      throughput: short(median(own.throughput)),
      cpu: short(median(own.cpu)),
      lag: short(median(own.lag)),
      throughputRatio: short(ratio(own.throughput, reference.throughput)),
      cpuRatio: short(ratio(own.cpu, reference.cpu)),
    };
  };
  return Object.fromEntries(
    Object.keys(samples).map((name) => [name, Object.fromEntries(TAGS.map((tags) => [tags, of(name, tags)]))]),
  );
}

/** The section as text. */
export function show({ summary, failures }) {
  const columns = (of) => TAGS.flatMap((tags) => ['', ...of(tags)]);
  const head = [
    `getOrSet hits, ${CONCURRENCY} concurrent, against the ${SKETCH}`,
    ...TAGS.flatMap((tags) => [`${tags} tags:`, 'hits/s', 'CPU/hit', 'lag']),
  ];
  const rows = Object.keys(summary).map((name) => [
    name,
    ...columns((tags) => {
      const { throughputRatio, cpuRatio, lag } = summary[name][tags];
      return [times(throughputRatio), times(cpuRatio), millis(lag)];
    }),
  ]);
  const reference = columns((tags) => [perSecond(summary[SKETCH][tags].throughput), micros(summary[SKETCH][tags].cpu), '']);
  return [table([head, ...rows, ['1.00x is', ...reference]]), ...showFailures(failures)].join('\n\n');
}

export { HAWSER };
