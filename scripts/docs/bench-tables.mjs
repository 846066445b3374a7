// The tables of figures, from docs/bench.json, which `npm run bench` writes. Names are those of the bench's own tables.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { micros, millis, perSecond, times } from '../../__test__/bench/table.mjs';
import { root } from '../setup/run.mjs';

const LEVELS = ['1', '10', '100', '1000'];
const LEVEL_HEADS = ['1 at once', '10 at once', '100 at once', '1,000 at once'];
const TAGS = ['0', '1', '3'];
const ABSENT = '-';

const results = JSON.parse(readFileSync(path.join(root, 'docs/bench.json'), 'utf8'));

/** A figure and, behind it, its ratio to the reference of its table. */
const against = (figure, ratio) => (ratio === undefined || figure === ABSENT ? figure : `${figure} (${times(ratio)})`);

function byLevel(section, cell) {
  const { summary } = results[section];
  const measured = Object.entries(summary).filter(([, levels]) => LEVELS.some((level) => cell(levels, level) !== ABSENT));
  return [['', ...LEVEL_HEADS], measured.map(([name, levels]) => [name, ...LEVELS.map((level) => cell(levels, level))])];
}

const throughput = ({ throughput: value, throughputRatio }) => against(perSecond(value), throughputRatio);
const cpu = ({ cpu: value, cpuRatio }) => against(micros(value), cpuRatio);

/** Names, heads and rows. A table whose section was never measured is a line that says so. */
export const BENCH_TABLES = {
  'bench run': () => [['section', 'measured', 'on', 'server', 'other processes had'], Object.entries(results).map(runRow)],
  'bench get': () => byLevel('raw', ({ get }, level) => throughput(get[level])),
  'bench get cpu': () => byLevel('raw', ({ get }, level) => cpu(get[level])),
  'bench cluster': () => byLevel('cluster', (levels, level) => throughput(levels[level])),
  'bench hits': () => [
    ['', ...TAGS.flatMap((tags) => [`${tags} tags: hits`, 'CPU'])],
    Object.entries(results.hits.summary).map(([name, byTags]) => [name, ...TAGS.flatMap((tags) => [throughput(byTags[tags]), cpu(byTags[tags])])]),
  ],
  'bench near': () => [['', 'hits', 'CPU'], Object.entries(results.near.summary).map(([name, one]) => [name, perSecond(one.throughput), micros(one.cpu)])],
  'bench invalidate': () => [
    ['entries', 'hawser', 'sketch on ioredis 6', 'faster by'],
    Object.entries(results.invalidate.summary).map(([entries, one]) => [Number(entries).toLocaleString('en-US'), millis(one.hawserMs), millis(one.sketchMs), times(one.ratio)]),
  ],
  'bench bullmq': () => {
    const { hawser, 'ioredis 6': reference } = results.bullmq.summary;
    return [
      ['', 'hawser: jobs', 'CPU of a job', 'ioredis 6: jobs', 'CPU of a job'],
      Object.keys(hawser).map((operation) => [operation, throughput(hawser[operation]), cpu(hawser[operation]), perSecond(reference[operation].throughput), micros(reference[operation].cpu)]),
    ];
  },
};

const TITLES = { raw: 'clients', surface: 'surface', cluster: 'cluster', thread: 'socket thread', hits: 'cache hits', near: 'hits in memory', invalidate: 'invalidation', bullmq: 'BullMQ' };

function runRow([name, { when, machine, server, peers, rounds, others }]) {
  const versions = name === 'bullmq' ? `, BullMQ ${peers.bullmq}` : '';
  return [TITLES[name], `${when.slice(0, 10)}, ${rounds} rounds`, `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}`, `${server}${versions}`, others === undefined ? ABSENT : `${Math.round(others * 100)} % of the machine`];
}
