// Decides whether something must be built again. A stamp is a hash over all inputs of the last build.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

const stamps = path.join(root, '.cache', 'stamps');

/** A hash over the contents of `sources` (files or folders below the root; missing ones count as empty) and over `facts`. */
export function fingerprint(sources, facts = []) {
  const hash = createHash('sha256').update(JSON.stringify(facts));
  const add = (name) => {
    const file = path.join(root, name);
    if (!existsSync(file)) return;
    if (statSync(file).isDirectory()) {
      for (const entry of readdirSync(file).sort()) add(`${name}/${entry}`);
    } else {
      hash.update(`\0${name}\0`).update(readFileSync(file));
    }
  };
  sources.forEach(add);
  return hash.digest('hex');
}

/** Whether `name` was built from this `print` and `product` still exists. */
export function isFresh(name, print, product) {
  const stamp = path.join(stamps, name);
  return existsSync(path.join(root, product)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === print;
}

/** Call this after `name` was built from the inputs that `print` describes. */
export function markFresh(name, print) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(path.join(stamps, name), print);
}

/** Call this before `name` is built, so that a partial build does not count as complete. */
export function markStale(name) {
  rmSync(path.join(stamps, name), { force: true });
}
