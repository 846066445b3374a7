/** The logger: the application's own, or the console. */

/** The interface of a logger. winston, pino and `console` have it. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

export type Level = keyof Logger;
export const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/* eslint-disable no-console -- this object is the console logger */
const warn = (message: string, ...details: unknown[]): void => console.warn(message, ...details);
const error = (message: string, ...details: unknown[]): void => console.error(message, ...details);
const debug = (message: string, ...details: unknown[]): void => console.debug(message, ...details);
/* eslint-enable no-console */
const silent = (): void => undefined;

/** The default logger: it writes warnings and errors to the console, and debug lines only while commands are monitored. */
export function consoleLogger(options: { debug: boolean }): Logger {
  return { debug: options.debug ? debug : silent, info: silent, warn, error };
}
