/** The message of `E_NO_BINARY`: the problem, its cause, and the solution. */
import { packageName } from './native_packages';

/** The facts when no binary could be loaded. */
export interface LoadFailure {
  /** The platform of this process: `linux-x64-gnu` ... */
  platform: string;
  /** The platforms of the existing binaries; in a bundle, of those that existed when it was made. */
  shipped: readonly string[];
  /** The platforms whose binary is in a package of its own. Default: none. */
  packages?: readonly string[];
  /** The lock file that lacks the package for this platform. */
  lock?: string;
  /** The folder of the installed package; undefined if the code runs from a bundle. */
  packageFolder: string | undefined;
  /** Why the existing binary could not be loaded. */
  cause?: unknown;
  /** The type of the value that a bundler has put in its place. */
  found?: string;
  /** The package for this platform belongs to another hawser. */
  other?: OtherVersion;
}

/** A package whose version is not hawser's own. */
export interface OtherVersion {
  own: string;
  version: string;
  /** Where it is installed; undefined in a bundle, and where packages are not in folders. */
  folder?: string;
  /** The package.json or lock file that names this version. */
  namedBy?: string;
}

type Lines = readonly (readonly [tool: string, line: string])[];

/** For each bundler, the line that leaves hawser out of the bundle. docs/deployment.md has the same lines. */
export const LEAVE_OUT: Lines = [
  ['esbuild', '--external:hawser'],
  ['webpack', "externals: { hawser: 'commonjs hawser' }"],
  ['Vite', "ssr: { external: ['hawser'] }"],
  ['Rollup', "external: ['hawser']"],
  ['Next.js', "serverExternalPackages: ['hawser']"],
];

/** For each bundler that can copy the binary, the line that tells it to. docs/deployment.md has the same lines. */
export const TAKE_IN: Lines = [
  ['esbuild', '--loader:.node=copy'],
  ['webpack', "module: { rules: [{ test: /\\.node$/, type: 'asset/resource' }] }"],
  ['Vite', "build: { ssrEmitAssets: true, rolldownOptions: { moduleTypes: { '.node': 'copy' } } }"],
];

/** What esbuild also needs for ES modules, as for any CommonJS package in the bundle. docs/deployment.md has the same line. */
export const ESM_BANNER = `--banner:js="import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"`;

export function describe(failure: LoadFailure): string {
  const { platform, shipped, packageFolder, other } = failure;
  if (other !== undefined) return ofOtherVersion(packageName(platform), other, packageFolder === undefined);
  if (packageFolder === undefined) return bundled(failure);
  return shipped.includes(platform) ? notLoaded(failure, packageFolder) : missing(failure, packageFolder);
}

function missing(failure: LoadFailure, packageFolder: string): string {
  const { platform, shipped, packages = [] } = failure;
  const separate = packages.includes(platform);
  const problem = separate ? `: the package ${packageName(platform)}, an optional dependency of hawser, is not installed` : '';
  const start = `hawser has no native binary for ${subject(platform)}${problem}. This installation has ${shipped.join(', ') || 'none at all'}, in ${packageFolder}.`;
  return `${start} ${separate ? whyNotInstalled(failure) : whyMissing(platform, shipped)} ${fromSource(packageFolder, platform)}`;
}

/** npm installs the package that fits unless one of these stops it. */
function whyNotInstalled({ platform, shipped, lock }: LoadFailure): string {
  if (lock !== undefined) {
    return (
      `The cause is ${lock}: it names hawser without this package, because npm wrote it on another platform where node_modules existed already ` +
      '(https://github.com/npm/cli/issues/4828). Delete node_modules and package-lock.json, run `npm install`, and commit the new lock file.'
    );
  }
  if (shipped.length > 0) {
    return (
      'node_modules was installed on another platform, or for one. Install it where it runs: run `npm ci` in the Dockerfile, in an image of the system ' +
      `that starts the application, and list node_modules in .dockerignore. ${forAnother(platform)}`
    );
  }
  return (
    'The installation left optional dependencies out: look for `--omit=optional` (npm), `--no-optional` (pnpm), `--ignore-optional` (Yarn 1), and ' +
    '`omit` or `optional` in .npmrc and in the environment (NPM_CONFIG_OMIT). Install again without it: `npm install --include=optional`. If there is no such ' +
    'setting, a package-lock.json from another platform lacks the package (https://github.com/npm/cli/issues/4828): delete node_modules and ' +
    'package-lock.json, and run `npm install`.'
  );
}

/** npm installs both in one version unless somebody else decides. */
function ofOtherVersion(name: string, { own, version, folder, namedBy }: OtherVersion, inBundle: boolean): string {
  const problem = `hawser ${own} cannot use the native binary of hawser ${version}: the package ${name}`;
  const again = 'delete node_modules and package-lock.json, and run `npm install`';
  if (inBundle) return `${problem} had version ${version} where this bundle was made. There, ${again}; then make the bundle again.`;
  const start = `${problem}${folder === undefined ? '' : `, in ${folder},`} has version ${version}.`;
  if (namedBy === undefined) return `${start} Neither package.json nor package-lock.json names that version, so it was copied or installed separately: ${again}.`;
  if (namedBy.endsWith('package.json')) return `${start} The cause is ${namedBy}, which names ${name}. hawser names it itself, in exactly its own version: remove it there, ${again}.`;
  return `${start} The cause is ${namedBy}, which has that version, for example because it was merged or edited: ${again}, and commit the new lock file.`;
}

