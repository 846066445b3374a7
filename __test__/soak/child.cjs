// Loads place.ts in plain Node: every TypeScript file is transpiled when it is required. tsc checks the types.

'use strict';

const { readFileSync } = require('node:fs');
const { ModuleKind, ScriptTarget, transpileModule } = require('typescript');

const compilerOptions = { module: ModuleKind.CommonJS, target: ScriptTarget.ES2022, esModuleInterop: true };

require.extensions['.ts'] = (module, file) => {
  module._compile(transpileModule(readFileSync(file, 'utf8'), { compilerOptions, fileName: file }).outputText, file);
};

require('./place.ts');
