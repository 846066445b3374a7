/**
 * Where this code runs: from the package's files, or from a bundle that a build tool made. A bundle may have no `__dirname` (ES modules),
 * or one that names another place.
 */
import type * as fs from 'node:fs';
import type * as path from 'node:path';
import type * as url from 'node:url';

/**
 * Node's modules for code that runs before the native binary is loaded. They are required at their use, because a bundle of ES modules
 * may have no `require`, and hawser must then report its own error; see native_error.ts.
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

/** The folder of the running file; undefined if the bundle has no `__dirname`. */
export const runningFolder: string | undefined = typeof __dirname === 'string' ? __dirname : undefined;

/** The folder of hawser's compiled code, `dist`; undefined in a bundle. */
export const codeFolder: string | undefined = isPackage(runningFolder) ? runningFolder : undefined;

function isPackage(folder: string | undefined): boolean {
  try {
    // Some bundlers replace `__dirname` with a relative or an invented path.
    return folder !== undefined && node.path.isAbsolute(folder) && node.fs.existsSync(node.path.join(folder, '..', 'binding', 'platform.js'));
  } catch {
    return false;
  }
}
