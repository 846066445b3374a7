/** How a failure reaches the caller who awaits the command. */
import { surface } from '../clock';
import type { Failure } from '../observe/errors';
import { codeFolder } from '../place';

const noop = (): void => {};

/** Rejects as if the error had been thrown where the caller awaits: after two turns, V8 appends the awaiting callers to the stack. */
export async function fail(failure: Failure, command: { errorOf(failure: Failure): Error }): Promise<never> {
  /* eslint-disable @typescript-eslint/await-thenable -- the turns are what counts */
  await undefined;
  await undefined;
  /* eslint-enable @typescript-eslint/await-thenable */
  const error = command.errorOf(failure);
  Error.captureStackTrace(error, fail);
  throw error;
}

/**
 * Runs `next` after the caller has received the rejection of a command that `fail` has just settled: after two turns of `fail` and one of
 * the promise.
 */
export function afterFailure(next: () => void): void {
  Promise.resolve().then(noop).then(noop).then(next).catch(surface);
}

/** Gives an error the stack of the caller, without this package's own frames. */
export function takeStack(error: Error, caller: Error): void {
  const lines = (caller.stack ?? '').split('\n').slice(1);
  const own = (line: string): boolean => codeFolder !== undefined && line.includes(codeFolder);
  error.stack = `${error.name}: ${error.message}\n${lines.filter((line) => !own(line)).join('\n')}`;
}
