// Prepares everything that hawser needs to run from its source. Fast if nothing is missing. `npm run build` runs this, and `npm run demo`
// and `npm test` run it first.
//
//     node scripts/setup.mjs             dependencies, native binary, dist/
//     node scripts/setup.mjs --server    the same, a redis-server and faketime
//     node scripts/setup.mjs --packages  the same and what __test__/packages starts
//     node scripts/setup.mjs --tools     the same and the compilers, bundlers and runtimes of __test__/package
//     node scripts/setup.mjs --example   the same and examples/shipcrowd, in a folder outside the repository, whose name it prints
//     node scripts/setup.mjs --browser   the same and a Chromium
//     node scripts/setup.mjs --postgres  the same and the programs of a Postgres server, whose folder it prints unless they are on the PATH
//     node scripts/setup.mjs --runtimes  the same and the runtimes of __test__/runtimes
//     node scripts/setup.mjs --native    the native binary alone

import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ensureBrowser } from './setup/browser.mjs';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureExample } from './setup/example.mjs';
import { ensureFacade } from './setup/facade.mjs';
import { ensureNative } from './setup/native.mjs';
import { ensurePackages, ensureRuntimes, ensureTools } from './setup/packages.mjs';
import { ensurePostgres } from './setup/postgres.mjs';
import { entry, root, say, SetupError } from './setup/run.mjs';
import { ensureFakeTime, ensureServer } from './setup/server.mjs';

/** Prepares what is missing. In an installed package, which has no lib/, that can only be the native binary. */
export async function setup({ server = false, packages = false, tools = false, example = false, browser = false, postgres = false, runtimes = false, nativeOnly = false, facadeOnly = false } = {}) {
  if (Number(process.versions.node.split('.')[0]) < 20) throw new SetupError(`hawser needs Node 20 or newer; this is ${process.version}`);
  const unlock = await lock();
  try {
    const checkout = existsSync(path.join(root, 'lib'));
    if (checkout && !nativeOnly) await ensureDependencies();
    if (!facadeOnly) await ensureNative();
    if (checkout && !nativeOnly) await ensureFacade();
    if (server) {
      await ensureServer();
      await ensureFakeTime();
    }
    if (packages) await ensurePackages();
    if (tools) await ensureTools();
    if (example) process.stdout.write(`${await ensureExample()}\n`);
    if (browser) await ensureBrowser();
    if (postgres) process.stdout.write(`${await ensurePostgres()}\n`);
    if (runtimes) await ensureRuntimes();
  } finally {
    unlock();
  }
}

/** Allows one set-up at a time in a checkout. Ignores a lock whose holder is gone. */
async function lock() {
  const file = path.join(root, '.cache', 'setup.lock');
  mkdirSync(path.dirname(file), { recursive: true });
  for (let told = false; ; ) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(file)) {
      rmSync(file, { force: true });
    } else {
      if (!told) say('hawser: waiting for another set-up in this folder');
      told = true;
      await pause(200);
    }
  }
}

function isAbandoned(file) {
  try {
    const holder = Number(readFileSync(file, 'utf8'));
    // The file was created but is still empty.
    if (!holder) return Date.now() - statSync(file).mtimeMs > 5000;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const asked = (flag) => process.argv.includes(flag);
  await entry(() => setup({ server: asked('--server'), packages: asked('--packages'), tools: asked('--tools'), example: asked('--example'), browser: asked('--browser'), postgres: asked('--postgres'), runtimes: asked('--runtimes'), nativeOnly: asked('--native') }));
}
