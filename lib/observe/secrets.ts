/**
 * Keeps passwords out of what is printed. Applications read and copy options (`{ ...redis.options }`), so these keep their passwords; but
 * `util.inspect` and `JSON.stringify`, and with them `console.log`, loggers and error reports, get a copy without.
 */
import { inspect, type InspectOptions } from 'node:util';
import { define } from '../names';

/** What stands in a secret's place. */
export const MASK = '***';
/** Options that are secrets, wherever they are. */
const SECRET = /^(.*pass(word|phrase)?|auth|key|pfx|secret|.*token)$/i;
/** User and password in a URL, up to the last `@`: a password that is not encoded may contain any character. */
const USER_INFO = /(\w:\/\/)[^]*@/;
/** `?password=...` in a URL. */
const IN_QUERY = /([?&](?:sentinel)?password=)[^&#]*/gi;
const DEEPEST = 5;

/** A copy without the secrets in it. */
export function withoutSecrets(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.replace(USER_INFO, `$1${MASK}@`).replace(IN_QUERY, `$1${MASK}`);
  if (Array.isArray(value)) return depth >= DEEPEST ? '[Array]' : value.map((item) => withoutSecrets(item, depth + 1));
  if (!isPlain(value)) return value;
  if (depth >= DEEPEST) return '[Object]';
  const copy: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const isSecret = SECRET.test(name) && item !== null && item !== undefined && typeof item !== 'function' && typeof item !== 'boolean';
    define(copy, name, isSecret ? MASK : withoutSecrets(item, depth + 1), true);
  }
  return copy;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const root: unknown = Object.getPrototypeOf(value);
  return root === Object.prototype || root === null;
}

/** Options that print without their secrets. Copies of them are the caller's own. */
export function hideSecrets<T extends object>(options: T): T {
  if (!Object.isExtensible(options)) return options;
  define(options, 'toJSON', () => withoutSecrets(options));
  define(options, inspect.custom, (_depth: number, style: InspectOptions) => inspect(withoutSecrets(options), style));
  return options;
}

/** Makes the instances of a class print what `view` shows of them instead of their internal state. */
export function showAs<T extends object>(prototype: T, view: (instance: T) => object): void {
  define(prototype, inspect.custom, function (this: T, depth: number, style: InspectOptions) {
    const name = this.constructor.name;
    if (depth < 0) return `[${name}]`;
    // Node prints the prototype itself, too, which has no state.
    return this === prototype ? `${name} {}` : `${name} ${inspect(withoutSecrets(view(this)), { ...style, depth: style.depth === null ? null : depth })}`;
  });
}

/** Commands whose arguments are or hold passwords: which of them. `at` is an index in `args`. */
const ARGUMENTS: Readonly<Record<string, (args: readonly string[], at: number) => boolean>> = {
  auth: () => true,
  hello: (args, at) => at > 1 && args[at - 2].toLowerCase() === 'auth',
  acl: (args, at) => /^[><#!]/.test(args[at]),
  config: (args, at) => at > 0 && /pass|auth$/i.test(args[at - 1]),
  migrate: (args, at) => (at > 0 && args[at - 1].toLowerCase() === 'auth') || (at > 1 && args[at - 2].toLowerCase() === 'auth2'),
  sentinel: (args, at) => at > 0 && /pass$/i.test(args[at - 1]),
};

/** The arguments of a command without its passwords; the same array if there are none. */
export function maskedArguments(name: string, args: readonly unknown[]): readonly unknown[] {
  const isSecret = Object.hasOwn(ARGUMENTS, name.toLowerCase()) ? ARGUMENTS[name.toLowerCase()] : undefined;
  if (isSecret === undefined) return args;
  const texts = args.map(String);
  return args.map((arg, at) => (isSecret(texts, at) ? MASK : arg));
}

/** What a server says to such a command: it may repeat arguments, and cut the last one short. */
export function maskedText(text: string, args: readonly unknown[], masked: readonly unknown[]): string {
  if (args === masked) return text;
  let said = text.replace(/(args beginning with:)[^]*/, `$1 ${MASK}`);
  const code = /^\S* ?/.exec(said)![0];
  args.forEach((arg, at) => {
    if (masked[at] !== arg && String(arg) !== '') said = code + said.slice(code.length).replaceAll(String(arg), MASK);
  });
  return said;
}
