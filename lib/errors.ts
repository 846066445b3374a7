/**
 * Errors of the package. They are constructed here, never in native code: an error made there belongs to another realm under jest and
 * fails `instanceof`. A message says what was being done, where, and what to do next; never a key, a value or a password.
 */

export interface HawserErrorDetails {
  /** The command's name, without its arguments. */
  command?: string;
  /** `host:port` or a socket path. */
  node?: string;
  /** Whether the command may have been executed although its reply is missing. Absent where that is certain. */
  maybeExecuted?: boolean;
  /** For invalidations that could not be delivered: `true` when they are kept and will be repeated, `false` when they are not. */
  kept?: boolean;
  cause?: unknown;
}

/** An error with a stable `code`; the README's table has them all. Match on the code, never on the message. */
export class HawserError extends Error {
  override readonly name: string = 'HawserError';
  /** The command's name, or the cache's operation. */
  readonly command?: string;
  /** `host:port` or a socket path. */
  readonly node?: string;
  /** True when the server may have run the command although its reply is missing. */
  readonly maybeExecuted?: boolean;
  /** Of an undelivered invalidation: whether it is kept and will be repeated. */
  readonly kept?: boolean;

  constructor(
    readonly code: string,
    message: string,
    details: HawserErrorDetails = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    if (details.command !== undefined) this.command = details.command;
    if (details.node !== undefined) this.node = details.node;
    if (details.maybeExecuted !== undefined) this.maybeExecuted = details.maybeExecuted;
    if (details.kept !== undefined) this.kept = details.kept;
  }
}

type OptionErrorClass = typeof TypeError | typeof RangeError;

/**
 * Throws for an option, argument or environment variable that cannot be used: `cache.ttl must be a positive number of seconds, got -5`.
 * `code` is `E_BAD_OPTION`. A TypeError, or a RangeError where `Kind` says so: something of the right type, or a limit. Only numbers and
 * booleans are shown; of everything else the message names the type, because it may be a secret.
 */
export function badOption(path: string, allowed: string, got: unknown, Kind: OptionErrorClass = TypeError): never {
  throw Object.assign(new Kind(`${path} must be ${allowed}, got ${describe(got)}`), { code: 'E_BAD_OPTION' });
}

function describe(got: unknown): string {
  switch (typeof got) {
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(got);
    case 'string':
      return got === '' ? 'an empty string' : 'a string';
    case 'object':
      if (got === null) return 'null';
      return Array.isArray(got) ? 'an array' : 'an object';
    default:
      return `a ${typeof got}`;
  }
}
