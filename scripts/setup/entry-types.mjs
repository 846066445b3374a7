// Generates the types of `require('hawser')`: the class Redis with everything else as its members. They are generated from the exports of
// lib/index.ts, because TypeScript has no `export *` for a namespace.

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

/** Writes entry.d.ts beside the index.d.ts in `folder`. */
export function writeEntryTypes(folder) {
  const names = exportedNames(path.join(folder, 'index.d.ts'));
  const lines = (format) => names.map(format).join('\n');
  writeFileSync(
    path.join(folder, 'entry.d.ts'),
    `/// <reference types="node" preserve="true" />
/** Written by scripts/setup/entry-types.mjs. */
import {
${lines((name) => `  ${name} as _${name},`)}
} from './index';

/** The package as \`import hawser = require('hawser')\` sees it: the class \`Redis\`. */
declare class hawser<ReplyMapping extends _ReplyMappingMode = 'legacy'> extends _Redis<ReplyMapping> {}
declare namespace hawser {
  export {
    _Redis as default,
${lines((name) => `    _${name} as ${name},`)}
  };
}
export = hawser;
`,
  );
}

/** Every name that a declaration file exports, including types, except \`default\`. */
function exportedNames(file) {
  // Loaded only here, because building an installed package from source does not need it.
  const ts = require('typescript');
  const program = ts.createProgram([file], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    types: [],
  });
  const checker = program.getTypeChecker();
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(file)));
  return exported.map((symbol) => symbol.name).filter((name) => name !== 'default').sort();
}
