// The quick loop: what a change most likely breaks, in some seconds. `npm test` is everything.
//
//     npm run check                       files that differ from HEAD, or those of the last commit if nothing differs
//     npm run check -- --since main       files that differ from where this branch began
//     npm run check -- --list             what would run
//
// Types and rooms are checked as a whole. eslint, cargo and the specs look at what has changed: the specs that changed, those that import
// a changed file, as far as some seconds go, and the unit tests of the crate's rooms that changed. What no spec needs is not built.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { changedFiles } from './check/changes.mjs';
import { stepsFor } from './check/steps.mjs';
import { setup } from './setup.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { entry, root, run, say, SetupError } from './setup/run.mjs';

const MINUTES = 60_000;

function parseArguments(args) {
  const since = args.indexOf('--since');
  if (since >= 0 && args[since + 1] === undefined) throw new SetupError('--since needs a branch or a commit');
  return { since: since < 0 ? undefined : args[since + 1], isList: args.includes('--list') };
}

/** A clean checkout has no binary yet. */
const hasBinary = () => existsSync(path.join(root, 'binding', 'binaries.js'));

/** Runs one step and keeps its output, because two lanes would mix theirs. */
async function runStep({ name, command: [program, ...args] }) {
  const started = Date.now();
  const { code, output, late } = await run(program, args, { quiet: true, deadlineMs: 10 * MINUTES });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? 'passed' : 'FAILED'}  ${name.padEnd(8)} ${seconds.padStart(6)} s${late ? ', no end after 10 minutes' : ''}`);
  if (code !== 0) console.log(output.trimEnd());
  return code === 0;
}

/** Runs a lane's steps in order, to the end. */
async function runLane(steps) {
  const results = [];
  for (const step of steps) results.push(await runStep(step));
  return results.every(Boolean);
}

await entry(async () => {
  const { since, isList } = parseArguments(process.argv.slice(2));
  const files = await changedFiles(since);
  const { lanes, left, needsFacade, needsNative } = stepsFor(files);
  if (isList) return lanes.flat().forEach(({ name, command }) => console.log(`${name.padEnd(8)} ${command.map((part) => path.relative(root, part) || part).join(' ')}`));
  const started = Date.now();
  await ensureDependencies();
  if (needsFacade) await setup({ facadeOnly: !needsNative && hasBinary() });
  const results = await Promise.all(lanes.map(runLane));
  const specs = left > 0 ? `; ${left} more specs import these files` : '';
  say(`${files.length} changed files, ${((Date.now() - started) / 1000).toFixed(1)} s${specs}; npm test runs everything`);
  if (!results.every(Boolean)) process.exitCode = 1;
});
