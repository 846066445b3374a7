// Writes binding/binaries.js, which has one `require` for each native binary: those beside it, and those in packages of their own, which
// package.json names as optional dependencies once hawser is published. Bundlers and tracers follow only literal paths, and most of them
// fail or warn if a path does not exist, so the file names exactly the binaries that may exist.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

/** Writes the file unless it is already correct. `folder` is a package's folder `binding`. */
export function writeBinaries(folder = path.join(root, 'binding')) {
  const here = readdirSync(folder)
    .flatMap((file) => /^hawser\.([\w-]+)\.node$/.exec(file)?.[1] ?? [])
    .sort();
  // A binary that was built here is used in place of a package.
  const elsewhere = platformPackages(path.join(folder, '..', 'package.json')).filter((platform) => !here.includes(platform));
  const text = source(here, elsewhere);
  const file = path.join(folder, 'binaries.js');
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/** The platforms that have a package of their own. In the repository there are none. */
function platformPackages(manifest) {
  const { optionalDependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
  return Object.keys(optionalDependencies)
    .flatMap((name) => /^hawser-(.+)$/.exec(name)?.[1] ?? [])
    .sort();
}

function source(here, elsewhere) {
  const list = (platforms) => platforms.map((platform) => `'${platform}'`).join(', ');
  const cases = (platforms, nameOf, member = '') => platforms.map((platform) => `    case '${platform}':\n      return require('${nameOf(platform)}')${member};\n`).join('');
  return `'use strict';
/**
 * Written by scripts/setup/binaries.mjs. Each binary has a literal path, because bundlers and tracers follow no other paths.
 *
 * Does your bundler stop here? Leave hawser out of the bundle: docs/deployment.md of its repository has the line for each bundler.
 */
exports.platforms = [${list([...here, ...elsewhere].sort())}];
exports.packages = [${list(elsewhere)}];

exports.requireBinary = (platform) => {
  switch (platform) {
${cases(here, (name) => `./hawser.${name}.node`)}    default:
      return ${elsewhere.length > 0 ? 'fromPackage(platform)' : 'undefined'};
  }
};
${elsewhere.length > 0 ? inTry('fromPackage', cases(elsewhere, (name) => `hawser-${name}`)) : ''}
exports.packageVersion = ${elsewhere.length > 0 ? '(platform) => versionOf(platform)' : '() => undefined'};
${elsewhere.length > 0 ? inTry('versionOf', cases(elsewhere, (name) => `hawser-${name}/package.json`, '.version')) : ''}`;
}

/** Only the package of this platform is installed. Bundlers do not fail at the others, because their \`require\` is in a \`try\`. */
function inTry(name, cases) {
  return `
function ${name}(platform) {
  try {
    switch (platform) {
${cases.replace(/^/gm, '  ').trimEnd()}
      default:
        return undefined;
    }
  } catch (error) {
    throw error;
  }
}
`;
}
