/**
 * The packages that contain one binary each, which npm installs beside a published hawser. This finds out which of them are there, and why
 * one may be missing; native_error.ts puts it into words.
 */
import { node } from './place';

/** The name of the package with the binary for `platform`. */
export const packageName = (platform: string): string => `hawser-${platform}`;

/** Where the package for `platform` is installed; undefined: nowhere that Node looks for it. */
export function packageFolderOf(platform: string, packageFolder: string): string | undefined {
  return above(packageFolder)
    .map((folder) => node.path.join(folder, 'node_modules', packageName(platform)))
    .find((folder) => node.fs.existsSync(node.path.join(folder, 'package.json')));
}

/**
 * The lock file that names hawser but not its package for `platform`: npm wrote it on another platform, and installs from it what it names.
 * Undefined if there is no such file.
 */
export function lockWithout(platform: string, packageFolder: string): string | undefined {
  const file = above(packageFolder)
    .map((folder) => node.path.join(folder, 'package-lock.json'))
    .find((name) => node.fs.existsSync(name));
  if (file === undefined) return undefined;
  try {
    const { packages = {} } = JSON.parse(node.fs.readFileSync(file, 'utf8')) as { packages?: object };
    const names = (name: string): boolean => Object.keys(packages).some((place) => place.endsWith(`node_modules/${name}`));
    return names('hawser') && !names(packageName(platform)) ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The file because of which the package for `platform` has this version: a package.json or a lock file. Undefined if none names it. */
export function whoNames(platform: string, version: string, packageFolder: string): string | undefined {
  const name = packageName(platform);
  const first = (file: string, says: (text: string) => boolean): string | undefined =>
    above(node.path.dirname(packageFolder))
      .map((folder) => node.path.join(folder, file))
      .find((path) => node.fs.existsSync(path) && says(node.fs.readFileSync(path, 'utf8')));
  // Dependencies, `overrides`, `resolutions`: only hawser's own list may name it.
  return first('package.json', (text) => text.includes(`"${name}"`)) ?? first('package-lock.json', (text) => lockedVersions(text, name).includes(version));
}

/** The versions of a package in the text of a lock file. */
function lockedVersions(text: string, name: string): (string | undefined)[] {
  try {
    const { packages = {} } = JSON.parse(text) as { packages?: Record<string, { version?: string }> };
    return Object.entries(packages).flatMap(([place, one]) => (place.endsWith(`node_modules/${name}`) ? [one.version] : []));
  } catch {
    return [];
  }
}

/** The folder and those that contain it, the nearest first. */
function above(folder: string): string[] {
  const parent = node.path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}
