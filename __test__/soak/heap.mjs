// The heap of a process whose cache has everything on: near cache, copies, compression, memo, tiers, metrics. It reads and writes until it
// has done its operations, while connections are cut, and its heap has to be flat over the second half of them. Ends with code 1 if it is
// not, or if a call failed for a reason that nothing explains.
//
//     npm run soak:heap                                        a million operations on a server, and as many on a cluster
//     npm run soak:heap -- --operations 100000 --only cluster --seed 7

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { slope } from './slope.mjs';

const { values: options } = parseArgs({
  options: {
    operations: { type: 'string', default: '1000000' },
    only: { type: 'string', default: 'standalone,cluster' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** Requests at a time. */
    concurrent: { type: 'string', default: '16' },
    samples: { type: 'string', default: '40' },
    /** Growth in bytes for each operation. The smallest object that is kept takes more. */
    bound: { type: 'string', default: '4' },
  },
});

const runner = fileURLToPath(new URL('../helpers/typescript.cjs', import.meta.url));
const child = fileURLToPath(new URL('heap_place.ts', import.meta.url));
const mb = (bytes) => `${(bytes / 1048576).toFixed(1)} MB`;

/** Runs one topology to its end. Resolves with true if its heap is flat. */
function soak(kind) {
  const args = [child, kind, options.operations, options.seed, options.concurrent, options.samples];
  const place = fork(runner, args, { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const samples = [];
  let result;
  place.on('message', ({ type, ...message }) => {
    if (type === 'sample') {
      samples.push(message);
      console.log(`${kind.padEnd(10)}  ${String(message.operations).padStart(9)} operations  heap ${mb(message.heap)}  external ${mb(message.external)}  rss ${mb(message.rss)}`);
    } else if (type === 'result') result = message;
    else console.log(`${kind}: ${message.error}`);
  });
  const begun = Date.now();
  return new Promise((resolve) => place.once('close', () => resolve(conclude(kind, samples, result, (Date.now() - begun) / 1000))));
}

function conclude(kind, samples, result, seconds) {
  if (result === undefined) {
    console.log(`${kind}: ended without a result`);
    return false;
  }
  // `slope` counts kilobytes in a minute: here a millisecond is an operation.
  const growth = (field) => (slope(samples.map((sample) => ({ at: sample.operations, bytes: sample[field] }))) * 1024) / 60_000;
  const line = (field) => `${mb(samples[Math.floor(samples.length / 2)][field])} at half of them, ${mb(samples.at(-1)[field])} at the end: ${growth(field).toFixed(2)} bytes for each operation`;
  const isFlat = growth('heap') < Number(options.bound) && growth('external') < Number(options.bound);
  const { operations, failed, unexpected, reads } = result;
  console.log(`${kind}, seed ${options.seed}: ${operations} operations in ${seconds.toFixed(0)} s, ${failed} calls rejected
  reads      ${Object.entries(reads).map(([name, count]) => `${name} ${count}`).join(', ')}
  heap       ${line('heap')}
  external   ${line('external')}
  rss        ${line('rss')}`);
  for (const text of unexpected) console.log(`    ${text}`);
  return isFlat && unexpected.length === 0;
}

let isRight = true;
for (const kind of options.only.split(',')) isRight = (await soak(kind)) && isRight;
console.log(isRight ? '\nheap: flat' : '\nheap: grows');
process.exitCode = isRight ? 0 : 1;
