// The cost of the ioredis-compatible surface: key prefixes, a tracing tool, constructing clients with scripts, a pipeline of a million commands.

import { connect, HAWSER, openRedis, REFERENCE, SURFACE } from './clients.mjs';
import { perform as performRaw } from './raw.mjs';
import { alternate } from './rounds.mjs';
import { median, ratio, short } from './stats.mjs';
import { count, megabytes, micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const LEVELS = [1, 10, 100, 1000];
const CLIENTS_MADE = 2_000;
const SCRIPTS = 49;
const MILLION = 1_000_000;
const VALUE = 'v'.repeat(100);
/** As long as the scripts of a job queue are. */
const SOURCES = Array.from({ length: SCRIPTS }, (_, n) => `-- script ${n}\n${'local id = redis.call("INCR", KEYS[1])\n'.repeat(40)}return id`);

/** In the child: `get`, `construct` or `pipeline`. */
export async function perform(job) {
  if (job.what === 'get') return (await performRaw({ ...job, operations: ['get'] })).get;
  if (job.what === 'construct') return construct(await openRedis(job.contender, job.folder));
  return pipeline(await connect(await openRedis(job.contender, job.folder), job.port));
}

/** Microseconds per client, without scripts and with them, including garbage collection. */
async function construct(Redis) {
  const make = (scripts) => {
    const client = new Redis({ lazyConnect: true });
    for (let n = 0; n < scripts; n++) client.defineCommand(`script${n}`, { numberOfKeys: 1, lua: SOURCES[n] });
  };
  const result = {};
  for (const [name, scripts] of [['plain', 0], ['withScripts', SCRIPTS]]) {
    let spent = 0;
    // The first thousand warms up the compiler. The event loop turns now and then, as between requests.
    for (let n = 0; n < CLIENTS_MADE; n += 100) {
      const started = performance.now();
      for (let i = 0; i < 100; i++) make(scripts);
      if (n >= CLIENTS_MADE / 2) spent += performance.now() - started;
      await new Promise((resolve) => setImmediate(resolve));
    }
    result[name] = (spent * 1e3) / (CLIENTS_MADE / 2);
  }
  return result;
}

/** A million SETs in one pipeline: milliseconds, and the largest growth of the process in megabytes. */
async function pipeline(client) {
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const commands = client.pipeline();
  for (let n = 0; n < MILLION; n++) commands.set(`bench:key:${n % 1000}`, VALUE);
  const replies = await commands.exec();
  const ms = performance.now() - started;
  if (replies.length !== MILLION || replies.some(([error, reply]) => error !== null || reply !== 'OK')) throw new Error('a SET failed');
  return { ms, megabytes: (process.resourceUsage().maxRSS * 1024 - before) / 1e6 };
}

/** In the parent: all of it. */
export async function run({ server, options, folder, tell }) {
  const failures = {};
  const measured = async (what, contenders, rounds, job) => {
    const done = await alternate(contenders, rounds, (contender) => ({ section: 'surface', what, contender, port: server.port, folder, ...job }), {
      tell: (text) => tell(`surface, ${what}, ${text}`),
      deadlineMs: 120_000,
    });
    Object.assign(failures, done.failures);
    return done.samples;
  };
  const samples = { get: {} };
  for (const level of LEVELS) {
    const job = { level, warmMs: options.warmMs, windowMs: options.windowMs };
    samples.get[level] = await measured('get', Object.keys(SURFACE), options.rounds, job);
  }
  samples.construct = await measured('construct', [HAWSER, REFERENCE], options.rounds, {});
  samples.pipeline = await measured('pipeline', [HAWSER, REFERENCE], Math.min(options.rounds, 3), {});
  return { samples, failures, summary: summarize(samples) };
}

function summarize({ get, construct: made, pipeline: sent }) {
  const of = (rounds, name) => Array.from(rounds, (sample) => sample?.[name]);
  const pair = (samples, name) => {
    const [own, reference] = [of(samples[HAWSER], name), of(samples[REFERENCE], name)];
    return { hawser: short(median(own)), reference: short(median(reference)), ratio: short(ratio(own, reference)) };
  };
  const gets = Object.fromEntries(
    Object.entries(SURFACE).map(([name, { reference }]) => {
      const levels = LEVELS.map((level) => {
        const [own, other] = [get[level][name], get[level][reference]];
        const values = { throughput: short(median(of(own, 'throughput'))), cpu: short(median(of(own, 'cpu'))) };
        const throughputRatio = short(ratio(of(own, 'throughput'), of(other, 'throughput')));
        return [level, { ...values, throughputRatio, cpuRatio: short(ratio(of(own, 'cpu'), of(other, 'cpu'))) }];
      });
      return [name, Object.fromEntries(levels)];
    }),
  );
  return {
    get: gets,
    construct: { plain: pair(made, 'plain'), withScripts: pair(made, 'withScripts') },
    pipeline: { ms: pair(sent, 'ms'), megabytes: pair(sent, 'megabytes') },
  };
}

/** The section as text. */
export function show({ summary, failures }) {
  const head = ['GET of 100 bytes', ...LEVELS.flatMap((level) => [`${count(level)}:`, 'ops/s', 'CPU/op'])];
  const rows = Object.entries(SURFACE).flatMap(([name, { reference }]) => {
    const own = LEVELS.flatMap((level) => ['', perSecond(summary.get[name][level].throughput), micros(summary.get[name][level].cpu)]);
    if (reference === name) return [[name, ...own]];
    const ratios = LEVELS.flatMap((level) => ['', times(summary.get[name][level].throughputRatio), times(summary.get[name][level].cpuRatio)]);
    return [[name, ...own], [`  against ${reference}`, ...ratios]];
  });
  const line = (says, unit, { hawser, reference, ratio: by }) => [says, unit(hawser), unit(reference), times(by)];
  const costs = [
    ['', HAWSER, REFERENCE, ''],
    line('constructing a client', micros, summary.construct.plain),
    line(`constructing a client with ${SCRIPTS} scripts`, micros, summary.construct.withScripts),
    line(`pipeline of ${count(MILLION)} SETs`, millis, summary.pipeline.ms),
    line('  its memory', megabytes, summary.pipeline.megabytes),
  ];
  return [table([head, ...rows]), table(costs), ...showFailures(failures)].join('\n\n');
}
