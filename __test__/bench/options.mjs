// The options of the command line.

import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { SetupError } from '../../scripts/setup/run.mjs';

const SECTIONS = ['raw', 'surface', 'cluster', 'thread', 'hits', 'near', 'invalidate', 'bullmq'];

export const USAGE = `npm run bench [-- options]
  --only <sections>            raw, surface, cluster, thread, hits, near, invalidate, bullmq: these, separated by commas; a name alone says the same
  --quick                      two rounds of shorter measurements, no 1,000,000 entries
  --rounds N                   rounds per measurement (5)
  --baseline <folder>          another checkout, built: measured beside this one as 'hawser, baseline'
  --as-built                   measures what is built, without a look at the sources
  --help`;

/** Options by name. Throws a SetupError for an unknown one. */
export function parseOptions(args) {
  const options = { sections: SECTIONS, isQuick: false, rounds: undefined, baseline: undefined, asBuilt: false, help: false };
  const rest = [...args];
  const value = (name) => rest.shift() ?? refuse(`${name} needs a value`);
  while (rest.length > 0) {
    const name = rest.shift();
    if (name === '--only') options.sections = sectionsOf(value(name));
    else if (name === '--quick') options.isQuick = true;
    else if (name === '--rounds') options.rounds = roundsOf(value(name));
    else if (name === '--baseline') options.baseline = folderUrl(value(name));
    else if (name === '--as-built') options.asBuilt = true;
    else if (!name.startsWith('-')) options.sections = sectionsOf(name);
    else if (name === '--help') options.help = true;
    else refuse(`unknown option ${name}`);
  }
  options.rounds ??= options.isQuick ? 2 : 5;
  // Less, and the compiler is measured.
  options.warmMs = options.isQuick ? 400 : 500;
  options.windowMs = options.isQuick ? 150 : 500;
  return options;
}

function sectionsOf(text) {
  const names = text.split(',');
  const unknown = names.filter((name) => !SECTIONS.includes(name));
  return unknown.length === 0 ? names : refuse(`no section is called ${unknown.join(', ')}; there are: ${SECTIONS.join(', ')}`);
}

function roundsOf(text) {
  const rounds = Number(text);
  return Number.isInteger(rounds) && rounds > 0 ? rounds : refuse(`--rounds must be a positive integer, got ${text}`);
}

/** A folder as the base of module URLs. */
export function folderUrl(folder) {
  return `${pathToFileURL(path.resolve(folder)).href}/`;
}

function refuse(message) {
  throw new SetupError(`${message}\n\n${USAGE}`);
}
