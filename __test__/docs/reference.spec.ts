/**
 * The reference of the API is made from doc comments. Every name that an entry of the package exports has one, and so have methods and options.
 * The examples in doc comments compile; names that an example does not define (`app`, `db`, `load` ...) are the application's and may be anything.
 */
import { readdirSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as hawser from 'hawser';
import * as ts from 'typescript';
import { ROOT } from '../helpers/process';
import { typedProgram } from '../helpers/typed-program';

interface Example {
  /** `lib/facade/swr.ts:21` */
  where: string;
  code: string;
}
interface Conditions {
  types?: string;
  require?: { types: string };
}

const { exports: entries } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, Conditions | string> };

/** The declarations of each entry: `hawser`, `hawser/express` ... `built/utils` is ioredis's, for libraries that look for it. */
const ENTRIES = Object.entries(entries).flatMap(([name, at]): [entry: string, file: string][] => {
  const types = typeof at === 'string' ? undefined : (at.types ?? at.require?.types);
  return types === undefined || name === './built/utils' ? [] : [[name.replace('.', 'hawser'), path.join(ROOT, types.replace('./index.d.ts', './dist/index.d.ts'))]];
});

/** The examples of a file: lines of doc comments that are indented by four spaces more than the text, after an empty line. */
function examplesIn(file: string): Example[] {
  const lines = readFileSync(path.join(ROOT, file), 'utf8').split('\n');
  const isCode = (line: string | undefined): boolean => /^\s*\* {5,}\S/.test(line ?? '');
  const isEmpty = (line: string | undefined): boolean => /^\s*\*\s*$/.test(line ?? '');
  const found: Example[] = [];
  for (let i = 0; i < lines.length; i++) {
    if (!isCode(lines[i]) || !isEmpty(lines[i - 1])) continue;
    const start = i;
    while (isCode(lines[i]) || (isEmpty(lines[i]) && isCode(lines[i + 1]))) i++;
    found.push({ where: `${file}:${start + 1}`, code: lines.slice(start, i).map((line) => line.replace(/^\s*\* {0,5}/, '')).join('\n') });
  }
  return found;
}

const examples = readdirSync(path.join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.includes('.generated.'))
  .sort()
  .flatMap((file) => examplesIn(`lib/${file.split(path.sep).join('/')}`));

/** The entries that may export what a file of lib/ defines: its own first. */
function entriesOf(where: string): string[] {
  const [, folder = ''] = /^lib\/(browser\/persister|\w+)/.exec(where) ?? [];
  const own = { 'browser/persister': 'hawser/client/persister', browser: 'hawser/client' }[folder] ?? `hawser/${folder}`;
  return [...(ENTRIES.some(([entry]) => entry === own) ? [own] : []), 'hawser'];
}

/** What the declarations in an entry's folder export, by name. */
function namesOf(entry: string): string[] {
  if (entry === 'hawser') return Object.keys(hawser);
  const folder = path.dirname(ENTRIES.find(([name]) => name === entry)![1]);
  const texts = readdirSync(folder).filter((file) => file.endsWith('.d.ts') && file !== 'peer.d.ts').map((file) => readFileSync(path.join(folder, file), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/^export declare (?:abstract )?(?:class|function|const) (\w+)/gm)].map(([, name]) => name));
}

/** The example as a module that imports what it uses. `{ ... }` stands for a body; methods alone stand in a class. */
function moduleOf({ where, code }: Example): string {
  const taken = new Set([...code.matchAll(/\b(?:const|class|import) \{? ?(\w+)/g)].map(([, name]) => name));
  const imports = entriesOf(where).map((entry) => {
    const names = [...new Set(namesOf(entry))].filter((name) => name !== 'default' && name !== 'Promise' && !taken.has(name) && new RegExp(`\\b${name}\\b`).test(code));
    names.forEach((name) => taken.add(name));
    return names.length > 0 ? `import { ${names.join(', ')} } from '${entry}';` : '';
  });
  const whole = code.replace(/\{ \.\.\. \}/g, '{ throw 0; }');
  return [...imports, 'export {};', /^@\w+[^]*^async /m.test(whole) ? `class Example {\n${whole}\n}` : whole].join('\n');
}

const files = new Map(examples.map((example, i) => [path.join(ROOT, `example-${i}.${/^\s*</m.test(example.code) ? 'tsx' : 'mts'}`), moduleOf(example)]));

/** One program of all declarations and all examples, because reading the types takes longest. */
const program = typedProgram(files, { jsx: ts.JsxEmit.Preserve, experimentalDecorators: true }, ENTRIES.map(([, file]) => file));
const checker = program.getTypeChecker();

/** What the application defines: names that nobody declares, and modules and types that are not installed here. */
const FOREIGN = [2304, 2307, 2503, 2552, 2580, 7006, 7016, 7026, 17004, 18004, 18046];

test('the examples in doc comments compile', () => {
  expect(examples.length).toBeGreaterThan(30);
  const found = [...files.keys()].flatMap((file, i) => {
    const source = program.getSourceFile(file)!;
    const diagnostics = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].filter(({ code }) => !FOREIGN.includes(code));
    return diagnostics.map(({ messageText, start }) => {
      const line = source.text.split('\n')[source.getLineAndCharacterOfPosition(start ?? 0).line];
      return `${examples[i].where}: ${ts.flattenDiagnosticMessageText(messageText, ' ')} in: ${line.trim()}`;
    });
  });
  expect(found).toEqual([]);
}, 120_000);

const isDocumented = (symbol: ts.Symbol): boolean => ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== '' || symbol.getJsDocTags(checker).some(({ name }) => name === 'deprecated');
const isOurs = (node: ts.Node): boolean => {
  const { fileName } = node.getSourceFile();
  // Commands are named as on their pages at redis.io.
  return fileName.startsWith(path.join(ROOT, 'dist')) && !fileName.endsWith('commands.generated.d.ts');
};
const isHidden = (node: ts.Declaration): boolean => (ts.getCombinedModifierFlags(node) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0;

/** The methods of a class, and the options of an interface of options. Other members are data that their names describe. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const members = symbol.flags & ts.SymbolFlags.Class ? [...(symbol.members?.values() ?? []), ...(symbol.exports?.values() ?? [])] : symbol.name.endsWith('Options') ? [...(symbol.members?.values() ?? [])] : [];
  const kinds = symbol.flags & ts.SymbolFlags.Class ? ts.SymbolFlags.Method : ts.SymbolFlags.Property | ts.SymbolFlags.Method;
  return members.filter((member) => member.flags & kinds && !member.name.startsWith('_') && (member.declarations ?? []).some((node) => isOurs(node) && !isHidden(node)));
}

test.each(ENTRIES)('every name that %s exports has a doc comment, and so have methods and options', (_, file) => {
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!);
  const names = checker.getExportsOfModule(module!).map((one) => ({ name: one.name, symbol: one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one }));
  expect(names.length).toBeGreaterThan(0);
  const missing = names.flatMap(({ name, symbol }) => [
    ...((symbol.declarations ?? []).some(isOurs) && !isDocumented(symbol) ? [name] : []),
    ...membersOf(symbol).filter((member) => !isDocumented(member)).map((member) => `${name}.${member.name}`),
  ]);
  expect(missing).toEqual([]);
}, 60_000);
