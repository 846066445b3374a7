// Builds the library for another system: zig links it. Rust's standard library for it is the toolchain's own, if it was added there
// (`rustup target add`), and otherwise Debian's: there is one for arm64, and for musl it is compiled from Debian's copy of its source.

import { chmodSync, existsSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { OLDEST_GLIBC, PLATFORMS } from '../release/platforms.mjs';
import { buildLibrary, muslFlags } from '../setup/native.mjs';
import { root, run, say } from '../setup/run.mjs';
import { unpackDebian } from './debian.mjs';
import { ensureZig } from './zig.mjs';

/** What Debian's rustc needs beside itself. */
const RUSTC_PARTS = /^(libstd-rust.*|libllvm\d+|libc6|libgcc-s1|libstdc\+\+6|zlib1g|libzstd1|libxml2.*|libedit2|libffi8|libtinfo6|libbsd0|libmd0|liblzma5|libz3-4|libicu\d+)$/;

/** Builds the library for a platform of Linux. Returns its path. */
export async function buildFor(platform) {
  const { target, libc } = PLATFORMS[platform];
  const zig = await ensureZig();
  const std = await standardLibrary(platform);
  const args = ['zigbuild', '--locked', '--target', libc === 'glibc' ? `${target}.${OLDEST_GLIBC}` : target, ...std.args];
  say('  building it (cargo build --release)');
  return buildLibrary(args, { ...zig.env, ...std.env, ...(libc === 'musl' ? muslFlags() : {}) }, zig.program);
}

/** What cargo is told to find the standard library for a platform: nothing if the toolchain has it. This downloads nothing with rustup. */
async function standardLibrary(platform) {
  const { target, libc, cpu } = PLATFORMS[platform];
  const { output: sysroot } = await run('rustc', ['--print', 'sysroot'], { quiet: true });
  if (existsSync(path.join(sysroot.trim(), 'lib', 'rustlib', target, 'lib'))) return { args: [], env: {} };
  const rust = await unpackDebian('rust', ['rustc', 'rust-src'], { arch: 'amd64', also: RUSTC_PARTS });
  const own = rustc(rust, platform, libc === 'glibc' ? await unpackDebian(`rust-${cpu}`, ['libstd-rust-dev'], { arch: cpu, also: /^libstd-rust-\d/ }) : undefined);
  const targetFolder = { CARGO_TARGET_DIR: path.join(root, '.cache', 'binaries', 'target') };
  if (libc === 'glibc') return { args: [], env: { ...own, ...targetFolder } };
  const source = path.join(rust, 'usr', 'lib', 'rustlib', 'src', 'rust', 'library');
  return { args: ['-Zbuild-std=std,panic_unwind'], env: { ...own, ...targetFolder, RUSTC_BOOTSTRAP: '1', __CARGO_TESTS_ONLY_SRC_ROOT: source } };
}

/** Debian's rustc starts with the C library beside it, which is newer than that of this system. `std` has the target's standard library. */
function rustc(rust, platform, std) {
  const place = path.join(rust, 'usr');
  const libraries = path.join(place, 'lib', 'x86_64-linux-gnu');
  const { target } = PLATFORMS[platform];
  const there = path.join(place, 'lib', 'rustlib', target);
  if (std !== undefined && !existsSync(there)) symlinkSync(path.join(std, 'usr', 'lib', 'rustlib', target), there);
  const script = path.join(rust, 'rustc');
  const command = [path.join(place, 'lib64', 'ld-linux-x86-64.so.2'), '--library-path', libraries, path.join(place, 'bin', 'rustc'), '--sysroot', place];
  writeFileSync(script, `#!/bin/sh\nexec ${command.map((word) => `'${word}'`).join(' ')} "$@"\n`);
  chmodSync(script, 0o755);
  return { RUSTC: script };
}
