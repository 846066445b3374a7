/** `hawser audit [dir]`. */
import * as path from 'node:path';
import type { CliCommand } from '../command';
import type { Context } from '../context';
import { CliError, EXIT } from '../exit_codes';
import { addOutputOptions, wholeNumber } from '../options';
import { emit } from '../output/emit';
import { audit } from './audit';
import { auditReport } from './report';

const MAX_FILES = 20_000;

export const command: CliCommand = {
  define(command) {
    command
      .argument('[dir]', 'the folder of the code base', '.')
      .option('--max-files <n>', 'look at no more than so many files', wholeNumber(1), MAX_FILES)
      .option('--tests', 'look at test files, too', false);
    addOutputOptions(command);
  },
  async run(call) {
    const { context, args, options } = call;
    if (args[0] === '') throw new CliError('the folder must not be an empty text; without one, the current folder is audited');
    const progress = progressOn(context);
    try {
      const data = await audit(path.resolve(context.cwd, args[0] as string), {
        cwd: context.cwd,
        maxFiles: options.maxFiles as number,
        tests: options.tests === true,
        signal: context.signal,
        onProgress: progress.show,
      });
      progress.clear();
      await emit(call, { data, report: () => auditReport(data, args[0] as string) });
      return data.findings.length === 0 ? EXIT.fine : EXIT.findings;
    } finally {
      progress.clear();
    }
  },
};

const PROGRESS_MS = 100;

/** A line on the terminal that is written over, at each new thing that is done and every 100 ms; and nothing anywhere else. */
function progressOn({ stderr }: Context): { show: (text: string) => void; clear: () => void } {
  if (!stderr.isTTY) return { show: () => undefined, clear: () => undefined };
  let last = 0;
  let thing = '';
  let isShown = false;
  return {
    show: (text) => {
      const now = performance.now();
      const [what] = text.split(':');
      if (what === thing && now - last < PROGRESS_MS) return;
      thing = what;
      last = now;
      isShown = true;
      // A line that is too long would not be written over.
      stderr.write(`\r\u001b[K${text.slice(0, Math.max((stderr.columns || 80) - 1, 1))}`);
    },
    clear: () => {
      if (isShown) stderr.write('\r\u001b[K');
      isShown = false;
    },
  };
}
