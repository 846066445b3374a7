/** The errors of a cluster that people match on, with ioredis's classes and messages. */
import { quoting, RedisError } from '../observe/errors';

export const FAILED_TO_REFRESH = 'Failed to refresh slots cache.';
export const NO_STARTUP_NODE = 'None of startup nodes is available';

/** No node answered CLUSTER SLOTS. */
export class ClusterAllFailedError extends RedisError {
  static readonly defaultMessage = FAILED_TO_REFRESH;

  constructor(
    message: string,
    /** What the last node that was asked failed with. */
    readonly lastNodeError?: Error,
  ) {
    super(message);
    Error.captureStackTrace(this, this.constructor);
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** What a node said, in the core's report of a redirect that no server sends. */
export function wordsOf(report: string): string {
  return /^a redirect names [^:]*: ([^]*)$/.exec(report)?.[1] ?? '';
}

/** The error of a node that the core reports. */
export function nodeError(report: string): Error {
  return quoting(new Error(report), wordsOf(report));
}
