// Builds dist/: lib/ compiled to JavaScript, with its declarations and those of the entry.

import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { nameModules } from './client-modules.mjs';
import { writeEntryTypes } from './entry-types.mjs';
import { root, run, say, SetupError } from './run.mjs';
import { fingerprint, isFresh, markFresh, markStale } from './stamp.mjs';

const SOURCES = ['lib', 'binding/platform.d.ts', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.client.json', 'package-lock.json', 'scripts/setup/entry-types.mjs', 'scripts/setup/client-modules.mjs'];

/** Compiles lib/ unless dist/ is up to date. */
export async function ensureFacade() {
  const print = fingerprint(SOURCES);
  if (isFresh('facade', print, 'dist/index.js')) return;
  say('hawser: compiling lib/ to dist/ (tsc)');
  markStale('facade');
  // Compiles into a separate folder and then swaps: files that lib/ no longer has disappear, and readers never see a partial dist/.
  const made = path.join(root, '.cache', 'dist');
  rmSync(made, { recursive: true, force: true });
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const [facade, client] = await Promise.all([
    run(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--outDir', made], { quiet: true }),
    run(process.execPath, [tsc, '-p', 'tsconfig.client.json', '--outDir', path.join(made, 'esm')], { quiet: true }),
  ]);
  if (existsSync(path.join(made, 'index.js'))) {
    nameModules(path.join(made, 'esm'));
    writeEntryTypes(made);
    // npm does this for an installed package; a checkout runs its own file.
    chmodSync(path.join(made, 'cli', 'main.js'), 0o755);
    rmSync(path.join(root, 'dist'), { recursive: true, force: true });
    renameSync(made, path.join(root, 'dist'));
  }
  if (facade.code !== 0 || client.code !== 0) throw new SetupError(`${facade.output}\n${client.output}\nhawser: lib/ does not compile`);
  markFresh('facade', print);
}
