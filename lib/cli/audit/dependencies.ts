/** `redis` and `ioredis` in package.json, and which installed packages depend on them. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { relative } from './files';
import { readJson, type Note } from './project';
import type { DependencyJson, Finding } from './schema';

const WATCHED = new Set(['redis', 'ioredis', '@redis/client', '@types/redis', '@types/ioredis', 'iovalkey', 'async-redis']);
const SECTIONS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

export function findDependencies(root: string, manifests: readonly string[], notes: Note[]): { dependencies: DependencyJson[]; findings: Finding[] } {
  const dependencies = manifests.flatMap((file) => watchedIn(root, file, notes));
  return { dependencies, findings: dependencies.filter(({ section }) => section !== 'peerDependencies').map(findingOf) };
}

function watchedIn(root: string, file: string, notes: Note[]): DependencyJson[] {
  const manifest = readJson(file);
  if (manifest === undefined) {
    notes.push({ file: relative(root, file), message: 'is not valid JSON; its dependencies were not looked at' });
    return [];
  }
  const text = readFileSync(file, 'utf8');
  const found = SECTIONS.flatMap((section) => Object.entries(recordOf(manifest[section])).filter(([name]) => WATCHED.has(name)).map(([name, range]) => ({ section, name, range })));
  if (found.length === 0) return [];
  const installed = installedPackages(path.dirname(file), root);
  return found.map(({ section, name, range }) => ({
    ...placeInJson(text, section, name),
    file: relative(root, file),
    package: name,
    range: String(range),
    section,
    dependents: installed.filter((one) => name in one.needs).map((one) => ({ package: one.name, version: one.version, range: one.needs[name] ?? '' })),
  }));
}

const recordOf = (value: unknown): Record<string, unknown> => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {});

/** Where a name stands in its section. */
function placeInJson(text: string, section: string, name: string): { line: number; column: number } {
  const start = text.search(new RegExp(`"${section}"\\s*:`));
  const at = text.indexOf(`"${name}"`, Math.max(start, 0));
  const before = text.slice(0, Math.max(at, 0)).split('\n');
  return { line: before.length, column: (before[before.length - 1] ?? '').length + 1 };
}

interface InstalledPackage {
  readonly name: string;
  readonly version: string | null;
  readonly needs: Readonly<Record<string, string>>;
}

/** From the nearest npm lockfile up to the audited folder, else from node_modules. */
function installedPackages(folder: string, root: string): InstalledPackage[] {
  for (let up = folder; ; up = path.dirname(up)) {
    const lock = ['package-lock.json', 'npm-shrinkwrap.json'].map((name) => path.join(up, name)).find((name) => existsSync(name));
    const packages = lock === undefined ? undefined : recordOf(readJson(lock)?.packages);
    if (packages !== undefined && Object.keys(packages).length > 0) return unique(Object.entries(packages).filter(([place]) => place !== '').map(([place, entry]) => packageOf(place.split('node_modules/').pop() ?? place, recordOf(entry))));
    if (existsSync(path.join(up, 'node_modules'))) return unique(inModules(path.join(up, 'node_modules')));
    if (up === root || path.dirname(up) === up) return [];
  }
}

function packageOf(name: string, entry: Record<string, unknown>): InstalledPackage {
  const needs = { ...recordOf(entry.peerDependencies), ...recordOf(entry.optionalDependencies), ...recordOf(entry.dependencies) };
  return { name, version: typeof entry.version === 'string' ? entry.version : null, needs: Object.fromEntries(Object.entries(needs).map(([key, range]) => [key, String(range)])) };
}

function inModules(modules: string): InstalledPackage[] {
  const names = listed(modules).flatMap((name) => (name.startsWith('@') ? listed(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name]));
  return names.flatMap((name) => {
    const manifest = readJson(path.join(modules, name, 'package.json'));
    return manifest === undefined ? [] : [packageOf(name, manifest)];
  });
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.')).sort();
  } catch {
    return [];
  }
}

function unique(packages: readonly InstalledPackage[]): InstalledPackage[] {
  return [...new Map(packages.map((one) => [`${one.name}@${one.version}`, one])).values()];
}

function findingOf(dependency: DependencyJson): Finding {
  const { package: name, range, section, dependents } = dependency;
  const users = dependents.map((one) => one.package).join(', ');
  return {
    kind: 'dependency',
    severity: 'low',
    confidence: 'sure',
    file: dependency.file,
    line: dependency.line,
    column: dependency.column,
    message: `${name} ${range} in ${section}; installed packages that depend on it: ${users || 'none'}`,
    code: `"${name}": "${range}"`,
    replacement: users === '' ? `npm uninstall ${name}` : `npm uninstall ${name} # when ${users} no longer needs it`,
    related: [],
  };
}
