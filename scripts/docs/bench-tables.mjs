// The tables of figures, from docs/bench.json, which `npm run bench` writes. Names are those of the bench's own tables.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { megabytes, micros, millis, perSecond, times } from '../../__test__/bench/table.mjs';
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
  'bench run': () => [['section', 'measured', 'versions', 'other processes had'], Object.entries(results).map(runRow)],
  'bench get': () => byLevel('raw', ({ get }, level) => throughput(get[level])),
  'bench get cpu': () => byLevel('raw', ({ get }, level) => cpu(get[level])),
  'bench cluster': () => byLevel('cluster', (levels, level) => throughput(levels[level])),
  'bench surface': () => {
    const { construct, pipeline } = results.surface.summary;
    const line = (what, unit, one) => [what, unit(one.hawser), unit(one.reference), times(one.ratio)];
    return [
      ['', 'hawser', 'ioredis 6', 'ratio'],
      [
        line('constructing a client', micros, construct.plain),
        line('constructing a client with 49 scripts', micros, construct.withScripts),
        line('a pipeline of 1,000,000 SETs', millis, pipeline.ms),
        line('memory for that pipeline', megabytes, pipeline.megabytes),
      ],
    ];
  },
  'bench thread': () => {
    const figures = ({ js, cpu: process, throughput: speed, p99 }) => [js, process, speed, p99].map(({ ratio }) => times(ratio));
    return [['', "JavaScript's thread", 'process', 'commands per second', '99th percentile'], Object.entries(results.thread.summary).map(([what, one]) => [what, ...figures(one)])];
  },
  'bench hits': () => [
    ['', ...TAGS.flatMap((tags) => [`${tags} tags: hits`, 'CPU'])],
    Object.entries(results.hits.summary).map(([name, byTags]) => [name, ...TAGS.flatMap((tags) => [throughput(byTags[tags]), cpu(byTags[tags])])]),
  ],
  'bench near': () => [['', 'hits', 'CPU'], Object.entries(results.near.summary).map(([name, one]) => [name, perSecond(one.throughput), micros(one.cpu)])],
  'bench invalidate': () => [
    ['entries', 'hawser', 'sketch on ioredis 6', 'faster by'],
    Object.entries(results.invalidate.summary).map(([entries, one]) => [Number(entries).toLocaleString('en-US'), millis(one.hawserMs), millis(one.sketchMs), times(one.ratio)]),
  ],
  'bench invalidate costs': () => {
    const { few, many, idle } = results.invalidate.proof;
    const row = (name, { commands, slow, lag }) => [name, Object.values(commands).reduce((sum, calls) => sum + calls, 0), slow, millis(lag)];
    const of = (one) => row(`${one.entries.toLocaleString('en-US')} entries`, one);
    return [['', 'commands', 'slow ones (1 ms)', 'latest timer'], [of(few), of(many), row('nothing happens', idle)].map((cells) => cells.map(String))];
  },
  'bench bullmq': () => {
    const { hawser, 'ioredis 6': reference } = results.bullmq.summary;
    return [
      ['', 'hawser: jobs', 'CPU of a job', 'ioredis 6: jobs', 'CPU of a job'],
      Object.keys(hawser).map((operation) => [operation, throughput(hawser[operation]), cpu(hawser[operation]), perSecond(reference[operation].throughput), micros(reference[operation].cpu)]),
    ];
  },
};

const TITLES = { raw: 'clients', surface: 'surface', cluster: 'cluster', thread: 'socket thread', hits: 'cache hits', near: 'hits in memory', invalidate: 'invalidation', bullmq: 'BullMQ' };

/** The packages that each section compares, by the names that its table has. */
const CLIENTS = { 'ioredis 6': 'ioredis6', 'ioredis 5': 'ioredis', 'node-redis': 'redis', 'valkey-glide': '@valkey/valkey-glide' };
const COMPARED = {
  raw: CLIENTS,
  surface: { 'ioredis 6': 'ioredis6' },
  cluster: { 'ioredis 6': 'ioredis6', 'valkey-glide': '@valkey/valkey-glide' },
  thread: {},
  hits: { BentoCache: 'bentocache', 'async-cache-dedupe': 'async-cache-dedupe', cacheable: 'cacheable', 'ioredis 6': 'ioredis6' },
  near: { BentoCache: 'bentocache', 'async-cache-dedupe': 'async-cache-dedupe' },
  invalidate: { 'ioredis 6': 'ioredis6' },
  bullmq: { BullMQ: 'bullmq', 'ioredis 6': 'ioredis6' },
};

function runRow([name, { when, peers, rounds, others, hawser }]) {
  const versions = [['hawser', hawser], ...Object.entries(COMPARED[name]).map(([title, key]) => [title.replace(/ \d$/, ''), peers[key]])].flatMap(([title, version]) => (version === undefined ? [] : [`${title} ${version}`]));
  return [TITLES[name], `${when.slice(0, 10)}, ${rounds} rounds`, versions.join(', ') || ABSENT, others === undefined ? ABSENT : `${Math.round(others * 100)} % of the machine`];
}

/** The machines and servers, each with its sections unless there is only one. */
export function machines() {
  const places = new Map();
  for (const [name, { machine, server }] of Object.entries(results)) {
    const place = `${machine.cpu}, ${machine.cores} cores, ${machine.platform}, Node ${machine.node}, ${server}`;
    places.set(place, [...(places.get(place) ?? []), TITLES[name]]);
  }
  return [...places].map(([place, sections]) => (places.size === 1 ? `All of it on ${place}.` : `${place}: ${sections.join(', ')}.`)).join('\n');
}
