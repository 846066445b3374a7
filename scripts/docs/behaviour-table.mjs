// What caches do, from docs/behaviour.json, which `npm run bench:behaviour` writes.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../setup/run.mjs';

const file = path.join(root, 'docs/behaviour.json');
const results = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;

const count = (value) => value.toLocaleString('en-US');
const seconds = (ms) => (ms < 100 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`);

/** A question, and how a cache's answer reads. */
function questions({ callers, few, many, tagged, patienceMs }) {
  const within = (ms) => (ms === undefined ? `not within ${patienceMs / 1000} s` : seconds(ms));
  return [
    [`loaders that run when ${callers} callers miss a key at once`, ({ loadsInOne }) => count(loadsInOne)],
    [`the same, in each of three processes`, ({ loadsInThree }) => count(loadsInThree)],
    ['a load began before an invalidation and ends after it: the next read returns', ({ afterLateLoad }) => (afterLateLoad === 'old' ? 'the old value' : 'a new value')],
    [`commands that invalidate a tag of ${count(few)} entries; of ${count(many)}`, ({ commands }) => `${count(commands.few)}; ${count(commands.many)}`],
    ['round trips of a hit without tags; with three', ({ trips }) => `${trips.none}; ${trips.three}`],
    ['Redis is frozen: a read has the loaded value after', ({ silentMs }) => within(silentMs)],
    ['Redis is stopped: a read has the loaded value after', ({ stoppedMs }) => within(stoppedMs)],
    [`keys without a time to live, after ${count(tagged)} entries with a tag each, half of them invalidated`, (one) => count(one.keysForEver)],
  ];
}

/** Head and rows, for docs-tables.mjs. */
export function behaviourTable() {
  if (results === undefined) return [['not measured yet'], []];
  const { caches, versions, asked } = results;
  const names = Object.keys(caches);
  return [['', ...names.map((name) => `${name} ${versions[name]}`)], questions(asked).map(([question, read]) => [question, ...names.map((name) => read(caches[name]))])];
}

/** When, and on what. */
export const behaviourRun = () => (results === undefined ? '' : `Written by \`npm run bench:behaviour\` on ${results.when.slice(0, 10)}, on Node ${results.node} with ${results.server}.`);
