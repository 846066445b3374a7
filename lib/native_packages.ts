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

/** The folder and those that contain it, the nearest first. */
function above(folder: string): string[] {
  const parent = node.path.dirname(folder);
  return parent === folder ? [folder] : [folder, ...above(parent)];
}
