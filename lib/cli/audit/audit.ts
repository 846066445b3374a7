/** One audit: reads the files, follows the values, finds the faults, makes the plan. */
import { statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { CliError } from '../exit_codes';
import { findHandMade, findTagSets } from './caches';
import { findCommands } from './commands';
import type { Analysis } from './context';
import { findDependencies } from './dependencies';
import { Evaluator } from './evaluate';
import { findFiles, relative, textOfFile } from './files';
import { CONCERNS } from './libraries';
import { compare, findLifeFaults, findLives, findMixed } from './lifecycle';
import { loadParser, ts } from './parser';
import { planOf } from './plan';
import { Project } from './project';
import { findQueues } from './queues';
import { AUDIT_SCHEMA, type AuditJson, type Finding } from './schema';
import type { Unit } from './unit';
import { findUses } from './uses';

export interface AuditOptions {
  readonly cwd: string;
  readonly maxFiles: number;
  readonly tests: boolean;
  readonly signal: AbortSignal;
  /** Called now and then with what is being done. */
  readonly onProgress: (text: string) => void;
}

/** Every so many files the event loop gets a turn, so that Ctrl+C is heard. */
const FILES_PER_TURN = 25;

/** Audits the folder `root`. Errors: `CliError` if it is no folder or there is no parser. */
export async function audit(root: string, options: AuditOptions): Promise<AuditJson> {
  checkFolder(root);
  const parser = loadParser(root, options.cwd);
  const files = await findFiles(root, { ...options, onProgress: (count) => options.onProgress(`looking for files: ${count}`) });
  const notes = [...files.notes];
  const texts = await readAll(root, files.code, notes, options);
  if (files.code.length === 0) notes.push({ file: null, message: 'there is no TypeScript or JavaScript here' });
  const project = new Project(root, files.manifests, texts);
  const graph = await importsOf(project, texts, options);
  const wanted = concerned(texts, graph);
  const units = await parseAll(project, wanted, options);
  await checkOthers(project, texts, new Set(wanted), options);
  const analysis = await analysed(project, units, options);
  options.onProgress('reading package.json and lockfiles');
  const { dependencies, findings: unneeded } = findDependencies(root, files.manifests, notes);
  return resultOf({ root, parser, files: texts.size, analysis, graph, dependencies, unneeded, notes: [...notes, ...project.notes] });
}

function checkFolder(root: string): void {
  const found = statSync(root, { throwIfNoEntry: false });
  if (found === undefined) throw new CliError(`there is no folder ${root}`);
  if (!found.isDirectory()) throw new CliError(`${root} is not a folder`);
}

/** For a loop over files: now and then the event loop gets a turn, and the user hears how far it is. */
function turns({ signal, onProgress }: AuditOptions, what: string, of: number): (at: number) => Promise<void> {
  return async (at) => {
    if (at % FILES_PER_TURN !== 0) return;
    await turn();
    signal.throwIfAborted();
    onProgress(`${what}: ${at} of ${of} files`);
  };
}

async function readAll(root: string, files: readonly string[], notes: { file: string | null; message: string }[], options: AuditOptions): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const next = turns(options, 'reading', files.length);
  for (const [at, file] of files.entries()) {
    await next(at);
    const read = await textOfFile(file);
    if ('text' in read) texts.set(file, read.text);
    else notes.push({ file: relative(root, file), message: read.reason });
  }
  return texts;
}

interface Imports {
  /** By absolute path: the files that import a file. */
  readonly importers: ReadonlyMap<string, readonly string[]>;
  readonly packages: ReadonlyMap<string, ReadonlySet<string>>;
}

