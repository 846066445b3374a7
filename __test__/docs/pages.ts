/**
 * The code on documentation pages. The `ts` blocks of a section (a second-level heading) are one program. A block under
 * `<!-- run on a server -->` is a separate program that needs a server; one under `<!-- compiled, not run -->` names hosts that do not exist.
 */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { ROOT } from '../helpers/process';

/** Where a program runs: on `memory://` and on a server, on a server alone, or nowhere. */
type Where = 'anywhere' | 'server' | 'compiled';

export interface PageProgram {
  /** Page and heading. */
  name: string;
  code: string;
  where: Where;
  /** The output that its `console.log(...); // text` lines promise. */
  prints: string[];
}

const MARKS: Record<string, Where> = { 'run on a server': 'server', 'compiled, not run': 'compiled' };

export function readPage(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

export function programsOf(page: string): PageProgram[] {
  return readPage(page).split(/^(?=## )/m).flatMap((section) => {
    const heading = `${page}, ${/^#+ (.+)/.exec(section)?.[1] ?? 'the beginning'}`;
    const blocks = [...section.matchAll(/(?:<!-- (run on a server|compiled, not run) -->\n)?^```ts\n([\s\S]*?)^```$/gm)];
    const together = blocks.filter(([, mark]) => mark === undefined).map(([, , code]) => code);
    const alone = blocks.filter(([, mark]) => mark !== undefined).map(([, mark, code], i) => program(`${heading}, ${mark} ${i + 1}`, code, MARKS[mark]));
    return together.length > 0 ? [program(heading, together.join('\n'), 'anywhere'), ...alone] : alone;
  });
}

function program(name: string, code: string, where: Where): PageProgram {
  const prints = [...code.matchAll(/console\.log\(.*\);? \/\/ (.+)$/gm)].map(([, text]) => text);
  return { name, code, where, prints };
}

/** The anchors of a page's headings, as GitHub and the site make them. */
export function anchorsOf(page: string): Set<string> {
  const headings = [...readPage(page).replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, text]) => text.replace(/[`*]/g, '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
  return new Set(headings.map((text) => text.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')));
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
