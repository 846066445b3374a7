/** The files of a code base as units, and where their imports lead. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type * as TS from 'typescript';
import { relative } from './files';
import { ts } from './parser';
import { Unit } from './unit';

export interface Note {
  readonly file: string | null;
  readonly message: string;
}

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs'];
const KINDS: Readonly<Record<string, keyof typeof TS.ScriptKind>> = { '.tsx': 'TSX', '.jsx': 'JSX', '.ts': 'TS', '.mts': 'TS', '.cts': 'TS' };

interface Aliases {
  readonly folder: string;
  readonly baseUrl: string | undefined;
  readonly paths: Readonly<Record<string, readonly string[]>>;
}

export class Project {
  readonly notes: Note[] = [];
  private readonly units = new Map<string, Unit | undefined>();
  private readonly resolved = new Map<string, string | undefined>();
  private readonly aliases = new Map<string, Aliases | undefined>();
  /** Folders of the packages in the tree, by the package's name. */
  private readonly packages = new Map<string, string>();

  constructor(
    readonly root: string,
    manifests: readonly string[],
    private readonly texts: ReadonlyMap<string, string>,
  ) {
    for (const file of manifests) {
      const name = readJson(file)?.name;
      if (typeof name === 'string') this.packages.set(name, path.dirname(file));
    }
  }

  /** The unit of a file; undefined if it is not code of the project or cannot be parsed. */
  unit(file: string): Unit | undefined {
    if (this.units.has(file)) return this.units.get(file);
    this.units.set(file, undefined);
    const unit = this.parse(file);
    this.units.set(file, unit);
    return unit;
  }

  unitOf(node: TS.Node): Unit {
    return this.units.get(node.getSourceFile().fileName) as Unit;
  }

  allUnits(): Unit[] {
    return [...this.units.values()].filter((unit) => unit !== undefined);
  }

  private parse(file: string): Unit | undefined {
    const source = this.source(file, true);
    try {
      return source === undefined ? undefined : new Unit(file, relative(this.root, file), source);
    } catch (error) {
      this.notParsed(file, error);
      return undefined;
    }
  }

  /** Notes what is wrong with a file that is not looked at. */
  check(file: string): void {
    this.source(file, false);
  }

  private source(file: string, hasParents: boolean): TS.SourceFile | undefined {
    const text = this.texts.get(file);
    if (text === undefined) return undefined;
    try {
      const kind = ts.ScriptKind[KINDS[path.extname(file).toLowerCase()] ?? 'JSX'];
      const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, hasParents, kind);
      const [wrong] = (source as unknown as { parseDiagnostics?: readonly TS.Diagnostic[] }).parseDiagnostics ?? [];
      if (wrong !== undefined) {
        const { line } = source.getLineAndCharacterOfPosition(wrong.start ?? 0);
        this.notes.push({ file: relative(this.root, file), message: `syntax error in line ${line + 1} (${ts.flattenDiagnosticMessageText(wrong.messageText, ' ')}); what could be parsed was looked at` });
      }
      return source;
    } catch (error) {
      this.notParsed(file, error);
      return undefined;
    }
  }

  private notParsed(file: string, error: unknown): void {
    this.notes.push({ file: relative(this.root, file), message: `left out: cannot be parsed (${error instanceof Error ? error.message : String(error)})` });
  }

  /** The file that `specifier` means in `from`; undefined for a package of others. */
  resolve(from: string, specifier: string): string | undefined {
    const key = `${path.dirname(from)}\0${specifier}`;
    if (!this.resolved.has(key)) this.resolved.set(key, this.find(from, specifier));
    return this.resolved.get(key);
  }

  private find(from: string, specifier: string): string | undefined {
    if (specifier.startsWith('.') || path.isAbsolute(specifier)) return this.file(path.resolve(path.dirname(from), specifier));
    return this.aliased(from, specifier) ?? this.workspace(specifier);
  }

  private file(target: string): string | undefined {
    const bare = target.replace(/\.([cm]?)jsx?$/, '');
    for (const base of new Set([target, bare])) {
      for (const extension of ['', ...EXTENSIONS]) {
        if (this.texts.has(base + extension)) return base + extension;
      }
      for (const extension of EXTENSIONS) if (this.texts.has(path.join(base, `index${extension}`))) return path.join(base, `index${extension}`);
    }
    return undefined;
  }

  private aliased(from: string, specifier: string): string | undefined {
    const aliases = this.aliasesFor(path.dirname(from));
    if (aliases === undefined) return undefined;
    for (const [pattern, targets] of Object.entries(aliases.paths)) {
      const star = pattern.indexOf('*');
      const head = star < 0 ? pattern : pattern.slice(0, star);
      const tail = star < 0 ? '' : pattern.slice(star + 1);
      const fits = star < 0 ? specifier === pattern : specifier.startsWith(head) && specifier.endsWith(tail) && specifier.length >= head.length + tail.length;
      if (!fits) continue;
      const middle = specifier.slice(head.length, specifier.length - tail.length);
      for (const target of targets) {
        const found = this.file(path.resolve(aliases.baseUrl ?? aliases.folder, target.replace('*', middle)));
        if (found !== undefined) return found;
      }
    }
    return aliases.baseUrl === undefined ? undefined : this.file(path.resolve(aliases.baseUrl, specifier));
  }

  /** The nearest tsconfig.json or jsconfig.json, with what it extends. */
  private aliasesFor(folder: string): Aliases | undefined {
    if (this.aliases.has(folder)) return this.aliases.get(folder);
    const file = ['tsconfig.json', 'jsconfig.json'].map((name) => path.join(folder, name)).find((name) => existsSync(name));
    const isTop = folder === this.root || path.dirname(folder) === folder;
    const found = file === undefined ? (isTop ? undefined : this.aliasesFor(path.dirname(folder))) : readAliases(file, 0);
    this.aliases.set(folder, found);
    return found;
  }

  private workspace(specifier: string): string | undefined {
    const name = specifier.split('/').slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
    const folder = this.packages.get(name);
    if (folder === undefined) return undefined;
    const rest = specifier.slice(name.length + 1);
    if (rest !== '') return this.file(path.join(folder, rest)) ?? this.file(path.join(folder, 'src', rest));
    const manifest = readJson(path.join(folder, 'package.json'));
    const mains = [manifest?.main, manifest?.module, manifest?.types].filter((main): main is string => typeof main === 'string');
    return [...mains, 'src/index', 'index', 'src/main', 'lib/index'].map((main) => this.file(path.join(folder, main))).find((file) => file !== undefined);
  }
}

