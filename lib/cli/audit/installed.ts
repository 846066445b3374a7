/** Which packages are installed for a package.json: from the lockfile that holds for it, else from node_modules; with the packages of the workspace. */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import * as path from 'node:path';
import { messageOf } from '../exit_codes';
import { relative } from './files';
import { FORMATS, packageOf, readLockfile, unique, type InstalledPackage, type Manager } from './lockfiles';
import { readJson, type Note } from './project';

export interface Installed {
  readonly manager: Manager;
  readonly packages: readonly InstalledPackage[];
}

const NONE: Installed = { manager: 'npm', packages: [] };

/** Reads every lockfile once. */
export class InstalledPackages {
  private readonly byFolder = new Map<string, Installed | undefined>();

  constructor(
    private readonly root: string,
    private readonly notes: Note[],
  ) {}

  /** Looks from the folder upwards to the audited one; above of that only in the root of a workspace. */
  of(folder: string): Installed {
    for (let up = folder; ; up = path.dirname(up)) {
      const isInside = relative(this.root, up).split('/')[0] !== '..';
      const found = isInside || isWorkspaceRoot(up) ? this.in(up) : undefined;
      if (found !== undefined) return found;
      if (path.dirname(up) === up) return NONE;
    }
  }

  private in(folder: string): Installed | undefined {
    if (!this.byFolder.has(folder)) this.byFolder.set(folder, this.read(folder));
    return this.byFolder.get(folder);
  }

  private read(folder: string): Installed | undefined {
    const names = FORMATS.filter(({ file }) => existsSync(path.join(folder, file)));
    const chosen = String(readJson(path.join(folder, 'package.json'))?.packageManager ?? '').split('@')[0];
    // Others may be left from before.
    for (const { file } of [...names.filter(({ manager }) => manager === chosen), ...names.filter(({ manager }) => manager !== chosen)]) {
      try {
        const read = readLockfile(path.join(folder, file));
        if (read.packages.length > 0) return read;
      } catch (error) {
        this.notes.push({ file: relative(this.root, path.join(folder, file)), message: `${messageOf(error)}; who depends on the packages is taken from node_modules` });
      }
    }
    if (existsSync(path.join(folder, 'bun.lockb')) && names.length === 0) {
      this.notes.push({ file: relative(this.root, path.join(folder, 'bun.lockb')), message: 'is binary and was not read; `bun install --save-text-lockfile` writes bun.lock' });
    }
    const modules = path.join(folder, 'node_modules');
    return existsSync(modules) ? { manager: names[0]?.manager ?? 'npm', packages: unique(inModules(modules)) } : undefined;
  }
}

const isWorkspaceRoot = (folder: string): boolean => existsSync(path.join(folder, 'pnpm-workspace.yaml')) || readJson(path.join(folder, 'package.json'))?.workspaces !== undefined;

function inModules(modules: string): InstalledPackage[] {
  const names = listed(modules).flatMap((name) => (name.startsWith('@') ? listed(path.join(modules, name)).map((inner) => `${name}/${inner}`) : [name]));
  return names.flatMap((name) => {
    const manifest = readJson(path.join(modules, name, 'package.json'));
    const own = manifest === undefined ? [] : [packageOf(name, manifest)];
    // A link leads to a package of the workspace, or to pnpm's store.
    const inner = path.join(modules, name, 'node_modules');
    return existsSync(inner) && !lstatSync(path.join(modules, name)).isSymbolicLink() ? [...own, ...inModules(inner)] : own;
  });
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.')).sort();
  } catch {
    return [];
  }
}
