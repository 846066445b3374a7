// `transport: 'thread'` against Node's own sockets: the CPU time of the JavaScript thread alone, which is what the socket thread is for, and
// that of the whole process.

import { createRequire } from 'node:module';
import { connect, openRedis, HAWSER } from './clients.mjs';
import { measure } from './measure.mjs';
import { alternate } from './rounds.mjs';
import { cpuTime } from './server.mjs';
import { median, ratio, short } from './stats.mjs';
import { count, micros, millis, perSecond, showFailures, table, times } from './table.mjs';
import { TlsServer } from './tls_server.mjs';

export const SOCKET = 'socket';
export const THREAD = 'thread';
const TRANSPORTS = [SOCKET, THREAD];
/** `busy`: the percentage of time that the JavaScript thread has other work. */
const CASES = [
  { level: 100, bytes: 100 },
  { level: 1000, bytes: 100 },
  { level: 100, bytes: 100, tls: true },
  { level: 1000, bytes: 100, tls: true },
  { level: 10, bytes: 100_000 },
  { level: 10, bytes: 100_000, tls: true },
  { level: 4, bytes: 1_000_000 },
  { level: 4, bytes: 1_000_000, tls: true },
  { level: 10, bytes: 100_000, tls: true, command: 'set' },
  { level: 100, bytes: 100, busy: 70 },
  { level: 100, bytes: 100, tls: true, busy: 70 },
  { level: 10, bytes: 100_000, tls: true, busy: 70 },
];
const titleOf = ({ level, bytes, tls, busy, command = 'get' }) =>
  `${command.toUpperCase()} ${bytes < 1000 ? `${bytes} B` : `${bytes / 1000} kB`}${tls ? ', TLS' : ''}, ${count(level)} at once${busy ? `, ${busy} % busy` : ''}`;
/** A piece of other work, and the piece of time around it. */
const PERIOD_MS = 10;

/** In the child: one case over one transport. */
export async function perform(job) {
  const { threadCpuTime } = createRequire(job.folder)('./dist/native.js').native;
  const { port, plainPort, ca, level, bytes, tls, busy, command } = job;
  const options = { transport: job.contender, ...(tls ? { tls: { ca, servername: 'localhost' } } : {}) };
  const client = await connect(await openRedis(HAWSER, job.folder), tls ? port : plainPort, options);
  const value = 'v'.repeat(bytes);
  await client.set('bench:large', value);
  if ((await client.get('bench:large')) !== value) throw new Error('GET does not return what SET stored');
  const stop = busy === undefined ? () => {} : occupy(busy);
  const waits = [];
  let js = 0;
  const run = command === 'set' ? () => client.set('bench:other', value) : () => client.get('bench:large');
  const operation = async () => {
    const started = performance.now();
    await run();
    waits.push(performance.now() - started);
  };
  let looks = 0;
  // The measurement asks for the server's time at both ends of its window.
  const serverCpu = async () => {
    const spent = await cpuTime(plainPort);
    if (looks++ === 0) waits.length = 0;
    js = threadCpuTime() - js;
    return spent;
  };
  const { throughput, cpu, others } = await measure(operation, { concurrency: level, warmMs: job.warmMs, windowMs: job.windowMs, serverCpu });
  stop();
  const done = (throughput * job.windowMs) / 1e3;
  // The other work of a busy thread is in its time.
  const costs = busy === undefined ? { cpu, js: js / done } : {};
  return { throughput, ...costs, others, p99: waits.sort((a, b) => a - b)[Math.floor(waits.length * 0.99)] };
}

/** Keeps this thread busy for a percentage of the time. */
function occupy(percentage) {
  const work = (PERIOD_MS * percentage) / 100;
  let timer;
  const turn = () => {
    const end = performance.now() + work;
    while (performance.now() < end);
    timer = setTimeout(turn, PERIOD_MS - work);
  };
  turn();
  return () => clearTimeout(timer);
}

/** In the parent: all cases. */
export async function run({ options, folder, tell }) {
  const server = await TlsServer.start();
  try {
    const samples = {};
    const failures = {};
    for (const each of CASES) {
      const title = titleOf(each);
      const timing = { warmMs: options.warmMs, windowMs: 2 * options.windowMs };
      const job = (contender) => ({ section: 'thread', contender, folder, ...each, ...timing, port: server.tlsPort, plainPort: server.port, ca: server.ca });
      const done = await alternate(TRANSPORTS, options.rounds, job, { tell: (text) => tell(`${title}, ${text}`) });
      samples[title] = Object.fromEntries(TRANSPORTS.map((name) => [name, seriesOf(done.samples[name])]));
      Object.assign(failures, done.failures);
    }
    return { samples, failures, summary: summarize(samples) };
  } finally {
    await server.stop();
  }
}

function seriesOf(samples) {
  return Object.fromEntries(['js', 'cpu', 'throughput', 'p99', 'others'].map((name) => [name, Array.from(samples, (sample) => sample?.[name])]));
}

function summarize(samples) {
  const figure = (name, { [SOCKET]: own, [THREAD]: other }) => ({
    socket: short(median(own[name])),
    thread: short(median(other[name])),
    ratio: short(ratio(other[name], own[name])),
  });
  return Object.fromEntries(
    Object.entries(samples).map(([title, pair]) => [title, Object.fromEntries(['js', 'cpu', 'throughput', 'p99'].map((name) => [name, figure(name, pair)]))]),
  );
}

/** The section as text. */
export function show({ summary, failures }) {
  const head = ['thread against socket', 'JS thread/op', '', 'process/op', '', 'ops/s', '', 'p99', ''];
  const rows = Object.entries(summary).map(([title, { js, cpu, throughput, p99 }]) => [
    title,
    ...[[js, micros], [cpu, micros], [throughput, perSecond], [p99, millis]].flatMap(([{ socket, ratio: by }, unit]) => [unit(socket), times(by)]),
  ]);
  return [table([head, ...rows]), ...showFailures(failures)].join('\n\n');
}
