// Publishes packed packages. hawser comes last, after the registry shows all the others, so that nobody can install a hawser whose
// binaries are not there yet.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run, say, SetupError } from '../setup/run.mjs';
import { packageName, PLATFORMS } from './platforms.mjs';

/** A registry needs some seconds until it shows what it took. */
const SHOWN_MS = 5 * 60_000;

/** Publishes the packages in `folder`. All of them have to be there. */
export async function publishAll(folder, version, tag) {
  const fileOf = (name) => path.join(folder, `${name}-${version}.tgz`);
  const binaries = Object.keys(PLATFORMS).map(packageName);
  const missing = [...binaries, 'hawser'].filter((name) => !existsSync(fileOf(name)));
  if (missing.length > 0) throw new SetupError(`these packages are not packed in ${folder}: ${missing.join(', ')}`);
  const { output: registry } = await run('npm', ['config', 'get', 'registry'], { quiet: true });
  const has = (name) => isPublished(registry.trim(), name, version);
  for (const name of [...binaries, 'hawser']) {
    if (name === 'hawser') for (const binary of binaries) await shown(binary, has);
    if (await has(name)) say(`${name}@${version} is published already`);
    else await publish(name, version, fileOf(name), tag);
  }
  await shown('hawser', has);
}

async function publish(name, version, file, tag) {
  say(`publishing ${name}@${version}`);
  // Provenance is a statement by GitHub about its own runner; nobody else can make one.
  const provenance = process.env.GITHUB_ACTIONS === 'true' ? ['--provenance'] : [];
  const { code, output } = await run('npm', ['publish', file, '--access', 'public', '--tag', tag, '--ignore-scripts', ...provenance], { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nnpm publish failed for ${name}@${version}`);
}

/** Asks the registry itself: npm would answer from its cache. */
async function isPublished(registry, name, version) {
  const response = await fetch(`${registry.replace(/\/$/, '')}/${name}`, { headers: { 'cache-control': 'no-cache' } });
  return response.ok && Object.hasOwn((await response.json()).versions ?? {}, version);
}

async function shown(name, has) {
  for (const end = Date.now() + SHOWN_MS; !(await has(name)); await pause(1000)) {
    if (Date.now() > end) throw new SetupError(`the registry does not show ${name}; run this again to go on`);
  }
}
