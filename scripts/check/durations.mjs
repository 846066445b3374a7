// How long specs took the last time, from the reports of jest: those of `npm test`, and that of the quick loop itself.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { root } from '../setup/run.mjs';

const CACHE = path.join(root, '.cache');
/** What a spec counts that has never run here. */
const UNKNOWN_SECONDS = 5;

/** The report that the quick loop leaves. */
export const REPORT = path.join(CACHE, 'check.json');

/** Seconds by spec; of several reports, the newest one counts. */
export function durations(folder = CACHE) {
  const reports = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')).map((name) => path.join(folder, name)) : [];
  const seconds = new Map();
  for (const file of reports.sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)) {
    for (const { name, startTime, endTime } of testsOf(file)) seconds.set(path.relative(root, name).split(path.sep).join('/'), (endTime - startTime) / 1000);
  }
  return (spec) => seconds.get(spec) ?? UNKNOWN_SECONDS;
}

/** Other files in the folder are no reports. */
function testsOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).testResults ?? [];
  } catch {
    return [];
  }
}
