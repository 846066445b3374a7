// What the quick loop runs for a set of changed files, in lanes that run side by side.

import path from 'node:path';
import { root } from '../setup/run.mjs';
import { affectedSpecs } from './changes.mjs';
import { durations, REPORT } from './durations.mjs';

const node = process.execPath;
const bin = (...parts) => path.join(root, 'node_modules', ...parts);
const cache = (...parts) => path.join(root, '.cache', ...parts);

/** Two specs run at a time, and the whole loop should take less than half a minute. `npm test` runs them all. */
const SPEC_SECONDS = 24;
const RUST = /\.(rs|lua)$|^Cargo\.|^build\.rs$/;
const JAVASCRIPT = /\.(ts|mts|mjs|cjs|js)$/;
const IGNORED = /^(dist|binding|__test__\/cli\/(backend|clean))\//;

/**
 * `lanes` of steps, whose steps run one after the other, and how many specs were `left` out. Specs need the build: `needsFacade`, and
 * `needsNative` if Rust has changed as well. `secondsOf` says how long a spec takes.
 */
export function stepsFor(files, secondsOf = durations()) {
  const sources = files.filter((file) => JAVASCRIPT.test(file) && !IGNORED.test(file));
  const rust = files.filter((file) => RUST.test(file));
  const affected = nearest(affectedSpecs(files), files);
  const specs = within(SPEC_SECONDS, affected, files, secondsOf);
  const steps = {
    rooms: [node, 'scripts/check-rooms.mjs'],
    tsc: [node, bin('typescript', 'bin', 'tsc'), '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', cache('check.tsbuildinfo')],
    eslint: sources.length > 0 && [node, bin('eslint', 'bin', 'eslint.js'), '--max-warnings=0', '--no-warn-ignored', '--cache', '--cache-location', cache('eslint/'), '--cache-strategy', 'content', ...sources],
    jest: specs.length > 0 && [node, bin('jest', 'bin', 'jest.js'), '--forceExit', '--json', `--outputFile=${REPORT}`, '--runTestsByPath', ...specs],
    rustfmt: rust.length > 0 && ['cargo', 'fmt', '--check'],
    cargo: rust.length > 0 && ['cargo', 'check', '--quiet', '--locked', '--all-targets'],
    units: rust.length > 0 && ['cargo', 'test', '--quiet', '--locked', '--no-default-features', '--lib', '--', ...roomsOf(rust)],
  };
  const lane = (...names) => names.filter((name) => steps[name]).map((name) => ({ name, command: steps[name] }));
  const lanes = [lane('rustfmt', 'cargo', 'units'), lane('rooms', 'tsc'), lane('eslint', 'jest')].filter((steps) => steps.length > 0);
  return { lanes, left: affected.length - specs.length, needsFacade: specs.length > 0, needsNative: specs.length > 0 && rust.length > 0 };
}

/** Specs that changed, and as many others as the time allows. */
function within(seconds, specs, files, secondsOf) {
  let left = seconds;
  return specs.filter((spec) => {
    const takes = secondsOf(spec);
    const runs = files.includes(spec) || takes <= left;
    if (runs) left -= takes;
    return runs;
  });
}

/** Specs that changed come first, then those of the changed files' folders. */
function nearest(specs, files) {
  const folders = new Set(files.map((file) => file.split('/')[1]));
  const rank = (spec) => (files.includes(spec) ? 0 : folders.has(spec.split('/')[1]) ? 1 : 2);
  return specs.sort((a, b) => rank(a) - rank(b));
}

/** The crate's rooms as filters of cargo test: `cache::`. A file of the crate's root or a test of its own selects everything. */
function roomsOf(rust) {
  const rooms = rust.map((file) => /^src\/(\w+)\//.exec(file)?.[1]);
  return rooms.includes(undefined) ? [] : [...new Set(rooms)].map((room) => `${room}::`);
}
