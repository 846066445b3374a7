// GET of 100 bytes on a cluster of three masters at rising concurrency, through every client that speaks to clusters.

import { HAWSER, REFERENCE } from './clients.mjs';
import { CLUSTER_CLIENTS, PIPELINING } from './cluster_clients.mjs';
import { ClusterServer, cpuTimeOf } from './cluster_server.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { compared, ratio, series, short } from './stats.mjs';
import { count, micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const LEVELS = [1, 10, 100, 1000];
const KEYS = 1000;
const VALUE = 'v'.repeat(100);

/** In the child: one client at one level of concurrency. */
export async function perform(job) {
  const client = await CLUSTER_CLIENTS[job.contender](job);
  const keys = Array.from({ length: KEYS }, (_, n) => `bench:key:${n}`);
  await Promise.all(keys.map((key) => client.set(key, VALUE)));
  if ((await client.get(keys[0])) !== VALUE) throw new Error('GET does not return what SET stored');
  const timing = { concurrency: job.level, warmMs: job.warmMs, windowMs: job.windowMs, serverCpu: () => cpuTimeOf(job.ports) };
  return measure((n) => client.get(keys[n % KEYS]), timing);
}

/** In the parent: all rounds of all levels. */
export async function run({ options, folder, tell }) {
  const cluster = await ClusterServer.start();
  try {
    const contenders = Object.keys(CLUSTER_CLIENTS);
    const samples = {};
    const failures = {};
    for (const level of LEVELS) {
      const job = (contender) => ({ section: 'cluster', contender, level, ports: cluster.ports, folder, warmMs: options.warmMs, windowMs: options.windowMs });
      const done = await alternate(contenders, options.rounds, job, { tell: (text) => tell(`cluster, ${count(level)} concurrent, ${text}`) });
      for (const name of contenders) samples[name] = { ...samples[name], [level]: series(done.samples[name]) };
      Object.assign(failures, done.failures);
    }
    return { samples, failures, summary: summarize(samples) };
  } finally {
    await cluster.stop();
  }
}

/** Medians, and ratios against ioredis without and with its automatic pipelines, by contender and level. */
function summarize(samples) {
  const of = (name, level) => {
    const own = samples[name][level];
    const reference = samples[REFERENCE][level];
    return {
      ...compared(own, reference),
      pipeliningRatio: short(ratio(own.throughput, samples[PIPELINING][level].throughput)),
    };
  };
  const each = (keys, make) => Object.fromEntries(keys.map((key) => [key, make(key)]));
  return each(Object.keys(samples), (name) => each(LEVELS, (level) => of(name, level)));
}

/** The section as text. */
export function show({ summary, failures }) {
  const head = [`GET of 100 bytes, three masters, against ${REFERENCE} Cluster`, ...LEVELS.flatMap((level) => [`${count(level)}:`, 'ops/s', 'CPU/op', 'lag'])];
  const rows = Object.keys(summary).map((name) => [
    name,
    ...LEVELS.flatMap((level) => {
      const { throughputRatio, cpuRatio, lag } = summary[name][level];
      return ['', times(throughputRatio), times(cpuRatio), millis(lag)];
    }),
  ]);
  const reference = LEVELS.flatMap((level) => {
    const { throughput, cpu } = summary[REFERENCE][level];
    return ['', perSecond(throughput), micros(cpu), ''];
  });
  return [table([head, ...rows, ['1.00x is', ...reference]]), ...showFailures(failures)].join('\n\n');
}

export { HAWSER };
