// The pages that people write: README.md and docs/, without what is generated or installed.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from '../setup/run.mjs';

const SKIPPED = new Set(['node_modules', 'api', '.vitepress']);

/** Paths from the root, README.md first. */
export function pages() {
  return ['README.md', ...below('docs')];
}

function below(folder) {
  return readdirSync(path.join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : below(name);
      return entry.name.endsWith('.md') ? [name] : [];
    });
}
