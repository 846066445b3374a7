// Alternating rounds: in each, every contender runs once in its own process, in a rotating order.

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./child.mjs', import.meta.url));

/**
 * Runs `jobOf(contender, round)` for every contender in every round. `before` is awaited ahead of each (the server is emptied, say). Resolves
 * with `{ contender: [sample or undefined by round] }` and, for those that failed, `failures: { contender: reason }`. A job that is not to be
 * done is undefined.
 */
export async function alternate(contenders, rounds, jobOf, { before, deadlineMs = 60_000, tell } = {}) {
  const samples = Object.fromEntries(contenders.map((name) => [name, []]));
  const failures = {};
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const name = contenders[(turn + round) % contenders.length];
      const job = jobOf(name, round);
      // A contender that failed would fail again, and each time may take the whole deadline.
      if (job === undefined || failures[name] !== undefined) continue;
      tell?.(`round ${round + 1} of ${rounds}: ${name}`);
      await before?.();
      const { result, error } = await inChild(job, deadlineMs);
      if (error === undefined) samples[name][round] = result;
      else failures[name] = error;
    }
  }
  return { samples, failures };
}

/** Runs one job in its own process. Never rejects: a crash or a deadline is an `error`. */
export function inChild(job, deadlineMs) {
  return new Promise((resolve) => {
    // Only the end of a contender's output is kept, because it may say why it crashed.
    const child = fork(CHILD, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    let log = '';
    let answer;
    child.stderr.on('data', (text) => (log = (log + text).slice(-4096)));
    const timer = setTimeout(() => {
      answer = { error: `no result within ${deadlineMs / 1e3} s` };
      child.kill('SIGKILL');
    }, deadlineMs);
    child.once('message', (message) => (answer ??= message));
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      resolve(answer ?? { error: reasonOf(log) ?? `the process ended with ${signal ?? code}` });
    });
    child.send(job);
  });
}

/** The line that explains a crash. */
function reasonOf(log) {
  return log.split('\n').find((line) => /error/i.test(line))?.trim();
}
