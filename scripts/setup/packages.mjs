// __test__/packages: applications' packages, with hawser copied to where they look for ioredis.

import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from './run.mjs';
import { fingerprint, isFresh, markFresh, markStale } from './stamp.mjs';

const folder = '__test__/packages';
const PLACE = `${folder}/node_modules/ioredis`;
const PACKAGE = ['package.json', 'index.js', 'index.mjs', 'index.d.ts', 'index.d.mts', 'built', 'dist', 'binding'];

/** Installs what the lock file of that folder names, and brings its copy of hawser up to date. */
export async function ensurePackages() {
  const locked = fingerprint([`${folder}/package.json`, `${folder}/package-lock.json`]);
  if (!isFresh('packages', locked, `${PLACE}/package.json`)) {
    say('hawser: installing the packages that are tested with it (npm install)');
    markStale('packages');
    // Not `npm ci`: it refuses a lock file without those optional binaries that a registry does not have.
    await npm(['install', '--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], path.join(root, folder));
    markFresh('packages', locked);
  }
  const print = fingerprint(PACKAGE, [locked]);
  if (isFresh('packages-hawser', print, `${PLACE}/package.json`)) return;
  markStale('packages-hawser');
  const listed = await npm(['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], root);
  const [{ files }] = JSON.parse(listed.slice(listed.indexOf('[')));
  rmSync(path.join(root, PLACE), { recursive: true, force: true });
  for (const { path: file } of files) {
    const copy = path.join(root, PLACE, file);
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(path.join(root, file), copy);
  }
  markFresh('packages-hawser', print);
}

async function npm(args, cwd) {
  const { code, output } = await run('npm', args, { cwd, quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: npm ${args[0]} failed in ${cwd}`);
  return output;
}