/** The command that installs for `platform` on another one. */
function forAnother(platform: string): string {
  const [os, cpu, libc] = platform.split('-');
  const flag = libc === 'gnu' ? ' --libc=glibc' : libc === 'musl' ? ' --libc=musl' : '';
  return `To install on one system for another, run \`npm install --os=${os} --cpu=${cpu}${flag}\`.`;
}

function whyMissing(platform: string, shipped: readonly string[]): string {
  if (!/^(linux|darwin|win32)-(x64|arm64)\b/.test(platform)) {
    return 'Binaries are made for Linux, macOS and Windows on x64 and arm64; on other platforms hawser is built from source.';
  }
  if (shipped.length === 0) return "If a build step copied or pruned node_modules, make it keep hawser's folder `binding`.";
  const [system, libc] = withoutLibc(platform);
  const other = shipped.map(withoutLibc).find(([same]) => same === system)?.[1];
  if (libc === 'musl' && other === 'gnu') {
    return 'The C library of this system is musl (Alpine Linux), and that binary needs glibc. Use an image with glibc, such as node:22-slim.';
  }
  if (libc === 'gnu' && other === 'musl') {
    return 'The C library of this system is glibc, and that binary needs musl (Alpine Linux). Run `npm ci` on this system instead of copying node_modules.';
  }
  return (
    'If node_modules was copied from another system, for example into a container, install it where it runs: ' +
    'run `npm ci` in the Dockerfile, and list node_modules in .dockerignore.'
  );
}

/** Splits `linux-x64-musl` into `linux-x64` and `musl`. */
function withoutLibc(platform: string): [system: string, libc: string | undefined] {
  const [, system, libc] = /^(.*?)(?:-(gnu|musl))?$/.exec(platform) ?? [];
  return [system, libc];
}

function notLoaded({ platform, cause }: LoadFailure, packageFolder: string): string {
  const build = fromSource(packageFolder, platform);
  return `hawser's native binary for ${subject(platform)} could not be loaded: ${reasonOf(cause)}. ${whyNotLoaded(cause, build)}`;
}

/** Explains the messages of runtimes and dynamic loaders. */
function whyNotLoaded(cause: unknown, build: string): string {
  const { code, name } = (cause ?? {}) as { code?: string; name?: string };
  if (code === 'ERR_DLOPEN_DISABLED') return 'Start Node with --allow-addons where it runs with --permission, and without --no-addons.';
  if (name === 'NotCapable' || name === 'PermissionDenied') return 'Start Deno with --allow-ffi, --allow-read, --allow-env and --allow-net.';
  const text = reasonOf(cause);
  const glibc = /GLIBC_([\d.]+)/.exec(text)?.[1];
  if (glibc !== undefined) return `It needs glibc ${glibc} or newer: use a newer system or image. ${build}`;
  if (/ld-linux|ld-musl|libc\.musl|libgcc_s|symbol not found/i.test(text)) {
    return `It was made for a system with another C library, or a library that it needs is not installed. ${build}`;
  }
  return `The file may be damaged, or made for another system. ${build}`;
}

function bundled(failure: LoadFailure): string {
  const lines = (table: Lines): string => table.map(([tool, line]) => `\n  ${tool.padEnd(8)} ${line}`).join('');
  return (
    `hawser has no native binary for ${subject(failure.platform)}: its code runs from a bundle, and ${inBundle(failure)}. ` +
    `Leave hawser out of the bundle, and install it where the bundle runs:${lines(LEAVE_OUT)}\n` +
    `or let the bundler copy the binary:${lines(TAKE_IN)}\n` +
    `When esbuild makes ES modules, copying needs this line as well:\n  ${ESM_BANNER}`
  );
}

function inBundle({ platform, shipped, packages = [], cause, found }: LoadFailure): string {
  if (!shipped.includes(platform)) {
    return `it was made where the package had ${shipped.length > 0 ? `binaries for ${shipped.join(', ')} only` : 'no binary'}`;
  }
  if (cause !== undefined) return `${packages.includes(platform) ? `the binary, from the package ${packageName(platform)},` : 'the binary'} cannot be loaded there: ${reasonOf(cause)}`;
  return `the bundler has put a value of type ${found} in the place of the binary`;
}

function subject(platform: string): string {
  return `${platform} (Node ${process.version})`;
}

function reasonOf(cause: unknown): string {
  // No `instanceof`, because under jest this error belongs to another realm.
  const message = String((cause as Error | undefined)?.message ?? cause);
  return message.split('\nRequire stack:')[0].trim().replace(/\.$/, '');
}

function fromSource(packageFolder: string, platform: string): string {
  const needs = platform.endsWith('-musl') ? 'Rust and a C linker (`apk add cargo build-base`)' : 'Rust and a C linker';
  return `To build it from source, run \`npm run build\` in ${packageFolder}; that needs ${needs}.`;
}
