// Child processes and messages for the scripts. Node's own modules only: this runs before the dependencies are there.

import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository, or the installed package. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A failure that its message explains: no stack is shown. */
export class SetupError extends Error {}

/** Prints one line about what is going on, to standard error: standard output belongs to what is run. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a program to its end with its output passed on, and resolves with `{ code, output, late }`. `capture` keeps the output as well,
 * `quiet` keeps it without passing it on. `code` is null when the program could not start, crashed or took longer than `deadlineMs`.
 * With `handsOn` a signal to this process ends the program instead, with all that it has started: the caller has something to clean up.
 */
export function run(program, args, { env, cwd = root, capture = false, quiet = false, handsOn = false, deadlineMs } = {}) {
  const piped = capture || quiet;
  const grouped = handsOn || deadlineMs !== undefined;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', piped ? 'pipe' : 'inherit', piped ? 'pipe' : 'inherit'],
      // npm is a script on Windows.
      shell: process.platform === 'win32' && program === 'npm',
      // A group of its own, so that a signal reaches what the program has started.
      detached: grouped && process.platform !== 'win32',
    });
    let output = '';
    let late = false;
    const stop = (signal) => {
      try {
        process.kill(child.pid * (process.platform === 'win32' ? 1 : -1), signal);
      } catch {
        child.kill(signal);
      }
    };
    const timer =
      deadlineMs &&
      setTimeout(() => {
        late = true;
        stop('SIGKILL');
      }, deadlineMs);
    const signals = handsOn ? ['SIGINT', 'SIGTERM', 'SIGHUP'] : grouped ? ['SIGINT'] : [];
    for (const signal of signals) process.on(signal, stop);
    for (const [from, to] of piped ? [[child.stdout, process.stdout], [child.stderr, process.stderr]] : []) {
      from.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (!quiet) to.write(text);
      });
    }
    const end = (code) => {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, stop);
      resolve({ code, output, late });
    };
    child.once('error', (error) => {
      output += error.message;
      end(null);
    });
    child.once('close', (code) => end(late ? null : code));
  });
}

/** Whether `program` can be started at all. */
export function available(program, ...args) {
  return spawnSync(program, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Runs `main`, and ends the process with 1 and a message when it fails. */
export async function entry(main) {
  try {
    await main();
  } catch (error) {
    say(error instanceof SetupError ? `\n${error.message}` : String(error?.stack ?? error));
    process.exitCode = 1;
  }
}
