// Builds hawser's binaries for Linux, for all four combinations of processor and C library, and tries each on its own system: with QEMU
// where the processor is another one. macOS and Windows need their own machines; .github/workflows/release.yml has them.
//
//     node scripts/binaries.mjs                     all four; writes the table of docs/support.md
//     node scripts/binaries.mjs linux-x64-musl      these; writes nothing
//     node scripts/binaries.mjs --build-only ...    builds and looks at what a binary needs, and does not run it
//
// They are in .cache/binaries afterwards, where `node scripts/release.mjs pack` finds them.

import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkBinary } from './binaries/elf.mjs';
import { nodeFor } from './binaries/emulators.mjs';
import { buildFor } from './binaries/build.mjs';
import { OLDEST_GLIBC, packageName, PLATFORMS } from './release/platforms.mjs';
import { setup } from './setup.mjs';
import { entry, root, run, say, SetupError } from './setup/run.mjs';
import { withInstalled } from './smoke/project.mjs';
import { withRedis } from './smoke/redis.mjs';
import { smoke } from './smoke/run.mjs';
import { today, writeTable } from './support/table.mjs';

const { binaryName } = createRequire(import.meta.url)('../binding/platform.js');
const FOLDER = path.join(root, '.cache', 'binaries');
const LINUX = Object.keys(PLATFORMS).filter((platform) => platform.startsWith('linux-'));

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'build-only': { type: 'boolean', default: false } } });

/** Builds one binary and looks at it. Returns what it needs. */
async function build(platform) {
  say(`\n${platform}`);
  const library = await buildFor(platform);
  const file = path.join(FOLDER, binaryName(platform));
  mkdirSync(FOLDER, { recursive: true });
  copyFileSync(library, file);
  const { glibc } = checkBinary(file, PLATFORMS[platform], OLDEST_GLIBC);
  const needs = glibc === undefined ? 'musl' : `glibc ${glibc}`;
  say(`  ${(statSync(file).size / 1e6).toFixed(1)} MB, needs ${needs}`);
  return needs;
}

/** Installs the packed packages for the platform and lets them work on its own Node. Returns what ran them. */
async function test(platform, release, url) {
  const { os, cpu, libc } = PLATFORMS[platform];
  const { command, version, emulated } = await nodeFor(platform);
  const seen = await withInstalled({ release, flags: [`--os=${os}`, `--cpu=${cpu}`, `--libc=${libc}`] }, (project) => smoke(command, project, url));
  const failed = Object.entries(seen).filter(([, result]) => result !== 'ok');
  for (const [name, result] of failed) say(`  ${name}: ${result}`);
  if (failed.length > 0) throw new SetupError(`hawser does not work on ${platform}`);
  const by = `Node ${version}${emulated ? ' in QEMU' : ''}`;
  say(`  ${platform}: works on ${by}`);
  return by;
}

async function packed() {
  const out = path.join(root, '.cache', 'binaries', 'release');
  rmSync(out, { recursive: true, force: true });
  const { code, output } = await run(process.execPath, ['scripts/release.mjs', 'pack', '--binaries', FOLDER, '--out', out], { quiet: true });
  if (code !== 0) throw new SetupError(output);
  return out;
}

function elsewhere(platform) {
  return [platform, `\`${packageName(platform)}\``, platform.startsWith('darwin') ? 'macOS 11' : 'Windows 10', 'the release workflow'];
}

await entry(async () => {
  const unknown = positionals.find((name) => !LINUX.includes(name));
  if (unknown) throw new SetupError(`${unknown} is not built here; these are: ${LINUX.join(', ')}`);
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new SetupError('the binaries are built on Linux on x64');
  const asked = positionals.length > 0 ? positionals : LINUX;
  const needs = {};
  for (const platform of asked) needs[platform] = await build(platform);
  if (values['build-only']) return;
  await setup({ server: true });
  const release = await packed();
  const by = {};
  await withRedis(async (url) => {
    for (const platform of asked) by[platform] = await test(platform, release, url);
  });
  if (positionals.length > 0) return;
  const rows = Object.keys(PLATFORMS).map((platform) => (needs[platform] ? [platform, `\`${packageName(platform)}\``, needs[platform], by[platform]] : elsewhere(platform)));
  writeTable('binaries', ['platform', 'package', 'needs', 'tested by'], rows, `Written by \`npm run binaries\` on ${today()}.`);
});
