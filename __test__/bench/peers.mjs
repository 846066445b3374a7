// Installs the peers into this folder, from its own package-lock.json.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { root, run, say, SetupError } from '../../scripts/setup/run.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Runs `npm ci` in this folder unless node_modules matches the lock file. */
export async function ensurePeers() {
  if (isInstalled()) return;
  say('hawser: installing the peers of the bench (npm ci in __test__/bench)');
  const { code, output } = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: here, quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: npm ci failed in __test__/bench`);
}

/** npm leaves a copy of the lock file in node_modules, without the packages of other platforms. */
function isInstalled() {
  const copy = path.join(here, 'node_modules', '.package-lock.json');
  if (!existsSync(copy)) return false;
  const packages = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;
  const there = packages(copy);
  return Object.entries(packages(path.join(here, 'package-lock.json'))).every(([where, { version, optional }]) => {
    if (where === '') return true;
    return there[where] ? there[where].version === version : optional === true;
  });
}

/** The installed versions: `{ ioredis6: '6.0.0', ... }`. */
export function peerVersions() {
  const require = createRequire(path.join(here, 'package.json'));
  const names = Object.keys(require('./package.json').dependencies);
  return Object.fromEntries(names.map((name) => [name, versionOf(name)]));
}

/** The version of hawser. */
export const ownVersion = () => JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version;

function versionOf(name) {
  const file = path.join(here, 'node_modules', name, 'package.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : 'missing';
}
