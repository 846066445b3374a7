// Child processes and messages for the scripts. It uses only Node's own modules, because it runs before the dependencies are installed.

import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The repository, or the installed package. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A failure whose message explains it; no stack is shown. */
export class SetupError extends Error {}

/** Prints a progress line to standard error. Standard output belongs to the program that runs. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a program to its end and passes its output on. Resolves with `{ code, output, late }`. `capture` also keeps the output; `quiet`
 * keeps it without passing it on. `code` is null if the program could not start, crashed, or took longer than `deadlineMs`. With
 * `handsOn`, a signal to this process ends the program and its children instead, so that the caller can clean up.
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
      // A separate process group, so that a signal also reaches the program's children.
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

/** Whether `program` can be started. */
export function available(program, ...args) {
  return spawnSync(program, args.length > 0 ? args : ['--version'], { stdio: 'ignore' }).status === 0;
}

/** Runs `main`. If it fails, prints a message and sets exit code 1. */
export async function entry(main) {
  try {
    await main();
  } catch (error) {
    say(error instanceof SetupError ? `\n${error.message}` : String(error?.stack ?? error));
    process.exitCode = 1;
  }
}
