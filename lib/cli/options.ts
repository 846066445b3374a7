/** Options that several commands have, and the parsers of their values. Every error names the option and the value. */
import { InvalidArgumentError, Option, type Command } from 'commander';

/** `--json`, `--html` and `--output`. */
export function addOutputOptions(command: Command): void {
  command
    .addOption(new Option('--json', 'print the result as JSON').conflicts('html'))
    .addOption(new Option('--html', 'print one HTML page that needs no other file'))
    .option('-o, --output <file>', 'write to this file instead of standard output');
}

/** Parses a whole number from `min` to `max`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    return value;
  };
}

/** Parses a number from `min` to `max`. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= min && value <= max)) throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    return value;
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Parses a time with its unit (`500ms`, `60s`, `5m`, `1h`) into milliseconds, from `min` to `max` milliseconds. */
export function duration(min: number, max: number): (text: string) => number {
  return (text) => {
    const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
    const value = Number(digits) * (UNITS[unit] ?? NaN);
    if (digits === '' || !(value >= min && value <= max)) {
      throw new InvalidArgumentError(`It must be a time with its unit, like 500ms, 60s or 5m, from ${min} ms to ${max} ms.`);
    }
    return value;
  };
}
