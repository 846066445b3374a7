'use strict';
/**
 * How native binaries are named: `hawser.<platform>-<arch>[-<libc>].node`. The build and the loader both ask here, so that they cannot
 * disagree.
 */

/** `gnu` or `musl` on Linux, `msvc` on Windows, otherwise nothing. */
function libc() {
  if (process.platform === 'win32') return 'msvc';
  if (process.platform !== 'linux') return undefined;
  // The report of a glibc build names its version. Without this switch it would look up the names of all network peers.
  const before = process.report.excludeNetwork;
  process.report.excludeNetwork = true;
  try {
    return process.report.getReport().header.glibcVersionRuntime ? 'gnu' : 'musl';
  } finally {
    process.report.excludeNetwork = before;
  }
}

/** `linux-x64-gnu`, `darwin-arm64`, `win32-x64-msvc` ... for the process that asks. */
function platformName() {
  return [process.platform, process.arch, libc()].filter(Boolean).join('-');
}

/** The file name of the binary for `platform`. */
function binaryName(platform = platformName()) {
  return `hawser.${platform}.node`;
}

module.exports = { binaryName, platformName };
