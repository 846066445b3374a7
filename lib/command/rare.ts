/** State that few commands have: a deadline, a script, replaced outcomes. */
import type { CommandFailure } from '../observe/instrument';
import type { Script } from './script';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as in ioredis
export type Resolve = (value: any) => unknown;
export type Reject = (error: Error) => void;

/**
 * State that few commands have. It is separate, because thousands of commands may be alive at once, and the memory that the garbage
 * collector moves is a large part of a command's cost.
 */
export class Rare {
  timer: NodeJS.Timeout | undefined = undefined;
  errorStack: Error | undefined = undefined;
  isReadOnly: boolean | undefined = undefined;
  script: Script | undefined = undefined;
  resolve: Resolve | undefined = undefined;
  reject: Reject | undefined = undefined;
  keys: (string | Buffer)[] | undefined = undefined;
  onOutcome: ((failure?: CommandFailure) => void) | undefined = undefined;
}
