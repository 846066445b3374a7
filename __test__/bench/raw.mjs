// GET and SET of 100 bytes at rising concurrency, through every client.

import { BASELINE, CLIENTS, HAWSER, REFERENCE, SURFACE } from './clients.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { compared, series } from './stats.mjs';
import { count, micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const LEVELS = [1, 10, 100, 1000];
const OPERATIONS = ['get', 'set'];
const KEYS = 1000;
const VALUE = 'v'.repeat(100);
const IDLE = 'idle process';

/** In the child: both operations at one level of concurrency, by one client. */
export async function perform(job) {
  const timing = { concurrency: job.level, warmMs: job.warmMs, windowMs: job.windowMs, serverCpu: () => cpuTime(job.port) };
  if (job.contender === IDLE) return { get: await measure(undefined, { ...timing, concurrency: 0 }) };
  const client = await (CLIENTS[job.contender] ?? SURFACE[job.contender].open)(job);
  const keys = Array.from({ length: KEYS }, (_, n) => `bench:key:${n}`);
  await Promise.all(keys.map((key) => client.set(key, VALUE)));
  if ((await client.get(keys[0])) !== VALUE) throw new Error('GET does not return what SET stored');
  const result = {};
  for (const operation of job.operations) {
    result[operation] = await measure(
      operation === 'get' ? (n) => client.get(keys[n % KEYS]) : (n) => client.set(keys[n % KEYS], VALUE),
      timing,
    );
  }
  return result;
}

/** In the parent: all rounds of all levels. */
export async function run({ server, options, folder, tell }) {
  const contenders = [...Object.keys(CLIENTS), IDLE].filter((name) => options.baseline !== undefined || name !== BASELINE);
  const levels = {};
  const failures = {};
  for (const level of LEVELS) {
    const job = (contender) => ({
      section: 'raw',
      contender,
      level,
      operations: OPERATIONS,
      port: server.port,
      folder,
      baseline: options.baseline,
      warmMs: options.warmMs,
      windowMs: options.windowMs,
    });
    const done = await alternate(contenders, options.rounds, job, { tell: (text) => tell(`raw, ${count(level)} concurrent, ${text}`) });
    for (const name of contenders) levels[name] = { ...levels[name], [level]: byOperation(done.samples[name]) };
    Object.assign(failures, done.failures);
  }
  return { samples: levels, failures, summary: summarize(levels) };
}

/** Rounds of `{ get, set }` as `{ get: series, set: series }`. */
function byOperation(rounds) {
  return Object.fromEntries(OPERATIONS.map((operation) => [operation, series(Array.from(rounds, (sample) => sample?.[operation]))]));
}

/** Medians, and ratios against the reference, by contender, operation and level. */
function summarize(samples) {
  const of = (name, operation, level) => {
    const own = samples[name][level][operation];
    const reference = samples[REFERENCE][level][operation];
    return compared(own, reference);
  };
  const each = (keys, make) => Object.fromEntries(keys.map((key) => [key, make(key)]));
  return each(Object.keys(samples), (name) => each(OPERATIONS, (operation) => each(LEVELS, (level) => of(name, operation, level))));
}

/** The section as text. */
export function show({ summary, failures }) {
  const tables = OPERATIONS.map((operation) => showOperation(operation, summary));
  return [...tables, ...showFailures(failures)].join('\n\n');
}

function showOperation(operation, summary) {
  const title = `${operation.toUpperCase()} of 100 bytes, against ${REFERENCE}`;
  const head = [title, ...LEVELS.flatMap((level) => [`${count(level)}:`, 'ops/s', 'CPU/op', 'lag'])];
  const rows = Object.keys(summary)
    .filter((name) => name !== IDLE || operation === 'get')
    .map((name) => {
      const cells = LEVELS.flatMap((level) => {
        const { throughputRatio, cpuRatio, lag } = summary[name][operation][level];
        return ['', times(throughputRatio), times(cpuRatio), millis(lag)];
      });
      return [name, ...cells];
    });
  const reference = LEVELS.flatMap((level) => {
    const { throughput, cpu } = summary[REFERENCE][operation][level];
    return ['', perSecond(throughput), micros(cpu), ''];
  });
  return table([head, ...rows, ['1.00x is', ...reference]]);
}

export { HAWSER, LEVELS };
