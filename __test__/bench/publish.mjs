// What the documentation shows of the bench: docs/bench.json has the medians of each section with machine, versions and date, and
// docs/images/bench.svg is its chart. A full run of `npm run bench` writes both; sections that did not run keep what they have.
//
//     node __test__/bench/publish.mjs [bench-results/<report>.json]      publishes a stored report, by default the latest

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root } from '../../scripts/setup/run.mjs';
import { draw } from './chart.mjs';

export const RESULTS = 'docs/bench.json';
export const CHART = 'docs/images/bench.svg';
const SECTIONS = ['raw', 'surface', 'cluster', 'thread', 'hits', 'near', 'invalidate', 'bullmq'];

/** The published figures, empty before the first run. */
export function readResults() {
  const file = path.join(root, RESULTS);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

/** Publishes the sections of a report. Those with a contender that failed are left out. Returns their names. */
export function publish(report) {
  const { when, machine, server, hawser, peers, options } = report;
  const complete = SECTIONS.filter((name) => report[name] !== undefined && Object.keys(report[name].failures ?? {}).length === 0);
  const sections = complete.map((name) => {
    const { summary, costs, proof, others } = report[name];
    return [name, { when, machine, server, hawser, peers, rounds: options.rounds, others, summary, costs: costs?.summary, proof }];
  });
  if (sections.length === 0) return [];
  const known = readResults();
  const results = Object.fromEntries(SECTIONS.flatMap((name) => {
    const found = Object.fromEntries(sections)[name] ?? known[name];
    return found === undefined ? [] : [[name, found]];
  }));
  mkdirSync(path.join(root, path.dirname(CHART)), { recursive: true });
  writeFileSync(path.join(root, RESULTS), `${JSON.stringify(results, undefined, 1)}\n`);
  writeFileSync(path.join(root, CHART), draw(results));
  return complete;
}

/** Whether a run is good enough to be published: all rounds, full windows, this checkout alone. */
export function isPublishable({ isQuick, rounds, baseline }) {
  return !isQuick && rounds >= 5 && baseline === undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [argument = 'bench-results/latest.json'] = process.argv.slice(2);
  console.log(`published: ${publish(JSON.parse(readFileSync(path.resolve(root, argument), 'utf8'))).join(', ')}`);
}
