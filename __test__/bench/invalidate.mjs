// `invalidateTags` of a tag that 1,000 to 1,000,000 entries carry, against the sketch. For hawser also what it costs besides time: commands, entries of
// the server's slow log, and the lateness of timers, beside the same process and server when nothing happens.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { CACHES, HAWSER, SKETCH } from './caches.mjs';
import { alternate, inChild } from './rounds.mjs';
import { ask, commandCalls } from './server.mjs';
import { median, ratio, short } from './stats.mjs';
import { count, millis, showFailures, table, times } from './table.mjs';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
/** The size whose commands are compared with those of the largest one. */
const FEW = 10;
/** Sizes up to this one are measured in every round. */
const MANY = 100_000;
/** Timers and the slow log are watched for so long. What takes the server longer than this is slow. */
const WATCHED_MS = 500;
const SLOW_MICROS = 1_000;
const CHUNK = 1_000;
const WARM_UP = 20;
const DEADLINE_MS = 120_000;

/** In the child: fills the cache, invalidates the tag of all entries, and checks what is left. */
export async function perform(job) {
  const { repository } = await CACHES[job.contender](job);
  await fill(repository, 'big', job.entries);
  // The first calls include the cost of the connection and the compiler.
  for (let n = 0; n < WARM_UP; n++) {
    await fill(repository, `small-${n}`, FEW);
    await repository.invalidateTags([`small-${n}`]);
  }
  const idle = await watch(job.port, () => undefined);
  const { took: { ms, answer }, ...busy } = await watch(job.port, async () => {
    const started = performance.now();
    return { answer: await repository.invalidateTags(['big']), ms: performance.now() - started };
  });
  for (const n of [0, job.entries >> 1, job.entries - 1]) {
    if ((await repository.get(`big:${n}`)) !== null) throw new Error('an invalidated entry is still there');
  }
  return { ms, answer, idle, busy };
}

/** Does something, and waits. What it gave, its commands on the server, the entries of the slow log and how late a timer was at most. */
async function watch(port, act) {
  await ask(port, `CONFIG SET slowlog-log-slower-than ${SLOW_MICROS}`);
  await ask(port, 'SLOWLOG RESET');
  await ask(port, 'CONFIG RESETSTAT');
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const took = await act();
  await pause(WATCHED_MS);
  delay.disable();
  const commands = await commandCalls(port);
  return { took, commands, slow: Number(await ask(port, 'SLOWLOG LEN')), lag: Math.max(0, delay.max / 1e6 - 1) };
}

async function fill(repository, tag, entries) {
  for (let from = 0; from < entries; from += CHUNK) {
    const length = Math.min(CHUNK, entries - from);
    await repository.setMany(Array.from({ length }, (_, n) => ({ key: `${tag}:${from + n}`, value: { id: from + n }, ttl: 3600, tags: [tag] })));
  }
}

/** In the parent: every size, the largest one once. */
export async function run({ server, options, folder, tell }) {
  const before = () => server.ask('FLUSHALL');
  const sizes = options.isQuick ? SIZES.filter((size) => size <= MANY) : SIZES;
  const job = (contender, entries) => ({ section: 'invalidate', contender, entries, port: server.port, folder });
  const samples = {};
  const skipped = {};
  const failures = {};
  for (const entries of sizes) {
    const rounds = entries > MANY ? 1 : entries === MANY && options.isQuick ? 1 : options.rounds;
    const done = await alternate([HAWSER, SKETCH], rounds, (contender) => job(contender, entries), {
      before,
      deadlineMs: DEADLINE_MS,
      tell: (text) => tell(`invalidateTags, ${count(entries)} entries, ${text}`),
    });
    samples[entries] = done.samples;
    if (done.failures[SKETCH] !== undefined) skipped[entries] = done.failures[SKETCH];
    if (done.failures[HAWSER] !== undefined) failures[HAWSER] = done.failures[HAWSER];
  }
  await before();
  const few = await inChild(job(HAWSER, FEW), DEADLINE_MS);
  await before();
  const most = sizes.at(-1);
  const { busy, idle } = samples[most]?.[HAWSER][0] ?? {};
  const proof = busy && few.result && { few: { entries: FEW, ...few.result.busy }, many: { entries: most, ...busy }, idle };
  return { samples, failures, skipped, proof, summary: summarize(samples) };
}

function summarize(samples) {
  return Object.fromEntries(
    Object.entries(samples).map(([entries, { [HAWSER]: own, [SKETCH]: sketch }]) => {
      const of = (rounds) => Array.from(rounds, (sample) => sample?.ms);
      return [entries, { hawserMs: short(median(of(own))), sketchMs: short(median(of(sketch))), ratio: short(ratio(of(sketch), of(own))) }];
    }),
  );
}

/** The section as text. */
export function show({ summary, skipped, failures, proof }) {
  const head = ['invalidateTags', 'hawser', SKETCH, 'faster by'];
  const rows = Object.entries(summary).map(([entries, { hawserMs, sketchMs, ratio: faster }]) => [
    `${count(Number(entries))} entries`,
    millis(hawserMs),
    skipped[entries] === undefined ? millis(sketchMs) : 'skipped',
    times(faster),
  ]);
  const reasons = Object.entries(skipped).map(([entries, reason]) => `skipped, ${count(Number(entries))} entries of the sketch: ${reason}`);
  const calls = (commands) => Object.entries(commands).map(([name, times]) => `${name} ${times}`).join(', ') || 'none';
  const cost = (name, { commands, slow, lag }) => [name, calls(commands), String(slow), millis(lag)];
  const costs = proof && table([
    ['hawser, what it costs', 'commands', 'in the slow log', 'latest timer'],
    ...[proof.few, proof.many].map((one) => cost(`${count(one.entries)} entries`, one)),
    cost('nothing happens', proof.idle),
  ]);
  return [table([head, ...rows]), ...reasons, ...(costs ? [costs] : []), ...showFailures(failures)].join('\n\n');
}
