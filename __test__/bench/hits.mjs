// Hits of `getOrSet` with 0, 1 and 3 tags, 64 concurrent, some 700 bytes of JSON, through every cache.

import { isDeepStrictEqual } from 'node:util';
import { BASELINE, BENTO, CACHES, HAWSER, SKETCH } from './caches.mjs';
import * as costs from './hit_costs.mjs';
import { measure } from './measure.mjs';
import { orderOf, tagsOf } from './orders.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { compared, ratio, series, short } from './stats.mjs';
import { micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const TAGS = [0, 1, 3];
const CONCURRENCY = 64;
const ENTRIES = 1000;

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
export async function run(context) {
  const { server, options, folder, tell } = context;
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
  return { samples, failures, summary: summarize(samples), costs: await costs.run(context) };
}

function summarize(samples) {
  const of = (name, tags) => {
    const own = samples[name][tags];
    const reference = samples[SKETCH][tags];
    return {
      ...compared(own, reference),
      throughputOfBento: short(ratio(own.throughput, samples[BENTO][tags].throughput)),
    };
  };
  return Object.fromEntries(
    Object.keys(samples).map((name) => [name, Object.fromEntries(TAGS.map((tags) => [tags, of(name, tags)]))]),
  );
}

/** The section as text. */
export function show({ summary, failures, costs: own }) {
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
  return [table([head, ...rows, ['1.00x is', ...reference]]), ...showFailures(failures), costs.show(own)].join('\n\n');
}

/** The bars, from the report of the section. */
export function bars({ summary, costs: own }) {
  const hit = summary[HAWSER][3];
  const bar = (says, measured, limit, isMet) => ({ bar: `getOrSet hit, 3 tags, ${CONCURRENCY} concurrent, ${says}`, limit, measured: times(measured), met: measured === undefined ? undefined : isMet(measured) });
  return [
    bar(`throughput against the ${SKETCH}`, hit.throughputRatio, 'at least 2.50x', (n) => n >= 2.5),
    bar(`CPU per hit against the ${SKETCH}`, hit.cpuRatio, 'at most 0.25x', (n) => n <= 0.25),
    bar(`throughput against ${BENTO}`, hit.throughputOfBento, 'at least 15.0x', (n) => n >= 15),
    ...costs.bars(own.summary),
  ];
}
