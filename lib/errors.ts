/**
 * The package's own errors. They are constructed here, never in native code: under jest, an error from native code belongs to another
 * realm and fails `instanceof`. A message says what hawser was doing, where, and what to do next. It never contains a key, a value or a
 * password.
 */

export interface HawserErrorDetails {
  /** The command's name, without its arguments. */
  command?: string;
  /** `host:port` or a socket path. */
  node?: string;
  /** True if the server may have run the command although its reply is missing. Absent otherwise. */
  maybeExecuted?: boolean;
  /** For invalidations that could not be delivered: `true` if they are kept and will be sent again, otherwise `false`. */
  kept?: boolean;
  cause?: unknown;
}

/** An error with a stable `code`. docs/errors.md lists all codes. Match on the code, never on the message. */
export class HawserError extends Error {
  override readonly name: string = 'HawserError';
  /** The command's name, or the cache's operation. */
  readonly command?: string;
  /** `host:port` or a socket path. */
  readonly node?: string;
  /** True if the server may have run the command although its reply is missing. */
  readonly maybeExecuted?: boolean;
  /** For an undelivered invalidation: whether it is kept and will be sent again. */
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
 * Throws for an invalid option, argument or environment variable: `cache.ttl must be a positive number of seconds, got -5`. The `code` is
 * `E_BAD_OPTION`. The error is a TypeError, or the RangeError in `Kind` for a value of the right type or a limit. The message shows only
 * numbers and booleans; of other values it names the type, because they may be secrets.
 */
export function badOption(path: string, allowed: string, got: unknown, Kind: OptionErrorClass = TypeError): never {
  throw Object.assign(new Kind(`${path} must be ${allowed}, got ${describe(got)}`), { code: 'E_BAD_OPTION' });
}

/** A Map, a Date or a promise is named. */
function anObject(got: object): string {
  const kind = Object.prototype.toString.call(got).slice(8, -1);
  return kind === 'Object' || !/^[A-Z]\w*$/.test(kind) ? 'an object' : `an object (${kind})`;
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
      return Array.isArray(got) ? 'an array' : anObject(got);
    default:
      return `a ${typeof got}`;
  }
}
