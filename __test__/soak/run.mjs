// The soak: traffic on a standalone server, a Sentinel group and a cluster at the same time, each in a process of its own, while connections
// are cut, slots move, nodes freeze and masters change. Ends with code 1 if a value was wrong, a count does not add up, an error has no
// explanation, or something is left open.
//
//     npm run soak                            ten minutes
//     npm run soak -- --minutes 60
//     npm run soak -- --seconds 30 --only cluster

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { slope } from './slope.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seconds: { type: 'string' },
    /** Time between two steps of a loop, in ms: less is more load. */
    pause: { type: 'string', default: '5' },
    only: { type: 'string', default: 'standalone,sentinel,cluster' },
  },
});
const seconds = options.seconds === undefined ? Number(options.minutes) * 60 : Number(options.seconds);
if (!(seconds > 0)) throw new RangeError('--minutes and --seconds are positive numbers');

const every = Math.min(10, Math.max(1, seconds / 10));
const between = Math.min(5, Math.max(1, seconds / 30));
const runner = fileURLToPath(new URL('../helpers/typescript.cjs', import.meta.url));
const child = fileURLToPath(new URL('place.ts', import.meta.url));

const mb = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;
const list = (counts) => Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(', ') || 'none';
const perMinute = (value) => (value === undefined ? 'too short a run' : `${value >= 0 ? '+' : ''}${value.toFixed(0)} KB/min`);

/** Runs one topology to its end. Resolves with true if it went well. */
function soak(kind) {
  const args = [child, kind, seconds, every, Number(options.pause), between].map(String);
  const place = fork(runner, args, { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const started = Date.now();
  const samples = [];
  let result;
  place.on('message', (message) => {
    if (message.type === 'line') {
      const { perSecond, errors, memory, at } = message;
      samples.push({ at, ...memory });
      const time = `${Math.round((Date.now() - started) / 1000)} s`;
      console.log(`${time.padStart(6)}  ${kind.padEnd(10)}  ${perSecond.toFixed(0).padStart(6)} ops/s  rss ${mb(memory.rss)}  heap ${mb(memory.heap)}  errors: ${list(errors)}`);
    } else if (message.type === 'result') result = message;
    else if (message.type === 'broken') console.log(`${kind}: ${message.error}`);
  });
  return new Promise((resolve) => place.once('close', () => resolve(conclude(kind, samples, result))));
}

function conclude(kind, samples, result) {
  if (result === undefined) {
    console.log(`\n${kind}: ended without a result`);
    return false;
  }
  const { operations, received, repeated, disturbances, errors, counts, wrong, unexpected, left } = result;
  const growth = (field) => perMinute(slope(samples.map((sample) => ({ at: sample.at, bytes: sample[field] }))));
  console.log(`
${kind}: ${operations} operations, ${received} messages received, ${repeated} of them twice
  disturbances       ${list(disturbances)}
  errors by code     ${list(errors)}
  increments         ${counts.acknowledged} acknowledged, ${counts.open} more may have run
  memory, 2nd half   rss ${growth('rss')}, heap ${growth('heap')}, external ${growth('external')}
  wrong values       ${wrong.count}
  unexpected errors  ${unexpected.count}
  left open          ${left.join(', ') || 'nothing'}`);
  for (const line of [...wrong.first, ...unexpected.first]) console.log(`    ${line}`);
  return operations > 0 && wrong.count + unexpected.count + left.length === 0;
}

const results = await Promise.all(options.only.split(',').map(soak));
console.log(results.every(Boolean) ? '\nsoak: passed' : '\nsoak: failed');
process.exitCode = results.every(Boolean) ? 0 : 1;
