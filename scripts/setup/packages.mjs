// Installs the folders that have lock files of their own: packages of applications, with hawser copied to the place of ioredis, the tools
// that compile, bundle and run hawser, and what builds the documentation.

import { copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from './run.mjs';
import { fingerprint, isFresh, markFresh, markStale } from './stamp.mjs';

const PACKAGES = '__test__/packages';
const TOOLS = '__test__/package/tools';
const RUNTIMES = '__test__/runtimes';
const PLACE = `${PACKAGES}/node_modules/ioredis`;
const PACKAGE = ['package.json', 'index.js', 'index.mjs', 'index.d.ts', 'index.d.mts', 'built', 'dist', 'binding'];

/** Installs __test__/packages and updates its copy of hawser. */
export async function ensurePackages() {
  const locked = await ensureFolder(PACKAGES, 'packages', 'packages that are tested with it', `${PLACE}/package.json`);
  const print = fingerprint(PACKAGE, [locked]);
  if (isFresh('packages-hawser', print, `${PLACE}/package.json`)) return;
  markStale('packages-hawser');
  rmSync(path.join(root, PLACE), { recursive: true, force: true });
  for (const file of await packedFiles()) {
    const copy = path.join(root, PLACE, file);
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(path.join(root, file), copy);
  }
  // Under its own name as well, for its entry points beside the main one: the same folder, so the same modules.
  const own = path.join(root, PACKAGES, 'node_modules', 'hawser');
  rmSync(own, { recursive: true, force: true });
  symlinkSync('ioredis', own, 'junction');
  markFresh('packages-hawser', print);
}

/** The paths of the files that npm packs. */
export async function packedFiles() {
  const listed = await npm(['pack', '--dry-run', '--json', '--ignore-scripts', '--loglevel=error'], root);
  const [{ files }] = JSON.parse(listed.slice(listed.indexOf('[')));
  return files.map(({ path: file }) => file);
}

/** Installs __test__/package/tools. */
export async function ensureTools() {
  await ensureFolder(TOOLS, 'tools', 'compilers, bundlers and runtimes that it is tested with');
}

/** Installs docs/, which builds the site. */
export async function ensureDocs() {
  await ensureFolder('docs', 'docs', 'tools of the documentation', 'docs/node_modules/vitepress');
}

/** Installs __test__/runtimes. */
export async function ensureRuntimes() {
  await ensureFolder(RUNTIMES, 'runtimes', 'runtimes that it is tested on');
}

/** Installs the packages of `folder` unless they are up to date. Returns a fingerprint of their versions. */
async function ensureFolder(folder, name, what, product = `${folder}/node_modules`) {
  const locked = fingerprint([`${folder}/package.json`, `${folder}/package-lock.json`]);
  if (!isFresh(name, locked, product)) {
    say(`hawser: installing the ${what} (npm install)`);
    markStale(name);
    // `npm ci` would refuse a lock file that lacks optional binaries which a registry does not have.
    await npm(['install', '--no-save', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], path.join(root, folder));
    markFresh(name, locked);
  }
  return locked;
}

async function npm(args, cwd) {
  const { code, output } = await run('npm', args, { cwd, quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: npm ${args[0]} failed in ${cwd}`);
  return output;
}
