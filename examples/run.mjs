// Runs an example: node examples/run.mjs tour
//
// The examples are TypeScript and are transpiled when they are loaded; `hawser` in them is this package. `npm test` checks their types
// and runs them all. Arguments after the name go to the example.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);

/** The names of the examples, which are the files beside this one. */
export function names() {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -3));
}

/** Loads an example. `path` has no `.ts`. */
export function run(name) {
  const ts = require('typescript');
  const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022, esModuleInterop: true, inlineSourceMap: true };
  process.setSourceMapsEnabled(true);
  require.extensions['.ts'] = (module, file) => {
    module._compile(ts.transpileModule(readFileSync(file, 'utf8'), { fileName: file, compilerOptions }).outputText, file);
  };
  require(`./${name}.ts`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const name = process.argv[2];
  if (names().includes(name)) run(name);
  else {
    console.error(`usage: node examples/run.mjs ${names().join(' | ')}`);
    process.exitCode = 1;
  }
}
