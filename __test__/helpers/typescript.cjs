// Runs a TypeScript file in plain Node: every TypeScript file is transpiled when it is required. tsc checks the types. The results are
// kept in .cache/transpiled, so that a process which starts ten times a minute does not load the compiler each time.
//
//     node __test__/helpers/typescript.cjs __test__/history/run.ts --seed 7

'use strict';

const { createHash } = require('node:crypto');
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const path = require('node:path');

const folder = path.join(__dirname, '..', '..', '.cache', 'transpiled');

function transpile(source, file) {
  const { ModuleKind, ScriptTarget, transpileModule } = require('typescript');
  const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };
  return transpileModule(source, { compilerOptions, fileName: file }).outputText;
}

require.extensions['.ts'] = (module, file) => {
  const source = readFileSync(file, 'utf8');
  const kept = path.join(folder, `${createHash('sha1').update(source).digest('hex')}.js`);
  if (!existsSync(kept)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${kept}.${process.pid}`, transpile(source, file));
    renameSync(`${kept}.${process.pid}`, kept);
  }
  module._compile(readFileSync(kept, 'utf8'), file);
};

process.argv.splice(1, 1);
require(path.resolve(process.argv[1]));
