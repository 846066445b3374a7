// Writes the packages as they are published: hawser without a binary, and one package for each binary. npm installs the one that fits
// because hawser names all of them as optional dependencies, and each names its system, processor and C library.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { writeBinaries } from '../setup/binaries.mjs';
import { packedFiles } from '../setup/packages.mjs';
import { root } from '../setup/run.mjs';
import { packageName, PLATFORMS } from './platforms.mjs';

const { binaryName } = createRequire(import.meta.url)('../../binding/platform.js');

/** Texts that every package carries. */
const TEXTS = ['LICENSE', 'THIRD-PARTY.md'];
/** What an installed package can run. Everything else works in the repository only. */
const SCRIPTS = ['build', 'build:native'];
const SHARED = ['version', 'license', 'repository', 'engines'];

export const manifest = () => JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));

/** Writes the package without a binary into `folder`. */
export async function stageRoot(folder) {
  empty(folder);
  for (const file of await packedFiles()) {
    if (file.endsWith('.node') || file === 'binding/binaries.js' || file === 'package.json') continue;
    const copy = path.join(folder, file);
    mkdirSync(path.dirname(copy), { recursive: true });
    copyFileSync(path.join(root, file), copy);
  }
  const { scripts, ...own } = manifest();
  delete own.devDependencies;
  const optionalDependencies = Object.fromEntries(Object.keys(PLATFORMS).map((platform) => [packageName(platform), own.version]));
  const kept = Object.fromEntries(SCRIPTS.map((name) => [name, scripts[name]]));
  writeJson(path.join(folder, 'package.json'), { ...own, scripts: kept, optionalDependencies });
  writeBinaries(path.join(folder, 'binding'));
}

/** Writes the package for `platform`, with the binary `file`, into `folder`. */
export function stagePlatform(platform, file, folder) {
  empty(folder);
  const { os, cpu, libc, target } = PLATFORMS[platform];
  const own = manifest();
  const shared = Object.fromEntries(SHARED.map((key) => [key, own[key]]));
  const binary = binaryName(platform);
  writeJson(path.join(folder, 'package.json'), {
    name: packageName(platform),
    ...shared,
    description: `The native binary of hawser for ${platform}`,
    main: binary,
    files: [binary, ...TEXTS],
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
  });
  writeFileSync(
    path.join(folder, 'README.md'),
    `# ${packageName(platform)}\n\nThe native binary of [hawser](https://www.npmjs.com/package/hawser) for ${platform} (Rust's \`${target}\`). Install \`hawser\`: npm\ninstalls this package with it where it fits.\n`,
  );
  for (const text of TEXTS) copyFileSync(path.join(root, text), path.join(folder, text));
  copyFileSync(file, path.join(folder, binary));
}

function empty(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
