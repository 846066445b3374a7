// Runs all checks and tests in sequence, to the end. The last line is the total: `N passed, N failed`. A check without its own count
// counts as one test.
//
//     npm test                                  everything but the steps that are run by name only
//     npm test -- --only frameworks             hawser in Next.js
//     npm test -- --only postgres               examples/shipcrowd on a Postgres server
//     npm test -- --only example-browser        its page, at length
//     npm test -- --only jest,clippy            these steps
//     npm test -- --only jest -- -t 'tags'      the rest goes to the one step that is run
//     npm test -- --list

import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setup } from './setup.mjs';
import { root, run, say, SetupError } from './setup/run.mjs';

const MINUTES = 60_000;
const node = process.execPath;
const bin = (...parts) => path.join(root, 'node_modules', ...parts);
const tsc = (project) => [node, bin('typescript', 'bin', 'tsc'), '-p', project];

const STEPS = [
  { name: 'rustfmt', command: ['cargo', 'fmt', '--check'] },
  { name: 'clippy', command: ['cargo', 'clippy', '--locked', '--all-targets', '--', '-D', 'warnings'] },
  { name: 'clippy-core', command: ['cargo', 'clippy', '--locked', '--all-targets', '--no-default-features', '--', '-D', 'warnings'] },
  { name: 'cargo', command: ['cargo', 'test', '--locked', '--no-default-features', '--no-fail-fast'], count: countCargo, env: { HAWSER_FUZZ_SECONDS: process.env.HAWSER_FUZZ_SECONDS || '60' } },
  { name: 'notices', command: [node, 'scripts/notices.mjs', '--check'] },
  { name: 'rooms', command: [node, 'scripts/check-rooms.mjs'] },
  { name: 'tsc', command: tsc('tsconfig.json') },
  { name: 'types', command: tsc('__test__/types/tsconfig.json') },
  { name: 'types-ioredis', command: tsc('__test__/types/dropin/tsconfig.ioredis.json') },
  { name: 'types-dropin', command: tsc('__test__/types/dropin/tsconfig.json') },
  { name: 'eslint', command: [node, bin('eslint', 'bin', 'eslint.js'), '--max-warnings=0', '.'] },
  // What uses a connection most, on the socket thread; `thread-all` is everything that uses one.
  { name: 'thread', ...onThread('thread', '(compat/(wire|wire-cuts|pubsub|surface)|client/(tls|credentials|timers)|cache/loads)') },
  { name: 'thread-all', onlyByName: true, minutes: 45, ...onThread('thread-all', '(client|compat|cache|cluster|sentinel|manager|bus)/') },
  // Packing and installing keeps both cores busy, so these specs do not run beside specs that measure time.
  { name: 'jest', ...jest('jest', ['--testPathIgnorePatterns', '__test__/(packages?|frameworks|shipcrowd|postgres|chromium)/', '__test__/bench/', '/node_modules/']) },
  // A browser has several processes of its own.
  { name: 'browser', ...jest('browser', ['--testPathPatterns', '__test__/chromium/']) },
  { name: 'docs', command: [node, 'scripts/docs-site.mjs'] },
  { name: 'packages', ...jest('packages', ['--testPathPatterns', '__test__/packages/']) },
  { name: 'package', ...jest('package', ['--testPathPatterns', '__test__/package/']) },
  // examples/shipcrowd, installed from the packed file: whole backends of several processes.
  { name: 'example', ...jest('example', ['--testPathPatterns', '__test__/shipcrowd/', '--testPathIgnorePatterns', '__test__/shipcrowd/browser/', '/node_modules/', '--maxWorkers', '1']) },
  // Its page at length; `example` has the short form.
  { name: 'example-browser', onlyByName: true, ...jest('example-browser', ['--testPathPatterns', '__test__/shipcrowd/browser/', '--maxWorkers', '1']) },
  // The same example on a Postgres server, which is installed for it.
  { name: 'postgres', onlyByName: true, ...jest('postgres', ['--testPathPatterns', '__test__/postgres/']) },
  // Installs and builds more than all other steps together.
  { name: 'frameworks', onlyByName: true, ...jest('frameworks', ['--testPathPatterns', '__test__/frameworks/']) },
];

function jest(name, args) {
  const report = path.join(root, '.cache', `${name}.json`);
  return {
    command: [node, bin('jest', 'bin', 'jest.js'), '--json', `--outputFile=${report}`, ...args],
    before: () => rmSync(report, { force: true }),
    count: () => countJest(report),
  };
}

