/** How a command ends, for scripts and CI. */
export const EXIT = {
  /** Done, nothing to report. */
  fine: 0,
  /** Done: there are findings, or a threshold is missed. */
  findings: 1,
  /** Wrong usage, or the command could not do its work. */
  failure: 2,
  /** Stopped by SIGINT, as shells count it. */
  interrupted: 130,
} as const;

/** An error whose message is all that the user needs: it names the option, URL, directory or file, and says what to do. */
export class CliError extends Error {
  override name = 'CliError';
}

/** Behind this, servers repeat the arguments of a command: keys, values, passwords. */
const ARGUMENTS = /,? with args beginning with:[^]*$/;

/** One line that says what went wrong, without a stack. Of what a server said it shows the reason, not the arguments, since reports are kept and shared. */
export function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === '' ? error.name : error.message.replace(ARGUMENTS, '');
  return String(error);
}
