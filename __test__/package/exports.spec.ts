import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import { ROOT, runNode } from '../helpers/process';

/** The names that a declaration file exports, as values only or all. */
function declared(file: string): { values: string[]; all: string[] } {
  const program = ts.createProgram([path.join(ROOT, file)], {
    module: ts.ModuleKind.Node16,
    moduleResolution: ts.ModuleResolutionKind.Node16,
    target: ts.ScriptTarget.ES2022,
    types: [],
    strict: true,
  });
  const checker = program.getTypeChecker();
  const symbol = checker.getSymbolAtLocation(program.getSourceFile(path.join(ROOT, file))!)!;
  // `require` returns a class, so `prototype` is among the members.
  const exported = checker.getExportsOfModule(symbol).filter((one) => (one.flags & ts.SymbolFlags.Prototype) === 0);
  const isValue = (one: ts.Symbol): boolean => {
    const target = one.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(one) : one;
    return (target.flags & ts.SymbolFlags.Value) !== 0;
  };
  return { values: exported.filter(isValue).map((one) => one.name).sort(), all: exported.map((one) => one.name).sort() };
}

/** The value of `expression` in a Node process that has the package as `hawser`. */
async function evaluate(expression: string, esm = false): Promise<unknown> {
  const load = esm ? "import * as hawser from 'hawser'; import def from 'hawser'; import { createRequire } from 'node:module'; const require = createRequire(process.cwd() + '/x');" : "const hawser = require('hawser');";
  const { stdout, stderr } = await runNode(`${load}\nPromise.resolve(${expression}).then((value) => console.log(JSON.stringify(value)))`, { esm });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describe('the entry', () => {
  let source: string[];
  beforeAll(async () => {
    source = (await evaluate("Object.keys(require('./dist/index.js'))")) as string[];
    source.sort();
  });

  test('require returns the class Redis with every export of lib/index.ts as a property', async () => {
    expect(await evaluate('[hawser.name, hawser === hawser.Redis, hawser === hawser.default, typeof hawser.__esModule]')).toEqual([
      'Redis',
      true,
      true,
      'undefined',
    ]);
    const missing = (await evaluate(`${JSON.stringify(source)}.filter((name) => !(name in hawser))`)) as string[];
    expect(missing).toEqual([]);
    expect(await evaluate("Object.entries(require('./dist/index.js')).filter(([name, value]) => hawser[name] !== value).map(([name]) => name)")).toEqual([]);
  });

  test('import has the same names and the same objects', async () => {
    expect(((await evaluate('Object.keys(hawser)', true)) as string[]).sort()).toEqual(source);
    expect(await evaluate("Object.keys(hawser).filter((name) => hawser[name] !== require('hawser')[name])", true)).toEqual([]);
    expect(await evaluate("[def === require('hawser'), def === hawser.Redis]", true)).toEqual([true, true]);
  });

  test('shows its names to Node without the ES module wrapper', async () => {
    const names = (await evaluate("import('./index.js').then((module) => Object.keys(module))", true)) as string[];
    expect(source.filter((name) => !names.includes(name))).toEqual([]);
  });

  test('has the same values in its types and at run time', () => {
    expect(declared('index.d.ts').values).toEqual(source);
    expect(declared('index.d.mts').values).toEqual(source);
    expect(declared('index.d.mts').all).toEqual(declared('index.d.ts').all);
  });

  test('assigns each name of lib/index.ts once in index.js, and no other', () => {
    const assigned = [...readFileSync(path.join(ROOT, 'index.js'), 'utf8').matchAll(/^module\.exports\.(\w+) = hawser\.(\w+);$/gm)];
    expect(assigned.map(([, name]) => name).sort()).toEqual(source);
    expect(assigned.filter(([, name, from]) => name !== from && name !== 'default')).toEqual([]);
  });
});
