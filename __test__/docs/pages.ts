/**
 * The code on documentation pages. The `ts` blocks of a section (a second-level heading) are one program. A comment makes a block a program of
 * its own:
 *
 * - `<!-- run on a server -->`: it needs a server
 * - `<!-- run beside other packages -->`: it needs a server, and a package of __test__/packages
 * - `<!-- compiled, not run -->`: it names hosts that do not exist
 * - `<!-- before:` above it, `<!-- after:` below it: code that the reader need not see. Of a `diff`, what is there afterwards is the program.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { ROOT } from '../helpers/process';
import { typedProgram } from '../helpers/typed-program';

/** Where a program runs: on `memory://` and on a server, on a server alone, on one and beside the packages of __test__/packages, or nowhere. */
type Where = 'anywhere' | 'server' | 'beside' | 'compiled';

export interface PageProgram {
  /** Page and heading. */
  name: string;
  code: string;
  where: Where;
  /** The output that its `console.log(...); // text` lines promise. */
  prints: string[];
}

/** A block of code on a page. */
export interface Fence {
  page: string;
  /** The second-level heading above it. */
  heading: string;
  /** `ts`, `console` ...; `indented` if it is indented in place of being fenced. */
  language: string;
  code: string;
  mark: string | undefined;
  before: string | undefined;
  after: string | undefined;
}

const MARKS: Record<string, Where> = { 'run on a server': 'server', 'compiled, not run': 'compiled', 'run beside other packages': 'beside' };
const FENCE = /(?:^<!-- (run on a server|compiled, not run|run beside other packages) -->\n)?(?:^<!-- before:\n((?:(?!-->).*\n)*)-->\n)?^```(\w*)\n([\s\S]*?)^```$(?:\n<!-- after:\n((?:(?!-->).*\n)*)-->$)?/gm;
const INDENTED = /(?<=\n\n)((?: {4}.*\n)+)/g;

const folder = (name: string): string[] => readdirSync(path.join(ROOT, name)).flatMap((file) => (file.endsWith('.md') ? [`${name}/${file}`] : []));

/** The pages by the folder that they are in. */
export const guide = folder('docs');
export const integrations = folder('docs/integrations');
export const design = folder('docs/design');
export const ALL = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md', 'examples/README.md', 'examples/shipcrowd/README.md', ...guide, ...integrations, ...design];

export function readPage(page: string): string {
  return readFileSync(path.join(ROOT, page), 'utf8');
}

/** All blocks of code on a page. */
export function fencesOf(page: string): Fence[] {
  return readPage(page).split(/^(?=## )/m).flatMap((section) => {
    const heading = /^#+ (.+)/m.exec(section)?.[1] ?? 'the beginning';
    const fenced = [...section.matchAll(FENCE)].map(([, mark, before, language = '', code = '', after]) => ({ page, heading, language, code, mark, before, after }));
    const text = section.replace(FENCE, '').replace(/<!--[\s\S]*?-->/g, '');
    const indented = [...text.matchAll(INDENTED)].map(([, code = '']) => ({ page, heading, language: 'indented', code, mark: undefined, before: undefined, after: undefined }));
    return [...fenced, ...indented];
  });
}

/** Whether a block is a program, or a part of one. */
export function isProgram({ language, before, after }: Fence): boolean {
  return language === 'ts' || ((language === 'js' || language === 'diff') && (before !== undefined || after !== undefined));
}

export function programsOf(page: string): PageProgram[] {
  const fences = fencesOf(page).filter(isProgram);
  return [...new Set(fences.map(({ heading }) => heading))].flatMap((heading) => {
    const own = fences.filter((fence) => fence.heading === heading);
    const isAlone = ({ mark, before, after }: Fence): boolean => (mark ?? before ?? after) !== undefined;
    const together = own.filter((fence) => !isAlone(fence)).map(({ code }) => code);
    const alone = own.filter(isAlone).map((fence, i) => program(`${page}, ${heading}, ${fence.mark ?? 'alone'} ${i + 1}`, [fence.before, shown(fence), fence.after].filter(Boolean).join('\n'), MARKS[fence.mark ?? ''] ?? 'anywhere'));
    return together.length > 0 ? [program(`${page}, ${heading}`, together.join('\n'), 'anywhere'), ...alone] : alone;
  });
}

/** A block's code; of a `diff` the lines that are there afterwards. */
function shown({ language, code }: Fence): string {
  return language === 'diff' ? code.replace(/^-.*\n/gm, '').replace(/^[+ ] ?/gm, '') : code;
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
  const files = new Map(programs.map(({ code }, i) => [path.join(folder, `page-program-${i}.mts`), code]));
  return ts.getPreEmitDiagnostics(typedProgram(files, more)).map(({ file, start, messageText }) => {
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
