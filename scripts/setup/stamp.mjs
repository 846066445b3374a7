// Whether something has to be built again: a hash over everything it is made of, kept beside what was made.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './run.mjs';

const stamps = path.join(root, '.cache', 'stamps');

/** One hash over the contents of `sources` (files or folders below the root; what is missing counts as empty) and over `facts`. */
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

/** Whether `name` was made from this `print`, and `product` is still there. */
export function isFresh(name, print, product) {
  const stamp = path.join(stamps, name);
  return existsSync(path.join(root, product)) && existsSync(stamp) && readFileSync(stamp, 'utf8') === print;
}

/** To be called once `name` was made from what `print` describes. */
export function markFresh(name, print) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(path.join(stamps, name), print);
}

/** To be called before `name` is made: half of it must not pass for whole. */
export function markStale(name) {
  rmSync(path.join(stamps, name), { force: true });
}
