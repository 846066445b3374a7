/** Programs that strict TypeScript checks without a file on disk. */
import * as ts from 'typescript';

/** What all of them are checked with: as modules of Node, with the types of Node alone. */
const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2022.d.ts'],
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  moduleDetection: ts.ModuleDetectionKind.Force,
  types: ['node'],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
};

/** One program of `files`, code by absolute path, and of `others` on disk. The path decides which packages an import finds. */
export function typedProgram(files: ReadonlyMap<string, string>, more: ts.CompilerOptions = {}, others: readonly string[] = []): ts.Program {
  const options = { ...OPTIONS, ...more };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, language, ...rest) => {
    const code = files.get(file);
    return code === undefined ? getSourceFile(file, language, ...rest) : ts.createSourceFile(file, code, language, true);
  };
  return ts.createProgram([...others, ...files.keys()], options, host);
}
