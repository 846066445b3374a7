// Installs node_modules from package-lock.json.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from './run.mjs';

/** Runs `npm ci` unless node_modules matches package-lock.json. */
export async function ensureDependencies() {
  if (isInstalled()) return;
  say('hawser: installing dependencies (npm ci)');
  // No dependency needs an install script to work here.
  const { code, output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: npm ci failed`);
}

/** npm writes a copy of the lock file into node_modules, without the packages for other platforms. */
function isInstalled() {
  const copy = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(copy)) return false;
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const there = JSON.parse(readFileSync(copy, 'utf8')).packages;
  return Object.entries(wanted).every(([where, { version, optional }]) => {
    if (where === '') return true;
    return there[where] ? there[where].version === version : optional === true;
  });
}
