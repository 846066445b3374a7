// The native binary: `cargo build --release`, and its library copied to binding/ under the name that lib/native.ts looks for.
//
// Done here rather than by @napi-rs/cli. What we need of that tool is this one copy; it would bring 60 packages and 80 MB into every
// checkout, its loader cannot say what hawser's says where no binary fits, and the types it derives know nothing of batches that are
// built by hand. This file needs Node and cargo only, so that an installed package can be built from its own source as well.

import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { writeBinaries } from './binaries.mjs';
import { available, root, run, say, SetupError } from './run.mjs';
import { fingerprint, isFresh, markFresh, markStale } from './stamp.mjs';

const { binaryName } = createRequire(import.meta.url)('../../binding/platform.js');

const SOURCES = ['Cargo.toml', 'Cargo.lock', 'build.rs', 'rust-toolchain.toml', 'src'];

/** Builds the native binary unless it is there and made of the source as it stands. */
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
    const library = await build();
    // Renamed into place: a process that has the old file mapped keeps it whole.
    const target = path.join(root, product);
    mkdirSync(path.dirname(target), { recursive: true });
    copyFileSync(library, `${target}.new`);
    renameSync(`${target}.new`, target);
  } finally {
    // In a checkout the next build starts from there. In an installed package it would be 200 MB that nobody uses again.
    if (!existsSync(path.join(root, 'lib'))) rmSync(path.join(root, 'target'), { recursive: true, force: true, maxRetries: 3 });
  }
  markFresh('native', print);
}

/** Runs cargo, and gives the path of the library. */
async function build() {
  // Without the flag, a toolchain for musl links no shared library.
  const flags = binaryName().endsWith('-musl.node') ? { RUSTFLAGS: `${process.env.RUSTFLAGS ?? ''} -C target-feature=-crt-static`.trim() } : {};
  // Cargo says itself where the library is: a target directory or a default target may be configured anywhere.
  const { code, output } = await run('cargo', ['build', '--release', '--message-format=json-render-diagnostics'], { env: flags, quiet: true, handsOn: true });
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
