// What a binary for Linux needs from the system that loads it, as readelf shows it.

import { execFileSync } from 'node:child_process';
import { available, SetupError } from '../setup/run.mjs';

const MACHINES = { x64: 'X86-64', arm64: 'AArch64' };
/** Libraries that are part of every system with this C library. */
const LIBRARIES = {
  glibc: /^(libc|libm|libpthread|libdl|librt|libutil|libgcc_s|ld-linux-(x86-64|aarch64))\.so\.\d+$/,
  musl: /^(libc\.so|libc\.musl-(x86_64|aarch64)\.so\.1|libgcc_s\.so\.1)$/,
};

/** The processor, the libraries, and the newest symbol version of glibc that `file` needs. */
export function needsOf(file) {
  if (!available('readelf')) throw new SetupError('hawser: this needs readelf, of the package binutils');
  const text = execFileSync('readelf', ['--wide', '--file-header', '--dynamic', '--version-info', file], { encoding: 'utf8', maxBuffer: 64 << 20, env: { ...process.env, LC_ALL: 'C' } });
  const machine = /^\s*Machine:\s+(.*)$/m.exec(text)?.[1] ?? '';
  const libraries = [...text.matchAll(/\(NEEDED\)\s+Shared library: \[(.+)\]/g)].map(([, name]) => name);
  const versions = [...text.matchAll(/\bName: GLIBC_([\d.]+)/g)].map(([, version]) => version).sort(byVersion);
  return { machine, libraries, glibc: versions.at(-1) };
}

/** Fails unless the binary for a platform loads on every system that the platform's package is installed on. */
export function checkBinary(file, { cpu, libc }, oldestGlibc) {
  const { machine, libraries, glibc } = needsOf(file);
  const problems = [];
  if (!machine.includes(MACHINES[cpu])) problems.push(`it is for ${machine}`);
  const strange = libraries.filter((name) => !LIBRARIES[libc].test(name));
  if (strange.length > 0) problems.push(`it needs ${strange.join(', ')}`);
  if (libc === 'musl' && glibc !== undefined) problems.push('it needs glibc');
  if (libc === 'glibc' && glibc !== undefined && byVersion(glibc, oldestGlibc) > 0) problems.push(`it needs glibc ${glibc}, newer than ${oldestGlibc}`);
  if (problems.length > 0) throw new SetupError(`${file}: ${problems.join(', and ')}`);
  return { libraries, glibc };
}

/** Orders `2.4` before `2.17`. */
export function byVersion(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  const at = left.findIndex((part, i) => part !== right[i]);
  return at < 0 ? left.length - right.length : left[at] - (right[at] ?? -1);
}
