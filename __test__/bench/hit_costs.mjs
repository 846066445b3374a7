// What hits of hawser cost besides throughput: one at a time against a bare GET with JSON.parse, the bytes of a hit on a value of a megabyte,
// and the pauses of the collector with 64 MB of parsed values in the process.

import { PerformanceObserver } from 'node:perf_hooks';
import { measure } from './measure.mjs';
import { orderOf, tagsOf } from './orders.mjs';
import { alternate } from './rounds.mjs';
import { ask, cpuTime } from './server.mjs';
import { median, ratio, series, short } from './stats.mjs';
import { micros, millis, showFailures, table, times } from './table.mjs';
import { waits } from './waits.mjs';

const GET = 'GET and JSON.parse, ioredis 6';
const OWN_GET = "GET and JSON.parse, hawser's client";
const HIT = 'hawser, getOrSet, 3 tags';
const MEGABYTE = 'hit on 1 MB';
const PARSED = '64 MB of parsed values';
const TEXTS = 'no parsed values';
const WAITS = 'waits';
const MEMORY = 'memory';
/** How much more memory an entry may take than a bare SET: this part of it and so many bytes. */
const MORE_MEMORY = { part: 0.1, bytes: 64 };
/** The longest median time of the last waiting caller. */
const LAST_WAITER_MS = 5;
const ENTRIES = 1000;
/** Orders of some 1.5 kB by the measure of `parsedBytes`: together not quite 64 MB. */
const MANY = 44_000;

const WORK = {
  [GET]: async (job) => bareGets(job, async () => new (await import('ioredis6')).Redis({ port: job.port })),
  [OWN_GET]: async (job) => bareGets(job, async () => new (await hawser(job)).Redis({ port: job.port })),
  [HIT]: singleHits,
  [MEGABYTE]: bytesOfAHit,
  [PARSED]: (job) => pauses(job, 64 << 20),
  [TEXTS]: (job) => pauses(job, 0),
  [WAITS]: waits,
  [MEMORY]: memoryOfEntries,
};

/** In the child. */
export function perform(job) {
  return WORK[job.contender](job);
}

const hawser = ({ folder }) => import(new URL('index.mjs', folder));

async function repository(job, cache = {}) {
  const { CacheRepository, RedisManager } = await hawser(job);
  RedisManager.configure({ url: `redis://127.0.0.1:${job.port}`, cache });
  return new CacheRepository('bench');
}

const never = () => {
  throw new Error('a hit ran the loader');
};

/** So few calls run one at a time that V8 still compiles after the usual warm-up, and the CPU time of its threads counts. */
const WARM_TIMES = 4;

function oneAtATime(operation, { warmMs, windowMs, port }) {
  return measure(operation, { concurrency: 1, warmMs: WARM_TIMES * warmMs, windowMs, serverCpu: () => cpuTime(port) });
}

async function bareGets(job, open) {
  const client = await open();
  for (let n = 0; n < ENTRIES; n++) await client.set(`order:${n}`, JSON.stringify(orderOf(n)));
  return oneAtATime(async (n) => JSON.parse(await client.get(`order:${n % ENTRIES}`)), job);
}

async function singleHits(job) {
  const cache = await repository(job);
  for (let n = 0; n < ENTRIES; n++) await cache.setWithTags(`order:${n}`, orderOf(n), { tags: tagsOf(n, 3) });
  return oneAtATime((n) => cache.getOrSet(`order:${n % ENTRIES}`, never, { ttl: 3600, tags: tagsOf(n % ENTRIES, 3) }), job);
}

/** Bytes that the server sent for one hit; the answer to the question itself is subtracted. */
async function bytesOfAHit(job) {
  const cache = await repository(job);
  const value = Array.from({ length: 1800 }, (_, n) => orderOf(n));
  const tags = tagsOf(1, 3);
  await cache.setWithTags('large', value, { tags });
  const hit = () => cache.getOrSet('large', never, { tags });
  const sent = async () => Number(/total_net_output_bytes:(\d+)/.exec(await ask(job.port, 'INFO stats'))[1]);
  const first = [await sent(), await hit(), await sent()];
  const [before, empty] = [await sent(), await sent()];
  await hit();
  const bytes = (await sent()) - empty - (empty - before);
  return { first: first[2] - first[0] - (empty - before), bytes, length: JSON.stringify(value).length };
}

/** What the server says that entries of 700 bytes with three tags take, and the same values behind bare SETs, on average. */
async function memoryOfEntries(job) {
  const cache = await repository(job);
  const sizes = { entry: 0, bare: 0 };
  for (let n = 0; n < 200; n++) {
    const key = `order:${n}`;
    const text = JSON.stringify('x'.repeat(698));
    await cache.setWithTags(key, JSON.parse(text), { ttl: 3600, tags: tagsOf(n, 3) });
    await ask(job.port, `SET bare_:${key} '${text}' PX 3600000`);
    sizes.entry += Number(await ask(job.port, `MEMORY USAGE bench:${key}`)) / 200;
    sizes.bare += Number(await ask(job.port, `MEMORY USAGE bare_:${key}`)) / 200;
  }
  return sizes;
}