async function importsOf(project: Project, texts: ReadonlyMap<string, string>, options: AuditOptions): Promise<Imports> {
  const importers = new Map<string, string[]>();
  const packages = new Map<string, Set<string>>();
  const next = turns(options, 'following imports', texts.size);
  let at = 0;
  for (const [file, text] of texts) {
    await next(at++);
    const names = new Set(ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName));
    const outside = new Set<string>();
    for (const name of names) {
      const target = project.resolve(file, name);
      const known = target === undefined ? undefined : importers.get(target);
      if (target === undefined) outside.add(name);
      else if (known !== undefined && target !== file) known.push(file);
      else if (target !== file) importers.set(target, [file]);
    }
    packages.set(file, outside);
  }
  return { importers, packages };
}

/** The files with a word about Redis, and those that import one of them, directly or not. */
function concerned(texts: ReadonlyMap<string, string>, { importers }: Imports): string[] {
  const found = new Set<string>();
  const queue = [...texts].filter(([, text]) => CONCERNS.test(text)).map(([file]) => file);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    queue.push(...(importers.get(file) ?? []));
  }
  return [...found].sort();
}

async function parseAll(project: Project, files: readonly string[], options: AuditOptions): Promise<Unit[]> {
  const units: Unit[] = [];
  const next = turns(options, 'parsing', files.length);
  for (const [at, file] of files.entries()) {
    await next(at);
    const unit = project.unit(file);
    if (unit !== undefined) units.push(unit);
  }
  return units;
}

/** Other files are of no concern, but a broken one is told, as far as that takes no long time. */
const CHECKED_BYTES = 5_000_000;

async function checkOthers(project: Project, texts: ReadonlyMap<string, string>, wanted: ReadonlySet<string>, options: AuditOptions): Promise<void> {
  const others = [...texts].filter(([file]) => !wanted.has(file));
  const next = turns(options, 'checking the others', others.length);
  let bytes = 0;
  for (const [at, [file, text]] of others.entries()) {
    await next(at);
    bytes += text.length;
    if (bytes > CHECKED_BYTES) return;
    project.check(file);
  }
}

async function analysed(project: Project, units: readonly Unit[], options: AuditOptions): Promise<Analysis> {
  const evaluator = new Evaluator(project);
  await evaluator.index(units, turns(options, 'following calls', units.length));
  const uses = [];
  const next = turns(options, 'looking at commands', units.length);
  for (const [at, unit] of units.entries()) {
    await next(at);
    // Evaluates what makes a connection that nothing uses, too.
    for (const call of unit.calls) evaluator.values(call);
    uses.push(...findUses(evaluator, [unit]));
  }
  return { project, evaluator, units, uses };
}

interface Parts extends Pick<AuditJson, 'parser' | 'dependencies' | 'notes'> {
  readonly root: string;
  readonly files: number;
  readonly analysis: Analysis;
  readonly graph: Imports;
  readonly unneeded: readonly Finding[];
}

function resultOf({ root, parser, files, analysis, graph, dependencies, unneeded, notes }: Parts): AuditJson {
  const lives = findLives(analysis);
  const { queues, findings: queueFaults } = findQueues(analysis);
  const findings = [...findMixed(analysis, lives), ...findLifeFaults(analysis, lives), ...queueFaults, ...findCommands(analysis), ...findTagSets(analysis), ...findHandMade(analysis), ...unneeded].sort((a, b) => compare(a, b));
  const named = <T>(map: ReadonlyMap<string, T>): Map<string, T> => new Map([...map].map(([file, value]) => [relative(root, file), value]));
  const importers = new Map([...named(graph.importers)].map(([file, list]) => [file, list.map((one) => relative(root, one))]));
  return {
    schema: AUDIT_SCHEMA,
    timestamp: new Date().toISOString(),
    directory: root,
    parser,
    summary: {
      files,
      connections: lives.length,
      libraries: counted(lives.map(({ json }) => json.library)),
      queues: queues.length,
      findings: counted(findings.map(({ kind }) => kind)),
    },
    connections: lives.map(({ json }) => json),
    queues,
    dependencies,
    findings,
    migration: planOf({ units: analysis.units, findings, queues, dependencies, importers, packages: named(graph.packages) }),
    notes,
  };
}

function counted(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
