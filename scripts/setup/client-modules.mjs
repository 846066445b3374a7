// Gives the ES modules of `hawser/client` names that Node and bundlers find: `./tier` becomes `./tier.mjs`, in the code and in the types. The package itself is
// CommonJS, so the extension says what they are.

import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Renames the modules below `folder` and what they import from each other. */
export function nameModules(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      nameModules(file);
    } else if (/\.(d\.ts|js)$/.test(file)) {
      writeFileSync(file, withExtensions(readFileSync(file, 'utf8')));
      renameSync(file, file.replace(/\.d\.ts$/, '.d.mts').replace(/\.js$/, '.mjs'));
    }
  }
}

/** TypeScript writes each import and export in a line of its own, with the specifier at its end; types that it infers have imports within the line. */
function withExtensions(text) {
  return text.replace(/^((?:import|export)\b[^'"\n]*|\} from )(['"])(\.[^'"]*)\2;$/gm, "$1'$3.mjs';").replace(/\bimport\((['"])(\.[^'"]*)\1\)/g, "import('$2.mjs')");
}
