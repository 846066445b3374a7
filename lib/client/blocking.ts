/** How long a blocking command may block by its own arguments. */

type Argument = string | Buffer | undefined;

const LAST = new Set(['blpop', 'brpop', 'brpoplpush', 'blmove', 'bzpopmin', 'bzpopmax']);
const FIRST = new Set(['bzmpop', 'blmpop']);

function numberOf(arg: Argument): number | undefined {
  const value = arg === undefined ? NaN : Number(String(arg));
  return Number.isFinite(value) ? Math.max(value, 0) : undefined;
}

const secondsOf = (arg: Argument): number | undefined => {
  const seconds = numberOf(arg);
  return seconds === undefined ? undefined : seconds * 1000;
};

/** Milliseconds, 0 for ever; null where it does not block, undefined where that cannot be told. */
export function blockingTimeOf(lower: string, args: readonly Argument[]): number | null | undefined {
  // Its time-out has a fixed place, options may follow.
  if (lower === 'blmovem') return secondsOf(args[4]);
  if (LAST.has(lower)) return secondsOf(args[args.length - 1]);
  if (FIRST.has(lower)) return secondsOf(args[0]);
  if (lower !== 'xread' && lower !== 'xreadgroup') return undefined;
  const at = args.findIndex((arg) => String(arg).toLowerCase() === 'block');
  return at < 0 ? null : numberOf(args[at + 1]);
}
