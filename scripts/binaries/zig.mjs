// zig as the C compiler and linker: it links for every Linux, and against glibc as old as it is asked to. cargo-zigbuild tells cargo how
// to use it. Both are Python wheels, unpacked below .cache.

import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { available, root, run, say, SetupError } from '../setup/run.mjs';

const WHEELS = ['ziglang==0.15.*', 'cargo-zigbuild==0.23.*'];

/** Installs zig and cargo-zigbuild unless they are there. Returns the environment for both. */
export async function ensureZig() {
  const place = path.join(root, '.cache', 'zig');
  const programs = { zig: path.join(place, 'ziglang', 'zig'), zigbuild: path.join(place, 'bin', 'cargo-zigbuild') };
  if (!Object.values(programs).every((file) => existsSync(file))) {
    if (!available('python3', '-m', 'pip', '--version')) throw new SetupError('hawser: this needs python3 with pip');
    say('hawser: installing zig and cargo-zigbuild (pip install)');
    rmSync(place, { recursive: true, force: true });
    const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--target', place, ...WHEELS];
    const { code, output } = await run('python3', args, { quiet: true });
    if (code !== 0) throw new SetupError(`${output}\nhawser: pip could not install ${WHEELS.join(' and ')}`);
  }
  return { program: programs.zigbuild, env: { CARGO_ZIGBUILD_ZIG_PATH: programs.zig } };
}
