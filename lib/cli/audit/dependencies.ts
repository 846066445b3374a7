/** `redis` and `ioredis` in package.json, and which installed packages depend on them. */
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { relative } from './files';
import { InstalledPackages, type Installed } from './installed';
import type { InstalledPackage, Manager } from './lockfiles';
import { readJson, recordOf, type Note } from './project';
import type { DependencyJson, Finding } from './schema';

const WATCHED = new Set(['redis', 'ioredis', '@redis/client', '@types/redis', '@types/ioredis', 'iovalkey', 'async-redis']);
const SECTIONS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'] as const;

interface Manifest {
  readonly file: string;
  readonly name: string | undefined;
  readonly version: string | null;
  readonly sections: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly installed: Installed;
}

export function findDependencies(root: string, files: readonly string[], notes: Note[]): { dependencies: DependencyJson[]; findings: Finding[] } {
  const read = files.flatMap((file) => manifestOf(root, file, notes) ?? []);
  // Large lockfiles take seconds to read.
  if (!read.some(({ sections }) => Object.values(sections).some((section) => Object.keys(section).some((name) => WATCHED.has(name))))) return { dependencies: [], findings: [] };
  const lockfiles = new InstalledPackages(root, notes);
  const manifests = read.map((one): Manifest => ({ ...one, installed: lockfiles.of(path.dirname(one.file)) }));
  const found = manifests.flatMap((manifest) => watchedIn(root, manifest, manifests).map((dependency) => ({ dependency, manager: manifest.installed.manager })));
  return {
    dependencies: found.map(({ dependency }) => dependency),
    findings: found.filter(({ dependency }) => dependency.section !== 'peerDependencies').map(({ dependency, manager }) => findingOf(dependency, manager)),
  };
}

function manifestOf(root: string, file: string, notes: Note[]): Omit<Manifest, 'installed'> | undefined {
  const json = readJson(file);
  if (json === undefined) {
    notes.push({ file: relative(root, file), message: 'is not valid JSON; its dependencies were not looked at' });
    return undefined;
  }
  const sections = Object.fromEntries(SECTIONS.map((section) => [section, recordOf(json[section])]));
  const { name, version } = json;
  return { file, name: typeof name === 'string' ? name : undefined, version: typeof version === 'string' ? version : null, sections };
}

function watchedIn(root: string, manifest: Manifest, all: readonly Manifest[]): DependencyJson[] {
  const { file, name: own, sections, installed } = manifest;
  const found = SECTIONS.flatMap((section) => Object.entries(sections[section] ?? {}).filter(([name]) => WATCHED.has(name)).map(([name, range]) => ({ section, name, range })));
  if (found.length === 0) return [];
  const text = readFileSync(file, 'utf8');
  const users = [...workspaceOf(manifest, all), ...installed.packages.filter(({ name }) => name !== own && !all.some((one) => one.name === name && one.installed === installed))];
  return found.map(({ section, name, range }) => ({
    ...placeInJson(text, section, name),
    file: relative(root, file),
    package: name,
    range: String(range),
    section,
    dependents: users.filter((one) => Object.hasOwn(one.needs, name)).map((one) => ({ package: one.name, version: one.version, range: one.needs[name] ?? '' })),
  }));
}

/** The other packages for which the same lockfile holds. */
function workspaceOf(manifest: Manifest, all: readonly Manifest[]): InstalledPackage[] {
  if (manifest.installed.packages.length === 0) return [];
  return all.flatMap((other) => {
    if (other === manifest || other.name === undefined || other.installed !== manifest.installed) return [];
    const needs = Object.fromEntries(SECTIONS.flatMap((section) => Object.entries(other.sections[section] ?? {}).map(([name, range]) => [name, String(range)])));
    return [{ name: other.name, version: other.version, needs }];
  });
}

/** Where a name stands in its section. */
function placeInJson(text: string, section: string, name: string): { line: number; column: number } {
  const start = text.search(new RegExp(`"${section}"\\s*:`));
  const at = text.indexOf(`"${name}"`, Math.max(start, 0));
  const before = text.slice(0, Math.max(at, 0)).split('\n');
  return { line: before.length, column: (before[before.length - 1] ?? '').length + 1 };
}

const REMOVE: Readonly<Record<Manager, string>> = { npm: 'npm uninstall', pnpm: 'pnpm remove', yarn: 'yarn remove', bun: 'bun remove' };

function findingOf(dependency: DependencyJson, manager: Manager): Finding {
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
    replacement: users === '' ? `${REMOVE[manager]} ${name}` : `${REMOVE[manager]} ${name} # when ${users} no longer needs it`,
    related: [],
  };
}