function readAliases(file: string, depth: number): Aliases | undefined {
  const { config } = ts.readConfigFile(file, (name) => (existsSync(name) ? readFileSync(name, 'utf8') : undefined)) as {
    config?: { extends?: unknown; compilerOptions?: { baseUrl?: unknown; paths?: unknown } };
  };
  const folder = path.dirname(file);
  const parents = (Array.isArray(config?.extends) ? config.extends : [config?.extends]).filter((name): name is string => typeof name === 'string' && name.startsWith('.'));
  const parent = depth > 5 ? undefined : parents.map((name) => configFile(path.resolve(folder, name))).filter((name) => name !== undefined).map((name) => readAliases(name, depth + 1)).pop();
  const { baseUrl, paths } = config?.compilerOptions ?? {};
  if (baseUrl === undefined && paths === undefined) return parent ?? { folder, baseUrl: undefined, paths: {} };
  return {
    folder: paths === undefined ? (parent?.folder ?? folder) : folder,
    baseUrl: typeof baseUrl === 'string' ? path.resolve(folder, baseUrl) : parent?.baseUrl,
    paths: typeof paths === 'object' && paths !== null ? validPaths(paths) : (parent?.paths ?? {}),
  };
}

const configFile = (name: string): string | undefined => [name, `${name}.json`, path.join(name, 'tsconfig.json')].find((file) => existsSync(file) && statSync(file).isFile());

function validPaths(paths: object): Record<string, string[]> {
  return Object.fromEntries(Object.entries(paths).map(([name, targets]) => [name, (Array.isArray(targets) ? targets : []).filter((target): target is string => typeof target === 'string')]));
}

/** The object in a JSON file; undefined if there is none. */
export function readJson(file: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8').replace(/^\uFEFF/, '')) as unknown;
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** The value as an object; an empty one if it is none. */
export const recordOf = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {});
