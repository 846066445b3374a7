/**
 * The errors of the client: the classes and messages that users of ioredis match on, each with hawser's stable `code` beside them.
 * The code is not enumerable, so that a `ReplyError` prints and compares as it does there.
 */
import redisErrors = require('redis-errors');

/** The base of all of them. Class of the npm package `redis-errors`. */
export interface RedisError extends Error {
  /** `E_REPLY`, `E_ABORTED` ...; missing on errors that are made outside of the client. */
  readonly code?: string;
}
/** The server answered with an error: its text is the message. Class of the npm package `redis-errors`. */
export interface ReplyError extends RedisError {
  /** Whose reply it was. */
  command: CommandShape;
  /** Of a transaction that EXEC refused (EXECABORT): the errors of its commands, `Error[]`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- ioredis's class is `any`: what is read of such an error without a check stays so
  previousErrors?: any;
}
/** The command was given up by the client. Class of the npm package `redis-errors`. */
export interface AbortError extends RedisError {
  command?: CommandShape;
  /** Whether the server may have run the command all the same. */
  readonly maybeExecuted?: boolean;
}
type ErrorClass<T> = new (message?: string) => T;

export const RedisError: ErrorClass<RedisError> = redisErrors.RedisError;
export const ReplyError: ErrorClass<ReplyError> = redisErrors.ReplyError as ErrorClass<ReplyError>;
export const AbortError: ErrorClass<AbortError> = redisErrors.AbortError;

/** What an error says about the command it belongs to. */
export interface CommandShape {
  name: string;
  args: unknown[];
}

/** Every way in which waiting commands are given up after too many reconnects. */
export class MaxRetriesPerRequestError extends AbortError {
  constructor(maxRetriesPerRequest: number) {
    super(
      `Reached the max retries per request limit (which is ${maxRetriesPerRequest}). Refer to "maxRetriesPerRequest" option for details.`,
    );
    Error.captureStackTrace(this, this.constructor);
  }

  override get name(): string {
    return this.constructor.name;
  }
}

export const CONNECTION_CLOSED_ERROR_MSG = 'Connection is closed.';

/** What happened to a command, before it is known whether anybody wants an Error of it. */
export interface Failure {
  code: string;
  /** The server's text, or what is to be said instead of the code's usual message. */
  text?: string;
  maybeExecuted?: boolean;
  node: string;
  maxRetriesPerRequest?: number | null;
}

function construct({ code, text, maxRetriesPerRequest }: Failure): Error {
  switch (code) {
    case 'E_REPLY':
      return new ReplyError(text ?? '');
    case 'E_TIMEOUT':
      return new Error(text ?? 'Command timed out');
    case 'E_ABORTED':
      return new AbortError(text ?? 'Command aborted due to connection close');
    case 'E_MAX_RETRIES':
      return new MaxRetriesPerRequestError(maxRetriesPerRequest ?? 0);
    case 'E_OFFLINE':
      return new Error("Stream isn't writeable and enableOfflineQueue options is false");
    case 'E_BAD_STATE':
      return new Error(text ?? 'Connection in subscriber mode, only subscriber commands may be used');
    case 'E_QUEUE_FULL':
      return new Error('The queue of commands is full (maxQueueCommands, maxQueueBytes); the server is slower than its callers');
    case 'E_PROTOCOL':
      return new Error(text ?? 'The server sent what is no reply to the commands in flight. Please report this.');
    case 'E_CONN_CLOSED':
      return new Error(text ?? CONNECTION_CLOSED_ERROR_MSG);
    default:
      return new Error(text ?? code);
  }
}

/** The Error of a failure. */
export function errorOf(failure: Failure, command: CommandShape): Error {
  const error = construct(failure);
  const hidden = { enumerable: false, configurable: true, writable: true };
  Object.defineProperty(error, 'code', { ...hidden, value: failure.code });
  Object.defineProperty(error, 'node', { ...hidden, value: failure.node });
  if (failure.maybeExecuted) Object.defineProperty(error, 'maybeExecuted', { ...hidden, value: true });
  const isIoredisShape = failure.code === 'E_REPLY' || failure.code === 'E_ABORTED';
  Object.defineProperty(error, 'command', {
    ...hidden,
    enumerable: isIoredisShape,
    value: isIoredisShape ? { name: command.name, args: command.args } : { name: command.name },
  });
  return error;
}