/** Pauses of the collector while hits run, with all values parsed or with none. */
async function pauses(job, parsedBytes) {
  const cache = await repository(job, { parsedBytes });
  const keys = Array.from({ length: MANY }, (_, n) => `order:${n}`);
  for (let n = 0; n < MANY; n += 500) await cache.setMany(keys.slice(n, n + 500).map((key, at) => ({ key, value: orderOf(n + at) })));
  const read = async (n) => cache.getMany(keys.slice(n, n + 100));
  for (let round = 0; round < 2; round++) for (let n = 0; n < MANY; n += 100) await read(n);
  const seen = [];
  const observer = new PerformanceObserver((list) => seen.push(...list.getEntries().map(({ duration }) => duration)));
  observer.observe({ entryTypes: ['gc'] });
  const result = await measure((n) => read((n * 100) % MANY), { concurrency: 1, warmMs: 0, windowMs: 3000, serverCpu: () => cpuTime(job.port) });
  await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  seen.sort((a, b) => a - b);
  const hits = result.throughput * 3 * 100;
  return { ...result, cpu: result.cpu / 100, pauses: seen.length, longest: seen.at(-1) ?? 0, share: seen.reduce((sum, ms) => sum + ms, 0) / 3000, hits };
}

/** In the parent. */
export async function run({ server, options, folder, tell }) {
  const job = (contender) => ({ section: 'hit_costs', contender, port: server.port, folder, warmMs: options.warmMs, windowMs: options.windowMs });
  const { samples, failures } = await alternate(Object.keys(WORK), options.rounds, job, {
    before: () => server.ask('FLUSHALL'),
    tell: (text) => tell(`hits, costs, ${text}`),
  });
  return { samples: Object.fromEntries([GET, OWN_GET, HIT].map((name) => [name, series(Array.from(samples[name]))])), failures, summary: summarize(samples) };
}

function summarize(samples) {
  const of = (name, quantity) => samples[name].map((sample) => sample?.[quantity]);
  const single = (name) => ({ cpu: short(median(of(name, 'cpu'))), ratio: short(ratio(of(name, 'cpu'), of(GET, 'cpu'))) });
  const collected = (name) => Object.fromEntries(['cpu', 'longest', 'share'].map((quantity) => [quantity, short(median(of(name, quantity)))]));
  return {
    single: Object.fromEntries([GET, OWN_GET, HIT].map((name) => [name, single(name)])),
    ownRatio: short(ratio(of(HIT, 'cpu'), of(OWN_GET, 'cpu'))),
    megabyte: Object.fromEntries(['length', 'first', 'bytes'].map((quantity) => [quantity, median(of(MEGABYTE, quantity))])),
    pauses: Object.fromEntries([TEXTS, PARSED].map((name) => [name, collected(name)])),
    waits: Object.fromEntries(['last', 'loads'].map((quantity) => [quantity, short(median(of(WAITS, quantity)))])),
    memory: Object.fromEntries(['entry', 'bare'].map((quantity) => [quantity, short(median(of(MEMORY, quantity)))])),
  };
}

/** The tables as text. */
export function show({ summary, failures }) {
  const { single, megabyte, pauses: collected, waits: waiting, memory } = summary;
  const costs = Object.entries(single).map(([name, { cpu, ratio: share }]) => [name, micros(cpu), times(share)]);
  const gc = Object.entries(collected).map(([name, { cpu, longest, share }]) => [name, micros(cpu), millis(longest), share === undefined ? '-' : `${(share * 100).toFixed(1)} %`]);
  const bytes = (n) => (n === undefined ? '-' : `${n.toLocaleString('en')} B`);
  return [
    table([['one at a time', 'CPU/op', `against ${GET}`], ...costs]),
    table([['a value of a megabyte', 'its text', 'first hit receives', 'a later hit receives'], ['hawser', bytes(megabyte.length), bytes(megabyte.first), bytes(megabyte.bytes)]]),
    table([['hits on 44,000 entries, getMany of 100', 'CPU/hit', 'longest pause of the collector', 'share of the time'], ...gc]),
    table([['8 processes, 100 callers each, a cold key', 'loaders', 'last value after the commit'], ['hawser', times(waiting.loads), millis(waiting.last)]]),
    table([['700 bytes in Redis, 3 tags', 'an entry', 'a bare SET'], ['hawser', bytes(memory.entry), bytes(memory.bare)]]),
    ...showFailures(failures),
  ].join('\n\n');
}

/** The bars, from the summary. */
export function bars({ ownRatio, single, megabyte, waits: { last }, memory: { entry, bare } }) {
  const cheaper = single[HIT].ratio;
  const most = bare * (1 + MORE_MEMORY.part) + MORE_MEMORY.bytes;
  return [
    { bar: 'One getOrSet hit at a time, CPU against a bare GET with JSON.parse, ioredis 6', limit: 'at most 1.00x', measured: times(cheaper), met: cheaper === undefined ? undefined : cheaper <= 1 },
    { bar: "The same against hawser's own client", limit: 'at most 1.00x', measured: times(ownRatio), met: ownRatio === undefined ? undefined : ownRatio <= 1 },
    { bar: 'A hit on a value of 1 MB receives', limit: 'less than 1,000 B', measured: `${megabyte.bytes ?? '-'} B`, met: megabyte.bytes === undefined ? undefined : megabyte.bytes < 1000 },
    { bar: 'The last of 800 waiting callers in 8 processes, after the commit', limit: `at most ${LAST_WAITER_MS} ms`, measured: millis(last), met: last === undefined ? undefined : last <= LAST_WAITER_MS },
    { bar: 'Memory of an entry with 700 bytes and 3 tags against a bare SET', limit: 'at most 10 % and 64 B more', measured: entry === undefined ? '-' : `${Math.round(entry - bare)} B more`, met: entry === undefined ? undefined : entry <= most },
  ];
}
