/** What a file of a command exports. */
import type { Command } from 'commander';
import type { Context } from './context';

export interface CliCommand {
  /** Adds arguments and options to the command, whose name and summary are set. */
  define(command: Command): void;
  /** Does the work. Returns the exit code; throws `CliError` where the user is to be told what is wrong. */
  run(call: Call): Promise<number>;
}

/** One call of a command, with what the user has typed. */
export interface Call {
  readonly context: Context;
  /** The arguments in order; an optional one that is absent is `undefined`, a variadic one is an array. */
  readonly args: readonly unknown[];
  /** The options by their names in camel case. */
  readonly options: Readonly<Record<string, unknown>>;
}
