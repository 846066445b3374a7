// Builds the native binary: runs `cargo build --release` and copies the library to binding/ under the name that lib/native.ts expects.
//
// This replaces @napi-rs/cli. We need only this copy from that tool; it would add 60 packages and 80 MB to every checkout, its loader
// lacks hawser's messages for missing binaries, and its generated types do not describe batches that are built by hand. This file needs
// only Node and cargo, so an installed package can also be built from its source.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { writeBinaries } from './binaries.mjs';
import { available, root, run, say, SetupError } from './run.mjs';
import { fingerprint, isFresh, markFresh, markStale } from './stamp.mjs';

const { binaryName } = createRequire(import.meta.url)('../../binding/platform.js');

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'rust-toolchain.toml', 'src'];

/** Builds the native binary unless it is up to date. */
export async function ensureNative() {
  await ensureBinary();
  writeBinaries();
}

async function ensureBinary() {
  const product = `binding/${binaryName()}`;
  const print = fingerprint(SOURCES, [product]);
  if (isFresh('native', print, product)) return;
  if (!available('cargo')) throw new SetupError(noCargo(product));
  say('hawser: building the native binary (cargo build --release), which takes a minute or two the first time');
  markStale('native');
  try {
    const library = await buildLibrary(['build'], binaryName().endsWith('-musl.node') ? muslFlags() : {});
    // Rename into place, so that a process that has mapped the old file keeps it intact.
    const target = path.join(root, product);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(library, `${target}.new`);
    renameSync(`${target}.new`, target);
  } finally {
    // A checkout keeps the folder for the next build. In an installed package it would waste 200 MB.
    if (!existsSync(path.join(root, 'lib'))) rmSync(path.join(root, 'target'), { recursive: true, force: true, maxRetries: 3 });
  }
  markFresh('native', print);
}

/** Without the flag, a toolchain for musl links no shared library. */
export const muslFlags = () => ({ RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() });

/** Runs cargo, or a `program` that stands for it. Returns the path of the library. */
export async function buildLibrary(args, env, program = 'cargo') {
  // Cargo reports the library's path, because the target directory or a default target may be configured elsewhere.
  const { code, output } = await run(program, [...args, '--release', '--message-format=json-render-diagnostics'], { env, quiet: true, handsOn: true });
  const messages = output.split('\n').filter((line) => line.startsWith('{'));
  if (code !== 0) {
    throw new SetupError(`${output.split('\n').filter((line) => !line.startsWith('{')).join('\n')}\nhawser: cargo build failed`);
  }
  const library = messages
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === 'compiler-artifact' && message.target.name === 'hawser')
    .flatMap((message) => message.filenames)
    .find((file) => /\.(so|dylib|dll)$/.test(file));
  if (!library) throw new SetupError('hawser: cargo built no library; is "cdylib" still among the crate types?');
  return library;
}

function noCargo(product) {
  const what = existsSync(path.join(root, product)) ? `${product} is older than the Rust source` : `${product} is missing`;
  return (
    `hawser: ${what}, and building it needs Rust, which is not on the PATH.\n` +
    'Install the stable toolchain (see https://www.rust-lang.org/tools/install), open a new shell, and run this again.'
  );
}
