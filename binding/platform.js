'use strict';
/**
 * The names of native binaries: `hawser.<platform>-<arch>[-<libc>].node`. The build and the loader both use this file, so that they
 * agree.
 */

/** `gnu` or `musl` on Linux, `msvc` on Windows, otherwise nothing. */
function libc() {
  if (process.platform === 'win32') return 'msvc';
  if (process.platform !== 'linux') return undefined;
  for (const look of [dynamicLoader, lddScript, report]) {
    try {
      const found = look();
      if (found !== undefined) return found;
    } catch {
      // Missing or not permitted: Deno requires a permission for each of these.
    }
  }
  return 'gnu';
}

/**
 * Reads the name of the dynamic loader from the file of the running program: `/lib/ld-musl-x86_64.so.1`, `/lib64/ld-linux-x86-64.so.2`. It
 * is near the start, unless a tool has changed the program: then the file's own table says where.
 */
function dynamicLoader() {
  const { closeSync, openSync, readSync } = require('node:fs');
  const file = openSync(process.execPath, 'r');
  const read = (position) => {
    const bytes = Buffer.alloc(4096);
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, position));
  };
  const inText = (bytes) => libraryIn(bytes.toString('latin1'), /\/ld-musl-/, /\/ld-linux|\/ld64\.so\.|\/ld\.so\.1\0/);
  try {
    const start = read(0);
    const elsewhere = loaderPosition(start);
    return inText(start) ?? (elsewhere === undefined ? undefined : inText(read(elsewhere)));
  } finally {
    closeSync(file);
  }
}

/** Where a 64-bit ELF file has the loader's name: the segment PT_INTERP of its program headers. */
function loaderPosition(start) {
  const PT_INTERP = 3;
  const [table, size, count] = [Number(start.readBigUInt64LE(32)), start.readUInt16LE(54), start.readUInt16LE(56)];
  for (let at = table; at < table + size * count && at + size <= start.length; at += size) {
    if (start.readUInt32LE(at) === PT_INTERP) return Number(start.readBigUInt64LE(at + 8));
  }
  return undefined;
}

/** `ldd` is a script that names its C library. */
function lddScript() {
  return libraryIn(require('node:fs').readFileSync('/usr/bin/ldd', 'latin1'), /\bmusl\b/, /GNU C Library|GLIBC/);
}

function libraryIn(text, musl, gnu) {
  if (musl.test(text)) return 'musl';
  return gnu.test(text) ? 'gnu' : undefined;
}

/**
 * The process report of a glibc build names its version. This is the last choice, because it is the slowest and Deno requires a separate
 * permission.
 */
function report() {
  // Otherwise the report would look up the names of all network peers.
  const before = process.report.excludeNetwork;
  process.report.excludeNetwork = true;
  try {
    return process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl';
  } finally {
    process.report.excludeNetwork = before;
  }
}

/** The platform of this process: `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc` ... */
function platformName() {
  return [process.platform, process.arch, libc()].filter(Boolean).join('-');
}

/** The file name of the binary for `platform`. */
function binaryName(platform = platformName()) {
  return `hawser.${platform}.node`;
}

module.exports = { binaryName, platformName };
