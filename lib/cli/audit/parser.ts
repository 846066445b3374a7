/**
 * TypeScript's parser. hawser does not depend on the package `typescript`: it takes the audited project's, else the one beside hawser. TypeScript
 * 7 is a native program and has no parser for JavaScript, so a package without `createSourceFile` is passed over.
 */
import { createRequire } from 'node:module';
import * as path from 'node:path';
import type * as TypeScript from 'typescript';
import { CliError } from '../exit_codes';

/** The parser; set by `loadParser`. */
export let ts: typeof TypeScript;

/** Which parser is used. */
export interface ParserInfo {
  readonly version: string;
  readonly folder: string;
}

/** Loads the parser for an audit of `dir`. Errors: `CliError` with the command that brings one. */
export function loadParser(dir: string, cwd: string): ParserInfo {
  const unfit: string[] = [];
  for (const from of [dir, cwd, __dirname]) {
    const require = createRequire(path.join(from, 'hawser.js'));
    let file: string;
    try {
      file = require.resolve('typescript');
    } catch {
      continue;
    }
    const found = loaded(() => require('typescript') as Partial<typeof TypeScript>);
    if (found !== undefined && typeof found.createSourceFile === 'function') {
      ts = found as typeof TypeScript;
      return { version: ts.version, folder: path.dirname(path.dirname(file)) };
    }
    unfit.push(`typescript ${found?.version ?? '(does not load)'} in ${path.dirname(path.dirname(file))} has no parser for JavaScript`);
  }
  const why = unfit.length === 0 ? 'no package typescript was found' : unfit.join('; ');
  throw new CliError(`the audit needs TypeScript's parser, and ${why}. Run: npx -p hawser -p typescript@5 hawser audit`);
}

function loaded<T>(load: () => T): T | undefined {
  try {
    return load();
  } catch {
    return undefined;
  }
}
