// Writes binding/binaries.js, which has one `require` for each native binary beside it. Bundlers and tracers follow only literal paths,
// and most of them fail or warn if a path does not exist, so the file names exactly the binaries that exist.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/** Writes the file unless it is already correct. */
export function writeBinaries(folder = path.join(root, 'binding')) {
  const platforms = readdirSync(folder)
    .flatMap((file) => /^hawser\.([\w-]+)\.node$/.exec(file)?.[1] ?? [])
    .sort();
  const text = source(platforms);
  const file = path.join(folder, 'binaries.js');
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

function source(platforms) {
  const cases = platforms.map((platform) => `    case '${platform}':\n      return require('./hawser.${platform}.node');\n`).join('');
  return `'use strict';
/**
 * Written by scripts/setup/binaries.mjs. Each binary has a literal path, because bundlers and tracers follow no other paths.
 *
 * Does your bundler stop here? Leave hawser out of the bundle: docs/deployment.md of its repository has the line for each bundler.
 */
exports.platforms = [${platforms.map((platform) => `'${platform}'`).join(', ')}];

exports.requireBinary = (platform) => {
  switch (platform) {
${cases}    default:
      return undefined;
  }
};
`;
}
