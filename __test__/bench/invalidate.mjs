// `invalidateTags` of a tag that 1,000 to 1,000,000 entries carry, against the sketch; and the commands that it costs the server.

import { CACHES, HAWSER, SKETCH } from './caches.mjs';
import { alternate, inChild } from './rounds.mjs';
import { ask, commandCalls } from './server.mjs';
import { median, ratio, short } from './stats.mjs';
import { count, millis, showFailures, table, times } from './table.mjs';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
/** Sizes whose commands are compared. */
const FEW = 10;
const MANY = 100_000;
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
  await ask(job.port, 'CONFIG RESETSTAT');
  const started = performance.now();
  const answer = await repository.invalidateTags(['big']);
  const ms = performance.now() - started;
  const commands = await commandCalls(job.port);
  for (const n of [0, job.entries >> 1, job.entries - 1]) {
    if ((await repository.get(`big:${n}`)) !== null) throw new Error('an invalidated entry is still there');
  }
  return { ms, commands, answer };
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
  const commands = { few: few.result?.commands, many: samples[MANY]?.[HAWSER][0]?.commands };
  return { samples, failures, skipped, commands, summary: summarize(samples) };
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
export function show({ summary, skipped, failures, commands }) {
  const head = ['invalidateTags', 'hawser', SKETCH, 'faster by'];
  const rows = Object.entries(summary).map(([entries, { hawserMs, sketchMs, ratio: faster }]) => [
    `${count(Number(entries))} entries`,
    millis(hawserMs),
    skipped[entries] === undefined ? millis(sketchMs) : 'skipped',
    times(faster),
  ]);
  const reasons = Object.entries(skipped).map(([entries, reason]) => `skipped, ${count(Number(entries))} entries of the sketch: ${reason}`);
  const calls = (which) => (which === undefined ? 'not measured' : Object.entries(which).map(([name, times]) => `${name} ${times}`).join(', '));
  const proof = [`commands for ${FEW} entries: ${calls(commands.few)}`, `commands for ${count(MANY)} entries: ${calls(commands.many)}`];
  return [table([head, ...rows]), ...reasons, proof.join('\n'), ...showFailures(failures)].join('\n\n');
}
