/**
 * The code on documentation pages. The `ts` blocks of a section (a second-level heading) are one program. A block under
 * `<!-- run on a server -->` is a separate program that needs a server.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { ROOT } from '../helpers/process';

export interface PageProgram {
  /** Page and heading. */
  name: string;
  code: string;
  /** Whether it also runs on `memory://`. */
  memory: boolean;
  /** The output that its `console.log(...); // text` lines promise. */
  prints: string[];
}

export function readPage(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

export function programsOf(page: string): PageProgram[] {
  const programs: PageProgram[] = [];
  for (const section of readPage(page).split(/^(?=## )/m)) {
    const heading = `${page}, ${/^#+ (.+)/.exec(section)?.[1] ?? 'the beginning'}`;
    const blocks = [...section.matchAll(/(<!-- run on a server -->\n)?^```ts\n([\s\S]*?)^```$/gm)];
    const together = blocks.filter(([, server]) => server === undefined).map(([, , code]) => code);
    if (together.length > 0) programs.push(program(heading, together.join('\n'), true));
    blocks
      .filter(([, server]) => server !== undefined)
      .forEach(([, , code], i) => programs.push(program(`${heading}, on a server ${i + 1}`, code, false)));
  }
  return programs;
}

function program(name: string, code: string, memory: boolean): PageProgram {
  const prints = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text]) => text);
  return { name, code, memory, prints };
}

/** The errors of strict TypeScript about the programs, as ES modules in `folder`: beside the package, or beside other packages. */
export function typeErrors(programs: PageProgram[], folder = ROOT, more: ts.CompilerOptions = {}): string[] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts'],
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    moduleDetection: ts.ModuleDetectionKind.Force,
    types: ['node'],
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    ...more,
  };
  const files = new Map(programs.map(({ code }, i) => [path.join(folder, `page-program-${i}.mts`), code]));
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (file) => files.has(file) || fileExists(file);
  host.readFile = (file) => files.get(file) ?? readFile(file);
  host.getSourceFile = (file, language, ...rest) => {
    const code = files.get(file);
    return code === undefined ? getSourceFile(file, language, ...rest) : ts.createSourceFile(file, code, language, true);
  };
  return ts.getPreEmitDiagnostics(ts.createProgram([...files.keys()], options, host)).map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, ' ');
    if (file === undefined || start === undefined) return text;
    const name = programs[Number(/(\d+)\.mts$/.exec(file.fileName)?.[1])]?.name ?? file.fileName;
    const line = file.text.split('\n')[file.getLineAndCharacterOfPosition(start).line];
    return `${name}: ${text} in: ${line.trim()}`;
  });
}

/** The program as an ES module of JavaScript. */
export function translated({ code }: PageProgram, more: ts.CompilerOptions = {}): string {
  return ts.transpileModule(code, { compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, ...more } }).outputText;
}
