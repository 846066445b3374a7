/** Lockfiles of npm, pnpm, Yarn (classic and Berry) and Bun: which packages are installed, and what each of them needs. */
import { readFileSync, statSync } from 'node:fs';
import * as path from 'node:path';
import type * as Lockfile from '@yarnpkg/lockfile';
import type * as Yaml from 'yaml';
import { messageOf } from '../exit_codes';
import { ts } from './parser';
import { recordOf } from './project';

export interface InstalledPackage {
  readonly name: string;
  readonly version: string | null;
  /** Ranges, or versions where the lockfile has no ranges, by name. */
  readonly needs: Readonly<Record<string, string>>;
}

export type Manager = 'npm' | 'pnpm' | 'yarn' | 'bun';

interface Format {
  readonly file: string;
  readonly manager: Manager;
  read(text: string): InstalledPackage[];
}

/** The one that a program of its own writes comes before what is left of another one. */
export const FORMATS: readonly Format[] = [
  { file: 'package-lock.json', manager: 'npm', read: npm },
  { file: 'npm-shrinkwrap.json', manager: 'npm', read: npm },
  { file: 'pnpm-lock.yaml', manager: 'pnpm', read: pnpm },
  { file: 'yarn.lock', manager: 'yarn', read: yarn },
  { file: 'bun.lock', manager: 'bun', read: bun },
];

const MAX_BYTES = 50_000_000;

/** Errors: an `Error` that says what is wrong with the file. */
export function readLockfile(file: string): { manager: Manager; packages: InstalledPackage[] } {
  const format = FORMATS.find((one) => one.file === path.basename(file)) as Format;
  const { size } = statSync(file);
  if (size > MAX_BYTES) throw new Error(`is larger than ${MAX_BYTES / 1e6} MB`);
  try {
    return { manager: format.manager, packages: unique(format.read(readFileSync(file, 'utf8').replace(/^\uFEFF/, ''))) };
  } catch (error) {
    throw new Error(`cannot be read (${messageOf(error).split('\n')[0]})`, { cause: error });
  }
}

export function unique(packages: readonly InstalledPackage[]): InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  for (const one of packages) {
    const key = `${one.name}@${one.version}`;
    found.set(key, { ...one, needs: { ...found.get(key)?.needs, ...one.needs } });
  }
  return [...found.values()];
}

/** A package as package.json, and so most lockfiles, describe it. */
export function packageOf(name: string, entry: Record<string, unknown>): InstalledPackage {
  const sections = ['peerDependencies', 'optionalDependencies', 'dependencies'].flatMap((section) => Object.entries(recordOf(entry[section])));
  return { name, version: typeof entry.version === 'string' ? entry.version : null, needs: Object.fromEntries(sections.map(([key, range]) => [key, textOf(range)])) };
}

/** `npm:^5.4.1`, `5.8.2(supports-color@9)` and `{ specifier, version }` as a range. */
function textOf(range: unknown): string {
  const text = typeof range === 'string' || typeof range === 'number' ? String(range) : String(recordOf(range).specifier ?? recordOf(range).version ?? '');
  return text.replace(/^npm:/, '').replace(/\(.*$/, '');
}

const entriesOf = (value: unknown): [string, Record<string, unknown>][] => Object.entries(recordOf(value)).map(([name, entry]) => [name, recordOf(entry)]);

/** `name@range`, also with a scope. */
const nameOf = (place: string): string => place.slice(0, Math.max(place.indexOf('@', 1), 0)) || place;

function npm(text: string): InstalledPackage[] {
  const lock = recordOf(JSON.parse(text));
  const places = entriesOf(lock.packages).filter(([place, { link }]) => place.includes('node_modules/') && link !== true);
  if (places.length > 0 || lock.packages !== undefined) return places.map(([place, entry]) => packageOf(place.split('node_modules/').pop() ?? place, entry));
  return oldNpm(lock.dependencies, 0);
}

const DEEPEST = 100;

/** The first version of the format: a tree. */
function oldNpm(tree: unknown, depth: number): InstalledPackage[] {
  return entriesOf(tree).flatMap(([name, entry]) => [packageOf(name, { version: entry.version, dependencies: entry.requires }), ...(depth < DEEPEST ? oldNpm(entry.dependencies, depth + 1) : [])]);
}

/** `bullmq@5.66.0`, before version 9 `/bullmq@5.66.0(ioredis@5.8.2)`, before version 6 `/bullmq/5.66.0_ioredis@5.8.2`. */
function pnpm(text: string): InstalledPackage[] {
  const documents = yaml().parseAllDocuments(text);
  return ('empty' in documents ? [] : documents).flatMap((document) => {
    const [wrong] = document.errors;
    if (wrong !== undefined) throw wrong;
    const lock = recordOf(document.toJS());
    return [...entriesOf(lock.packages), ...entriesOf(lock.snapshots)].map(([place, entry]) => {
      const [, name = place, version = null] = /^\/?((?:@[^/@]+\/)?[^/@]+)[@/]([^(_]+)/.exec(place) ?? [];
      return packageOf(name, { ...entry, version: version ?? entry.version });
    });
  });
}

function yarn(text: string): InstalledPackage[] {
  if (!/^__metadata:/m.test(text)) return classicYarn(text);
  return entriesOf(yaml().parse(text))
    .filter(([place]) => place !== '__metadata' && !/@workspace:/.test(place))
    .map(([place, entry]) => packageOf(nameOf(place), entry));
}

function classicYarn(text: string): InstalledPackage[] {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- only an audit of such a code base needs it
  const { parse } = require('@yarnpkg/lockfile') as typeof Lockfile;
  return entriesOf(parse(text).object).map(([place, entry]) => packageOf(nameOf(place), entry));
}

/** `"bullmq": ["bullmq@5.66.0", "", { "dependencies": ... }, "sha512-..."]`, with comments and commas at the end. */
function bun(text: string): InstalledPackage[] {
  const { config, error } = ts.parseConfigFileTextToJson('bun.lock', text) as { config?: unknown; error?: { messageText: unknown } };
  if (config === undefined || error !== undefined) throw new Error(String(error?.messageText ?? 'it is no JSON'));
  return Object.values(recordOf(recordOf(config).packages)).flatMap((entry) => {
    const [place, ...rest] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof place !== 'string' || place.includes('@workspace:')) return [];
    const needs = rest.find((part) => typeof part === 'object' && part !== null);
    return [packageOf(nameOf(place), { ...recordOf(needs), version: place.slice(nameOf(place).length + 1) })];
  });
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- only an audit of such a code base needs it
const yaml = (): typeof Yaml => require('yaml') as typeof Yaml;
