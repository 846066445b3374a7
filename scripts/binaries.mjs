// Builds hawser's binaries for Linux, for all four combinations of processor and C library, and tries each on its own system: with QEMU
// where the processor is another one. macOS and Windows need their own machines; .github/workflows/release.yml has them.
//
//     node scripts/binaries.mjs                     all four; writes the table of docs/support.md
//     node scripts/binaries.mjs linux-x64-musl      these; writes nothing
//     node scripts/binaries.mjs --build-only ...    builds and looks at what a binary needs, and does not run it
//
// They are in .cache/binaries afterwards, where `node scripts/release.mjs pack` finds them. A platform that this machine cannot build or run
// is named with the reason, and the exit code is 1 after the others are done.

import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { checkBinary } from './binaries/elf.mjs';
import { nodesFor } from './binaries/emulators.mjs';
import { buildFor } from './binaries/build.mjs';
import { OLDEST_GLIBC, packageName, PLATFORMS } from './release/platforms.mjs';
import { setup } from './setup.mjs';
import { available, entry, root, run, say, SetupError } from './setup/run.mjs';
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
  const file = path.join(FOLDER, binaryName(platform));
  rmSync(file, { force: true });
  const library = await buildFor(platform);
  const { glibc } = checkBinary(library, PLATFORMS[platform], OLDEST_GLIBC);
  mkdirSync(FOLDER, { recursive: true });
  copyFileSync(library, file);
  const needs = PLATFORMS[platform].libc === 'musl' ? 'musl' : `glibc ${glibc}`;
  say(`  ${(statSync(file).size / 1e6).toFixed(1)} MB, needs ${needs}`);
  return needs;
}

/** Installs the packed packages for the platform and lets them work on its own Nodes. Returns what ran them. */
async function test(platform, release, url) {
  const { os, cpu, libc } = PLATFORMS[platform];
  const nodes = await nodesFor(platform);
  const flags = [`--os=${os}`, `--cpu=${cpu}`, `--libc=${libc}`];
  await withInstalled({ release, flags }, async (project) => {
    for (const { command, name } of nodes) {
      const failed = Object.entries(await smoke(command, project, url)).filter(([, result]) => result !== 'ok');
      for (const [check, result] of failed) say(`  ${check}: ${result}`);
      if (failed.length > 0) throw new SetupError(`hawser does not work on ${name}`);
      say(`  ${platform}: works on ${name}`);
    }
  });
  return `this run, on ${nodes.map(({ name }) => name).join(' and on ')}`;
}

async function packed() {
  const out = path.join(root, '.cache', 'binaries', 'release');
  rmSync(out, { recursive: true, force: true });
  const { code, output } = await run(process.execPath, ['scripts/release.mjs', 'pack', '--binaries', FOLDER, '--out', out], { quiet: true });
  if (code !== 0) throw new SetupError(output);
  return out;
}

/** Calls `work` for each platform. One that fails is named with the reason and added to `failed`, and the others go on. Returns the results. */
async function each(platforms, work, failed) {
  const results = {};
  for (const platform of platforms) {
    try {
      results[platform] = await work(platform);
    } catch (error) {
      say(`  ${platform}: ${error instanceof SetupError ? error.message : error.stack}`);
      failed.push(platform);
    }
  }
  return results;
}

/** The row of a platform in the table. */
function row(platform, needs, by, failed) {
  const known = needs ?? (platform.startsWith('darwin') ? 'macOS 11' : platform.startsWith('win32') ? 'Windows 10' : 'not known');
  const workflow = 'the release workflow alone';
  return [platform, `\`${packageName(platform)}\``, known, by ?? (failed ? `${workflow}; this run could not` : workflow)];
}

await entry(async () => {
  const unknown = positionals.find((name) => !LINUX.includes(name));
  if (unknown) throw new SetupError(`${unknown} is not built here; these are: ${LINUX.join(', ')}`);
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new SetupError('the binaries are built on Linux on x64');
  if (!available('cargo')) throw new SetupError('the binaries are built with Rust, whose cargo is not on the PATH (see https://www.rust-lang.org/tools/install)');
  const asked = positionals.length > 0 ? positionals : LINUX;
  const failed = [];
  const needs = await each(asked, build, failed);
  if (!values['build-only'] && Object.keys(needs).length > 0) {
    await setup({ server: true });
    const release = await packed();
    const by = await withRedis((url) => each(Object.keys(needs), (platform) => test(platform, release, url), failed));
    if (positionals.length === 0) {
      const rows = Object.keys(PLATFORMS).map((platform) => row(platform, needs[platform], by[platform], failed.includes(platform)));
      writeTable('binaries', ['platform', 'package', 'needs', 'built and tested by'], rows, `Written by \`npm run binaries\` on ${today()}.`);
    }
  }
  if (failed.length > 0) throw new SetupError(`not built or not tested here: ${failed.join(', ')}; the reasons are above`);
});
