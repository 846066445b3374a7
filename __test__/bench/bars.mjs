// What hawser promises against its reference, checked against the figures of the same run.

import { HAWSER, REFERENCE, TRACED } from './clients.mjs';
import { PIPELINING } from './cluster_clients.mjs';
import { bars as hitBars } from './hits.mjs';
import { BENTO, COPIES, DEDUPE, FROZEN } from './near.mjs';
import { count, table, times } from './table.mjs';

const RAW = [
  { level: 1, of: 'cpuRatio', says: 'CPU per operation', atMost: 1.15 },
  { level: 10, of: 'cpuRatio', says: 'CPU per operation', atMost: 0.6 },
  { level: 100, of: 'throughputRatio', says: 'throughput', atLeast: 7 },
  { level: 1000, of: 'throughputRatio', says: 'throughput', atLeast: 15 },
];
/** With a key prefix, or traced, both clients do more in JavaScript. */
const SURFACE = RAW.map((bar) => ({ ...bar, ...{ 100: { atLeast: 4 }, 1000: { atLeast: 8 } }[bar.level] }));
const CLUSTER = [
  { level: 10, of: 'cpuRatio', says: `CPU per operation against ${REFERENCE}`, atMost: 0.6 },
  { level: 100, of: 'throughputRatio', says: `throughput against ${REFERENCE}`, atLeast: 6 },
  { level: 1000, of: 'throughputRatio', says: `throughput against ${REFERENCE}`, atLeast: 10 },
  { level: 1000, of: 'pipeliningRatio', says: `throughput against ${PIPELINING}`, atLeast: 3 },
];
const NEAR = [
  { contender: COPIES, of: 'bentoRatio', peer: BENTO, atLeast: 15 },
  { contender: FROZEN, of: 'dedupeRatio', peer: DEDUPE, atLeast: 2.5 },
];
/** The share of the bars that holds beside a tool that replaces `resolve` and `reject`. */
const TRACED_SHARE = 0.75;
const INVALIDATION = { entries: 100_000, faster: 50 };

/** The bars of the sections that were run: `{ bar, limit, measured, met }`; `met` is undefined where nothing was measured. */
export function evaluate({ raw, surface, cluster, hits, near, invalidate }) {
  return [
    ...(raw === undefined ? [] : rawBars(RAW, raw.summary[HAWSER].get, REFERENCE, 1)),
    ...(surface === undefined ? [] : surfaceBars(surface.summary)),
    ...(cluster === undefined ? [] : clusterBars(cluster.summary[HAWSER])),
    ...(hits === undefined ? [] : hitBars(hits)),
    ...(near === undefined ? [] : nearBars(near.summary)),
    ...(invalidate === undefined ? [] : invalidationBars(invalidate)),
  ];
}

function nearBars(summary) {
  return NEAR.map(({ contender, of, peer, atLeast }) => {
    const measured = summary[contender][of];
    return {
      bar: `hits in memory, ${contender === FROZEN ? 'one frozen object' : 'copies'}, throughput against ${peer}`,
      limit: `at least ${times(atLeast)}`,
      measured: times(measured),
      met: measured === undefined ? undefined : measured >= atLeast,
    };
  });
}

function clusterBars(levels) {
  return CLUSTER.map(({ level, of, says, atMost, atLeast }) => {
    const measured = levels[level][of];
    return {
      bar: `Cluster GET, ${count(level)} concurrent, ${says}`,
      limit: atMost === undefined ? `at least ${times(atLeast)}` : `at most ${times(atMost)}`,
      measured: times(measured),
      met: measured === undefined ? undefined : atMost === undefined ? measured >= atLeast : measured <= atMost,
    };
  });
}

/** `share` of these bars, against the measurements of each level. */
function rawBars(bars, levels, reference, share) {
  return bars.map(({ level, of, says, atMost, atLeast }) => {
    const measured = levels[level][of];
    const limit = atMost === undefined ? atLeast * share : atMost / share;
    return {
      bar: `GET, ${count(level)} concurrent, ${says} against ${reference}`,
      limit: `at ${atMost === undefined ? 'least' : 'most'} ${times(limit)}`,
      measured: times(measured),
      met: measured === undefined ? undefined : atMost === undefined ? measured >= limit : measured <= limit,
    };
  });
}

function surfaceBars({ get, construct, pipeline }) {
  const atMostOne = (bar, { ratio }) => ({
    bar,
    limit: 'at most 1x',
    measured: times(ratio),
    met: ratio === undefined ? undefined : ratio <= 1,
  });
  return [
    ...rawBars(SURFACE, get['hawser, key prefix'], 'ioredis 6, both with a key prefix', 1),
    ...rawBars(SURFACE, get[TRACED], 'ioredis 6, both traced', TRACED_SHARE),
    atMostOne(`constructing a client with 49 scripts against ${REFERENCE}`, construct.withScripts),
    atMostOne(`memory of a pipeline of 1,000,000 SETs against ${REFERENCE}`, pipeline.megabytes),
  ];
}

function invalidationBars({ summary, proof }) {
  const { entries, faster } = INVALIDATION;
  const measured = summary[entries]?.ratio;
  const same = proof && isEqual(proof.few.commands, proof.many.commands);
  const most = `invalidateTags of ${count(proof?.many.entries ?? entries)} entries`;
  return [
    {
      bar: `invalidateTags of ${count(entries)} entries, time against the sketch`,
      limit: `at least ${faster}x faster`,
      measured: times(measured),
      met: measured === undefined ? undefined : measured >= faster,
    },
    {
      bar: `${most}, commands on the server`,
      limit: 'the same as for 10',
      measured: same === undefined ? '-' : same ? 'the same' : 'others',
      met: same,
    },
    {
      bar: `${most}, entries of the slow log`,
      limit: 'as when nothing happens',
      measured: proof === undefined ? '-' : String(proof.many.slow),
      met: proof && proof.many.slow <= proof.idle.slow,
    },
  ];
}

function isEqual(few, many) {
  const text = (calls) => JSON.stringify(Object.entries(calls).sort());
  return text(few) === text(many);
}

/** The bars as text. */
export function showBars(bars, rounds) {
  const verdict = (met) => (met === undefined ? 'not measured' : met ? 'met' : 'NOT MET');
  const rows = bars.map(({ bar, limit, measured, met }) => [bar, limit, measured, verdict(met)]);
  const note = rounds < 5 ? `\n(medians of ${rounds} rounds; five are what counts)` : '';
  return table([['bar', '', 'measured', ''], ...rows]) + note;
}
