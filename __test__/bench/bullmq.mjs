// BullMQ on hawser and on ioredis 6: jobs added one at a time, by 50 callers at once and in bulk, and jobs processed by one worker.

import { connect, HAWSER, openRedis, REFERENCE } from './clients.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { compared, series } from './stats.mjs';
import { micros, millis, perSecond, showFailures, table, times } from './table.mjs';

const CONTENDERS = [HAWSER, REFERENCE];
const BULK = 100;
const WORKERS = 50;
/** More jobs than a worker finishes in both windows of a measurement. */
const WAITING = 40_000;
const WAITING_QUICK = 15_000;
const DATA = { order: 4711, company: 'c1', lines: [1, 2, 3], note: 'n'.repeat(60) };
const KEPT = { removeOnComplete: true, removeOnFail: true };

/** What is measured: its title, and how many callers add how many jobs with one call. */
const ADDING = { 'add, one at a time': { callers: 1, jobs: 1 }, 'add, 50 at once': { callers: 50, jobs: 1 }, [`addBulk of ${BULK}`]: { callers: 1, jobs: BULK } };
export const PROCESSING = `process, ${WORKERS} at once`;
export const OPERATIONS = [...Object.keys(ADDING), PROCESSING];

/** In the child: one operation on the connections of one client. */
export async function perform(job) {
  const { Queue, Worker } = await import('bullmq');
  const Redis = await openRedis(job.contender, job.folder);
  const open = () => connect(Redis, job.port, { maxRetriesPerRequest: null });
  const queue = new Queue('bench', { connection: await open(), defaultJobOptions: KEPT });
  await queue.waitUntilReady();
  const timing = { warmMs: job.warmMs, windowMs: job.windowMs, serverCpu: () => cpuTime(job.port) };
  if (job.operation === PROCESSING) return processed({ Worker, queue, open, timing, waiting: job.waiting });
  const { callers, jobs } = ADDING[job.operation];
  const bulk = Array.from({ length: jobs }, () => ({ name: 'order', data: DATA }));
  const add = jobs === 1 ? () => queue.add('order', DATA) : () => queue.addBulk(bulk);
  const found = await measure(add, { ...timing, concurrency: callers });
  return { ...found, throughput: found.throughput * jobs, cpu: found.cpu / jobs };
}

/** A worker that finishes jobs which wait already. Fails if they run out, because an idle worker is not measured. */
async function processed({ Worker, queue, open, timing, waiting }) {
  const some = Array.from({ length: 1000 }, () => ({ name: 'order', data: DATA }));
  for (let added = 0; added < waiting; added += some.length) await queue.addBulk(some);
  const finished = new Turnstile();
  const worker = new Worker('bench', async ({ data }) => data.order, { connection: await open(), concurrency: WORKERS });
  worker.on('completed', () => finished.release());
  worker.on('failed', (_, error) => finished.end(error));
  worker.on('drained', () => finished.end(new Error(`the worker finished all of ${waiting} jobs before the measurement was over`)));
  return measure(() => finished.pass(), { ...timing, concurrency: 1 });
}

/** Lets its one caller pass once for each `release`. */
class Turnstile {
  #free = 0;
  #waiting;
  #error;

  release() {
    if (this.#waiting === undefined) this.#free++;
    else this.#settle('resolve');
  }

  end(error) {
    this.#error ??= error;
    this.#settle('reject', error);
  }

  async pass() {
    if (this.#error !== undefined) throw this.#error;
    if (this.#free > 0) this.#free--;
    else await new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  #settle(how, value) {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.[how](value);
  }
}

/** In the parent: all rounds of all operations. */
export async function run({ server, options, folder, tell }) {
  const samples = Object.fromEntries(CONTENDERS.map((name) => [name, {}]));
  const failures = {};
  const { warmMs, windowMs, isQuick, rounds } = options;
  for (const operation of OPERATIONS) {
    const job = (contender) => ({ section: 'bullmq', contender, operation, port: server.port, folder, warmMs, windowMs, waiting: isQuick ? WAITING_QUICK : WAITING });
    const done = await alternate(CONTENDERS, rounds, job, { before: () => server.ask('FLUSHALL'), tell: (text) => tell(`BullMQ, ${operation}, ${text}`) });
    for (const name of CONTENDERS) samples[name][operation] = series(Array.from(done.samples[name]));
    Object.assign(failures, done.failures);
  }
  return { samples, failures, summary: summarize(samples) };
}

function summarize(samples) {
  const of = (name, operation) => {
    const own = samples[name][operation];
    const reference = samples[REFERENCE][operation];
    return compared(own, reference);
  };
  return Object.fromEntries(CONTENDERS.map((name) => [name, Object.fromEntries(OPERATIONS.map((operation) => [operation, of(name, operation)]))]));
}

/** The section as text: a row for each operation. */
export function show({ summary, failures }) {
  const head = ['BullMQ, jobs', 'hawser:', 'jobs/s', 'CPU/job', 'lag', `${REFERENCE}:`, 'jobs/s', 'CPU/job', 'lag', 'jobs/s', 'CPU/job'];
  const cells = ({ throughput, cpu, lag }) => ['', perSecond(throughput), micros(cpu), millis(lag)];
  const rows = OPERATIONS.map((operation) => {
    const own = summary[HAWSER][operation];
    return [operation, ...cells(own), ...cells(summary[REFERENCE][operation]), times(own.throughputRatio), times(own.cpuRatio)];
  });
  return [table([head, ...rows]), ...showFailures(failures)].join('\n\n');
}
