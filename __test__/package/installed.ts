/**
 * The package as an application gets it: packed, and installed into an empty project. The project's PATH has fake compilers, which record
 * every call.
 */
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { ROOT } from '../helpers/process';

export interface Ran {
  code: number;
  /** Standard output and error, in order of arrival. */
  output: string;
}

const COMPILERS = ['cargo', 'rustc', 'cc', 'gcc', 'g++', 'clang', 'make', 'cmake', 'node-gyp', 'python', 'python3'];

export class Installed {
  /** The application's project. */
  readonly project: string;
  /** The packed file; a published hawser has none here. */
  readonly tarball: string;
  /** The paths of the packed files. */
  readonly files: string[];
  /** The package in the project's node_modules. */
  readonly package: string;

  private constructor(
    private readonly directory: string,
    packed: { filename: string; files: { path: string }[] },
  ) {
    this.tarball = path.join(directory, packed.filename);
    this.files = packed.files.map((file) => file.path);
    this.project = path.join(directory, 'application');
    this.package = path.join(this.project, 'node_modules', 'hawser');
  }

  /** Packs the build and installs it beside other `dependencies` of the application. */
  static async create(dependencies: Record<string, string> = {}): Promise<Installed> {
    const directory = mkdtempSync(path.join(tmpdir(), 'hawser-package-'));
    const packing = ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', directory];
    const { code, output } = await execute('npm', packing, ROOT);
    if (code !== 0) throw new Error(`npm pack failed: ${output}`);
    const listed = JSON.parse(output.slice(output.indexOf('['))) as { filename: string; files: { path: string }[] }[];
    const installed = new Installed(directory, listed[0]);
    await installed.install({ ...dependencies, hawser: installed.tarball });
    return installed;
  }

  /** Installs `version` of hawser as it is published: the binary is in a package of its own. `env` names the registry. */
  static async published(version: string, env: Record<string, string>): Promise<Installed> {
    const installed = new Installed(mkdtempSync(path.join(tmpdir(), 'hawser-published-')), { filename: '', files: [] });
    await installed.install({ hawser: version }, env);
    return installed;
  }

  /** Writes a file of the application. */
  write(name: string, text: string): string {
    const file = path.join(this.project, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  /** Puts the package at another name, too: the same folder, so the same modules. */
  standIn(name: string): void {
    const place = path.join(this.project, 'node_modules', name);
    rmSync(place, { recursive: true, force: true });
    symlinkSync('hawser', place, 'junction');
  }

  /** Runs a Node program in the project. */
  node(...args: string[]): Promise<Ran> {
    return execute(process.execPath, args, this.project);
  }

  /** Runs any program in the project. */
  run(program: string, ...args: string[]): Promise<Ran> {
    return execute(program, args, this.project);
  }

  /** Copies a folder of the project to an otherwise empty place and returns its path. */
  moveOut(folder: string): string {
    const place = path.join(mkdtempSync(path.join(this.directory, 'outside-')), path.basename(folder));
    cpSync(path.join(this.project, folder), place, { recursive: true });
    return place;
  }

  /** Runs any program in `folder`, with `env` added to the environment. */
  runIn(folder: string, env: Record<string, string>, program: string, ...args: string[]): Promise<Ran> {
    return execute(program, args, path.resolve(this.project, folder), env);
  }

  /** Runs a tool of this repository in the project. */
  tool(script: string, ...args: string[]): Promise<Ran> {
    return this.node(path.join(ROOT, 'node_modules', script), ...args);
  }

  /** The compilers that were called. */
  compilersCalled(): string[] {
    return COMPILERS.filter((name) => existsSync(path.join(this.directory, `called-${name}`)));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async install(dependencies: Record<string, string>, env: Record<string, string> = {}): Promise<void> {
    const traps = path.join(this.directory, 'traps');
    mkdirSync(traps);
    for (const name of COMPILERS) {
      writeFileSync(path.join(traps, name), `#!/bin/sh\n: > "${this.directory}/called-${name}"\nexit 1\n`);
      chmodSync(path.join(traps, name), 0o755);
    }
    this.write('package.json', JSON.stringify({ name: 'application', version: '1.0.0', private: true, dependencies }));
    // npm's cache has everything that the repository fetched, so no network is needed.
    const install = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--foreground-scripts', '--loglevel=error'];
    const { code, output } = await execute('npm', install, this.project, { ...env, PATH: `${traps}${path.delimiter}${process.env.PATH}` });
    if (code !== 0) throw new Error(`npm install failed: ${output}`);
    // The application's own tools: ours, by path.
    for (const name of ['typescript', 'ts-jest', 'jest', '@types/jest']) {
      const link = path.join(this.project, 'node_modules', name);
      mkdirSync(path.dirname(link), { recursive: true });
      symlinkSync(path.join(ROOT, 'node_modules', name), link);
    }
  }
}

/** A file of __test__/package/tools, which `installTools` has installed. */
export function toolPath(...parts: string[]): string {
  return path.join(__dirname, 'tools', 'node_modules', ...parts);
}

/** Installs the compilers, bundlers and runtimes of __test__/package/tools. */
export async function installTools(): Promise<void> {
  const { code, output } = await execute(process.execPath, ['scripts/setup.mjs', '--tools'], ROOT);
  if (code !== 0) throw new Error(output);
}

/** Names of the packages that are installed in a project, without linked tools. */
export function installedPackages(project: string): string[] {
  const modules = path.join(project, 'node_modules');
  const names = readdirSync(modules, { withFileTypes: true }).filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  return names
    .flatMap(({ name }) => (name.startsWith('@') ? readdirSync(path.join(modules, name)).map((part) => `${name}/${part}`) : [name]))
    .filter((name) => name !== '@types/jest')
    .sort();
}

function execute(program: string, args: string[], cwd: string, env: Record<string, string> = {}): Promise<Ran> {
  return new Promise((resolve) => {
    // The application must not see the variables of npm and jest.
    const inherited = Object.entries(process.env).filter(([name]) => !/^(npm_(?!config_(registry|cache|userconfig))|JEST_|NODE_OPTIONS)/i.test(name));
    const options = { cwd, env: { ...Object.fromEntries(inherited), ...env }, maxBuffer: 64 << 20 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: error ? (child.exitCode ?? 1) : 0, output: stdout + stderr });
    });
  });
}
