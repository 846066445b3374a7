/** Gives a command's result out: as text, JSON or a page, on standard output or into a file. */
import { writeFile } from 'node:fs/promises';
import * as path from 'node:path';
import type { Call } from '../command';
import { CliError, messageOf } from '../exit_codes';
import { painter } from './colours';
import { renderHtml } from './html';
import type { Report } from './report';
import { renderText } from './text';

export interface Result {
  /** What `--json` prints. `undefined` members are left out, `Infinity` is "Infinity", a bigint is a string. */
  readonly data: unknown;
  /** Made only if it is shown. */
  readonly report: () => Report;
}

/** Prints the result in the format that the options ask for. Errors: `CliError` if `--output` cannot be written. */
export async function emit({ context, options }: Call, result: Result): Promise<void> {
  const file = typeof options.output === 'string' ? path.resolve(context.cwd, options.output) : undefined;
  const text = rendered(result, options, file === undefined ? painter(context.stdout, context.env) : (plain) => plain);
  if (file === undefined) return print(context.stdout, text);
  await writeFile(file, text).catch((error: unknown) => {
    throw new CliError(`cannot write --output ${options.output as string}: ${messageOf(error)}`);
  });
}

function rendered({ data, report }: Result, options: Call['options'], paint: ReturnType<typeof painter>): string {
  if (options.json === true) return `${JSON.stringify(data, jsonValue, 2)}\n`;
  return options.html === true ? renderHtml(report()) : renderText(report(), paint);
}

function jsonValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value === Infinity ? 'Infinity' : value;
}

/** Resolves when the text has been handed to the system. */
export function print(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve) => stream.write(text, () => resolve()));
}
