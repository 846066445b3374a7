/**
 * Where this code runs: from the files of the package, or from a bundle that a build tool made of it. A bundle may have no `__dirname` (ES
 * modules), or one that names another place.
 */
import type * as fs from 'node:fs';
import type * as path from 'node:path';
import type * as url from 'node:url';

/**
 * Node's modules for what runs before the native binary is loaded. Required at their use: a bundle of ES modules may have no `require`, and
 * the error about that has to be hawser's own, see native_error.ts.
 */
/* eslint-disable @typescript-eslint/no-require-imports -- see above */
export const node = {
  get fs() {
    return require('node:fs') as typeof fs;
  },
  get path() {
    return require('node:path') as typeof path;
  },
  get url() {
    return require('node:url') as typeof url;
  },
};
/* eslint-enable @typescript-eslint/no-require-imports */

/** The folder of the running file, where the bundle has one. */
export const runningFolder: string | undefined = typeof __dirname === 'string' ? __dirname : undefined;

/** The folder of hawser's compiled code, `dist`; undefined in a bundle. */
export const codeFolder: string | undefined = isPackage(runningFolder) ? runningFolder : undefined;

function isPackage(folder: string | undefined): boolean {
  try {
    // Some bundlers put a relative or an invented path in the place of `__dirname`.
    return folder !== undefined && node.path.isAbsolute(folder) && node.fs.existsSync(node.path.join(folder, '..', 'binding', 'platform.js'));
  } catch {
    return false;
  }
}
