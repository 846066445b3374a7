#!/usr/bin/env node
/** The program `hawser`. `run` does the work; this file connects it to the process. */
import { processContext } from './context';
import { run } from './run';

const context = processContext();
void run(process.argv.slice(2), context).then(async (code) => {
  await context.flush();
  // A module of the user may have left connections open, and the command is done.
  process.exit(code);
});
