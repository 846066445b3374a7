/** Where log lines go: the application's own logger, or the console. */

/** What hawser asks of a logger; winston, pino and `console` have it. */
export interface Logger {
  debug(message: string, ...details: unknown[]): void;
  info(message: string, ...details: unknown[]): void;
  warn(message: string, ...details: unknown[]): void;
  error(message: string, ...details: unknown[]): void;
}

/* eslint-disable no-console -- this object is the console logger */
const warn = (message: string, ...details: unknown[]): void => console.warn(message, ...details);
const error = (message: string, ...details: unknown[]): void => console.error(message, ...details);
const debug = (message: string, ...details: unknown[]): void => console.debug(message, ...details);
/* eslint-enable no-console */
const silent = (): void => undefined;

/** The logger in use when none is given: warnings and errors on the console, `debug` only where commands are monitored. */
export function consoleLogger(options: { debug: boolean }): Logger {
  return { debug: options.debug ? debug : silent, info: silent, warn, error };
}
