/**
 * Loggers of applications, by their shape. Most take `(message, ...details)`, as `console` does. pino and what follows it (bunyan, Fastify's
 * `log`) take the details first, as an object. winston takes them last, as an object whose `message` it would add to the line.
 */
import { isNativeError } from 'node:util/types';
import type { Level } from './logger';

/** The methods that take a level's lines, in this order: winston's syslog levels have no `warn`, other sets of levels no `debug`. */
const METHODS: Record<Level, readonly string[]> = {
  debug: ['debug', 'verbose', 'trace', 'silly'],
  info: ['info', 'notice', 'log'],
  warn: ['warn', 'warning', 'notice'],
  error: ['error', 'err', 'crit', 'fatal'],
};

type Methods = Record<string, unknown>;
type Arguments = (message: string, details: unknown[]) => unknown[];

/** The name of the method that takes a level's lines; undefined if the logger has none. */
export function methodOf(logger: unknown, level: Level): string | undefined {
  return METHODS[level].find((name) => isMethod(logger, name));
}

/**
 * A function that writes a line to the application's logger. It looks the method up each time, because pino replaces its methods when its
 * level changes.
 */
export function writer(logger: object, level: Level): (message: string, details: unknown[]) => unknown {
  const name = methodOf(logger, level) ?? level;
  const argumentsOf = shapeOf(logger);
  return (message, details) => ((logger as Methods)[name] as (...given: unknown[]) => unknown)(...argumentsOf(message, details));
}

function shapeOf(logger: object): Arguments {
  if (isMethod(logger, 'bindings') || (isMethod(logger, 'child') && !isMethod(logger, 'log'))) return objectFirst;
  return isMethod(logger, 'child') ? objectLast : asGiven;
}

const asGiven: Arguments = (message, details) => [message, ...details];

const objectFirst: Arguments = (message, details) => {
  if (details.length === 0) return [message];
  // pino's and bunyan's serializers know an error by this name.
  return [details.length === 1 && isNativeError(details[0]) ? { err: details[0] } : { details }, withoutColon(message)];
};

const objectLast: Arguments = (message, details) => {
  if (details.length === 0) return [message];
  return [withoutColon(message), details.length === 1 && isNativeError(details[0]) ? { error: plain(details[0]) } : { details }];
};

/** JSON shows nothing of an Error. */
function plain(error: Error): object {
  const { name, message, stack } = error;
  return { ...error, name, message, stack };
}

const withoutColon = (message: string): string => message.replace(/:$/, '');

function isMethod(logger: unknown, name: string): boolean {
  return typeof (logger as Methods | null | undefined)?.[name] === 'function';
}
