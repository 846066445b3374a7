/** How long a blocking command may block according to its arguments. */

type Argument = string | Buffer | undefined;

/** Commands by the position of their time-out, with ioredis's names. */
export const BLOCKING_FLAGS = {
  LAST_ARG_TIMEOUT_COMMANDS: ['blpop', 'brpop', 'brpoplpush', 'blmove', 'bzpopmin', 'bzpopmax'],
  FIRST_ARG_TIMEOUT_COMMANDS: ['bzmpop', 'blmpop'],
  BLOCK_OPTION_COMMANDS: ['xread', 'xreadgroup'],
};

function numberOf(arg: Argument): number | undefined {
  const value = arg === undefined ? NaN : Number(String(arg));
  return Number.isFinite(value) ? Math.max(value, 0) : undefined;
}

const secondsOf = (arg: Argument): number | undefined => {
  const seconds = numberOf(arg);
  return seconds === undefined ? undefined : seconds * 1000;
};

/** Milliseconds; 0: without limit; null: it does not block; undefined: unknown. */
export function blockingTimeOf(lower: string, args: readonly Argument[]): number | null | undefined {
  // Its time-out has a fixed position; options may follow.
  if (lower === 'blmovem') return secondsOf(args[4]);
  if (BLOCKING_FLAGS.LAST_ARG_TIMEOUT_COMMANDS.includes(lower)) return secondsOf(args[args.length - 1]);
  if (BLOCKING_FLAGS.FIRST_ARG_TIMEOUT_COMMANDS.includes(lower)) return secondsOf(args[0]);
  if (!BLOCKING_FLAGS.BLOCK_OPTION_COMMANDS.includes(lower)) return undefined;
  const at = args.findIndex((arg) => String(arg).toLowerCase() === 'block');
  return at < 0 ? null : numberOf(args[at + 1]);
}
