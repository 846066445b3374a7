/** Loads a module of the user: the tiers of `hawser tiers`, the warmers of `hawser warm`. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Context } from './context';
import { CliError, messageOf } from './exit_codes';

/**
 * The exports of `name`: a file, relative to the current folder, or a package that resolves from there. A CommonJS module has its own exports
 * beside `default`. Errors: `CliError` that names the module and what is wrong.
 */
export async function loadModule(name: string, { cwd }: Context): Promise<Record<string, unknown>> {
  const file = resolved(name, cwd);
  try {
    const exports = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
    const inner = exports.default;
    return typeof inner === 'object' && inner !== null ? { ...(inner as Record<string, unknown>), ...exports } : exports;
  } catch (error) {
    throw new CliError(`cannot load ${name}: ${reasonOf(error, file)}`);
  }
}

function resolved(name: string, cwd: string): string {
  const file = path.resolve(cwd, name);
  try {
    return createRequire(path.join(cwd, 'hawser.js')).resolve(existsSync(file) ? file : name);
  } catch {
    throw new CliError(`there is no module ${name} (looked for ${file} and for a package of that name)`);
  }
}

function reasonOf(error: unknown, file: string): string {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (/\.[cm]?tsx?$/.test(file) && (code === 'ERR_UNKNOWN_FILE_EXTENSION' || error instanceof SyntaxError)) {
    return `this Node (${process.version}) does not load this TypeScript file. Name the compiled JavaScript, or run: npx tsx node_modules/hawser/dist/cli/main.js ...`;
  }
  return messageOf(error);
}
