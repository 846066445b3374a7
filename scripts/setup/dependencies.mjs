// node_modules, as package-lock.json has it.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from './run.mjs';

/** Runs `npm ci` unless node_modules holds what package-lock.json names. */
export async function ensureDependencies() {
  if (isInstalled()) return;
  say('hawser: installing dependencies (npm ci)');
  // No dependency has to compile or download anything to work here.
  const { code, output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: npm ci failed`);
}

/** npm leaves in node_modules a copy of the lock file, reduced to what it installed: packages for other platforms are left out. */
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