/** These specs with `transport: 'thread'`. */
function onThread(name, paths) {
  return { ...jest(name, ['--testPathPatterns', `__test__/${paths}`]), env: { HAWSER_TEST_TRANSPORT: 'thread' } };
}

/** Sums the `test result:` lines, one per test binary. */
function countCargo(output) {
  let passed = 0;
  let failed = 0;
  for (const [, good, bad] of output.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    passed += Number(good);
    failed += Number(bad);
  }
  return { passed, failed };
}

/** A file that could not run has no tests to count and counts as one failure. */
function countJest(report) {
  if (!existsSync(report)) return { passed: 0, failed: 0 };
  const result = JSON.parse(readFileSync(report, 'utf8'));
  return { passed: result.numPassedTests, failed: result.numFailedTests + result.numRuntimeErrorTestSuites };
}

async function runStep(step, extra) {
  console.log(`\n=== ${step.name}`);
  step.before?.();
  const minutes = step.minutes ?? 20;
  const started = Date.now();
  const [program, ...args] = [...step.command, ...extra];
  const { code, output, late } = await run(program, args, {
    capture: step.count === countCargo,
    // This process reads cargo's output to count tests, so cargo cannot see the terminal.
    env: { CARGO_TERM_COLOR: process.stdout.isTTY ? 'always' : 'never', ...step.env },
    deadlineMs: minutes * MINUTES,
  });
  const counted = step.count?.(output) ?? { passed: code === 0 ? 1 : 0, failed: 0 };
  // A runner that fails without a failed test has crashed or hung, which counts as a failure.
  if (code !== 0 && counted.failed === 0) counted.failed = 1;
  if (code === 0 && counted.passed === 0) counted.failed += 1;
  const note = late ? `no end after ${minutes} minutes` : code === null ? 'could not run' : '';
  return { name: step.name, ...counted, note, seconds: (Date.now() - started) / 1000 };
}

function table(results) {
  const width = Math.max(...results.map(({ name }) => name.length));
  const rows = results.map(({ name, seconds, passed, failed, note }) =>
    [name.padEnd(width), `${seconds.toFixed(1)} s`.padStart(8), `${passed} passed`.padStart(12), `${failed} failed`.padStart(10), note].join('  ').trimEnd(),
  );
  console.log(`\n${rows.join('\n')}`);
}

function parseArguments(args) {
  const end = args.indexOf('--');
  const own = end < 0 ? args : args.slice(0, end);
  const extra = end < 0 ? [] : args.slice(end + 1);
  const only = own.indexOf('--only');
  const names = only < 0 ? [] : (own[only + 1] ?? '').split(',');
  const unknown = names.filter((name) => !STEPS.some((step) => step.name === name));
  if (unknown.length > 0 || (only >= 0 && names.length === 0)) {
    throw new SetupError(`no step is called ${unknown.join(', ')}; there are: ${STEPS.map(({ name }) => name).join(', ')}`);
  }
  return { steps: STEPS.filter(({ name, onlyByName }) => (names.length > 0 ? names.includes(name) : !onlyByName)), extra, list: own.includes('--list') };
}

async function main() {
  const { steps, extra, list } = parseArguments(process.argv.slice(2));
  if (list) return STEPS.forEach(({ name, command }) => console.log(`${name.padEnd(12)} ${command.join(' ')}`));
  const results = [];
  const started = Date.now();
  try {
    await setup({ server: true });
  } catch (error) {
    // Steps that need the missing part fail below and say so. The other steps still run.
    say(error instanceof SetupError ? error.message : String(error.stack));
    results.push({ name: 'set-up', passed: 0, failed: 1, note: 'see above', seconds: (Date.now() - started) / 1000 });
  }
  for (const step of steps) results.push(await runStep(step, steps.length === 1 ? extra : []));
  table(results);
  const sum = (key) => results.reduce((total, result) => total + result[key], 0);
  process.exitCode = sum('failed') > 0 ? 1 : 0;
  console.log(`${sum('passed')} passed, ${sum('failed')} failed`);
}

try {
  await main();
} catch (error) {
  say(error instanceof SetupError ? error.message : String(error?.stack ?? error));
  process.exitCode = 1;
  console.log('0 passed, 1 failed');
}
