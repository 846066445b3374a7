// Packs and publishes hawser: one package for each binary, and hawser itself, which has none.
//
//     node scripts/release.mjs pack               packs hawser and a package for each binary that is here, into .cache/release
//     node scripts/release.mjs pack --all         the same, and fails if a platform's binary is missing
//     node scripts/release.mjs publish            publishes what was packed: the binaries first, then hawser
//     node scripts/release.mjs publish --tag TAG  under another tag than `latest`, or `next` for a version such as 5.1.0-beta.1
//
// Binaries are taken from binding/ and .cache/binaries, or from the folder that `--binaries` names. Publishing goes on where an earlier
// attempt stopped: it skips what the registry has.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { PLATFORMS } from './release/platforms.mjs';
import { publishAll } from './release/publish.mjs';
import { manifest, stagePlatform, stageRoot } from './release/stage.mjs';
import { setup } from './setup.mjs';
import { entry, root, run, say, SetupError } from './setup/run.mjs';

const { binaryName } = createRequire(import.meta.url)('../binding/platform.js');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    binaries: { type: 'string', multiple: true, default: ['.cache/binaries', 'binding'] },
    out: { type: 'string', default: '.cache/release' },
    tag: { type: 'string' },
  },
});
const out = path.resolve(root, values.out);

/** The binaries that are here, by platform. A folder that is named first wins. */
function binariesHere() {
  const found = Object.keys(PLATFORMS).flatMap((platform) => {
    const file = values.binaries.map((folder) => path.resolve(root, folder, binaryName(platform))).find((name) => existsSync(name));
    return file === undefined ? [] : [[platform, file]];
  });
  return new Map(found);
}

async function pack() {
  await setup({ facadeOnly: values.all });
  const { version } = manifest();
  const crate = /^version = "(.+)"$/m.exec(readFileSync(path.join(root, 'Cargo.toml'), 'utf8'))?.[1];
  if (crate !== version) throw new SetupError(`package.json has version ${version}, Cargo.toml has ${crate}: they must be the same`);
  const binaries = binariesHere();
  const missing = Object.keys(PLATFORMS).filter((platform) => !binaries.has(platform));
  if (values.all && missing.length > 0) throw new SetupError(`these binaries are missing in ${values.binaries.join(' and ')}: ${missing.join(', ')}`);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  for (const [platform, file] of binaries) {
    stagePlatform(platform, file, path.join(out, 'stage', platform));
    await npmPack(path.join(out, 'stage', platform));
  }
  await stageRoot(path.join(out, 'stage', 'hawser'));
  await npmPack(path.join(out, 'stage', 'hawser'));
  rmSync(path.join(out, 'stage'), { recursive: true });
  for (const file of readdirSync(out)) say(path.join(values.out, file));
  if (missing.length > 0) say(`no binary here for ${missing.join(', ')}`);
}

async function npmPack(folder) {
  const { code, output } = await run('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', out], { cwd: folder, quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nnpm pack failed in ${folder}`);
}

await entry(async () => {
  const [command] = positionals;
  if (command === 'pack') return pack();
  // `npm publish` in the repository would publish a hawser with this machine's binary and no other.
  if (command === 'refuse') throw new SetupError('hawser is published by `npm run release -- publish`, which publishes its binaries as well');
  const { version } = manifest();
  if (command === 'publish') return publishAll(out, version, values.tag ?? (version.includes('-') ? 'next' : 'latest'));
  throw new SetupError('usage: node scripts/release.mjs pack [--all] [--binaries FOLDER] [--out FOLDER]\n       node scripts/release.mjs publish [--tag TAG] [--out FOLDER]');
});
